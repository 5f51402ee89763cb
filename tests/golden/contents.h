#pragma once

#include <array>
#include <map>
#include <random>
#include <string>

#include "repository/catalog.h"
#include "repository/manifest.h"
#include "repository/wal_times.h"

// What the golden repositories hold. They are never made anew for the same format version: a reader that cannot read them any
// more is broken, and so is a change to this file that makes the test fail.

namespace pgrecall::golden {

inline constexpr const char* cluster = "prod";
inline constexpr const char* passphrase = "golden passphrase";
inline constexpr std::size_t page_size = 8192;  // bytes

inline const BackupId full{"20261123T023000Z-full"};
inline const BackupId incremental{"20261124T023000Z-incr"};
inline const WalSegment segment{1, 5, 1U << 20U};
inline constexpr std::uint32_t tail_from = 0x2000;

inline Bytes copy_of(std::string_view text) {
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

// Lines of text, so that both compressors shrink it.
inline Bytes page(unsigned number) {
  std::string text;
  for (unsigned line = 0; text.size() < page_size; ++line) {
    text += "page " + std::to_string(number) + " line " + std::to_string(line % 50) + "\n";
  }
  return copy_of(text.substr(0, page_size));
}

inline Bytes pages(unsigned first, unsigned count) {
  Bytes all;
  for (unsigned number = first; number < first + count; ++number) {
    const Bytes one = page(number);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

// No compressor shrinks these.
inline Bytes noise(std::size_t size) {
  std::mt19937 random(20261123);
  Bytes bytes(size);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random());
  }
  return bytes;
}

inline void put_page(Bytes& file, std::size_t at, const Bytes& contents) {
  std::copy(contents.begin(), contents.end(), file.begin() + static_cast<std::ptrdiff_t>(at * page_size));
}

// Pages 0 to 5 from one chunk, page 2 laid over, 6 and 7 never written, 8 and 9 from another chunk.
inline Bytes relation_in_full() {
  Bytes file(10 * page_size);
  put_page(file, 0, pages(0, 6));
  put_page(file, 2, page(102));
  put_page(file, 8, pages(8, 2));
  return file;
}

// One page more was changed.
inline Bytes relation_in_incremental() {
  Bytes file = relation_in_full();
  put_page(file, 0, page(200));
  return file;
}

// Path -> bytes of every file in the data directory.
inline std::map<std::string, Bytes> files_of(const BackupId& id) {
  return {{"PG_VERSION", copy_of("15\n")},
          {"base/5/16384", id == full ? relation_in_full() : relation_in_incremental()},
          {"base/5/16384_fsm", Bytes(3 * page_size)},
          {"base/5/16385", Bytes()},
          {"base/5/2600", pages(20, 2)},
          {"base/5/2601", noise(300)},
          {"global/pg_control", copy_of("control file")},
          {"pg_tblspc/16401/PG_15_202209061/5/16400", page(30)}};
}

inline BackupSummary summary_of(const BackupId& id) {
  BackupSummary summary;
  summary.id = id;
  summary.cluster = cluster;
  summary.system_identifier = 7'000'000'000'000'000'001;
  summary.server_version = 150004;
  summary.started = id.time();
  summary.finished = id.time() + std::chrono::seconds(65);
  summary.start_lsn = Lsn{0x500028};
  summary.stop_lsn = Lsn{0x502300};
  summary.timeline = 1;
  summary.page_size = page_size;
  summary.wal_segment_size = segment.size;
  summary.relation_segment_blocks = 131072;
  summary.page_checksums = true;
  summary.label = "golden";
  summary.keep = Keep::weekly;
  summary.note = "caf\xe9";  // not UTF-8
  if (id != full) {
    summary.parent = full;
  }
  summary.compression = "zstd 1";
  summary.files = files_of(id).size() + 1;
  summary.tablespaces = {{16401, "/mnt/fast", page_size}};
  summary.page_failures = {{"base/5/2600", 1, 65535, 1, "same"}};
  summary.page_failure_count = 1;
  summary.configuration_files = {"postgresql.conf"};
  summary.warnings = {"one page has a wrong checksum"};
  summary.tool = "pgrecall 0.1.0";
  return summary;
}

inline SystemRecord system() { return {7'000'000'000'000'000'001, 150004, page_size, segment.size, true, full.time()}; }

inline ClusterSystem golden_system() { return {cluster, system().system_identifier}; }

inline Bytes wal() {
  Bytes bytes(segment.size);
  const Bytes start = pages(50, 1);
  std::copy(start.begin(), start.end(), bytes.begin());
  return bytes;
}

inline Bytes wal_tail() { return noise(700); }

// Of the tail's end.
inline WalTime wal_time() {
  return {1, Lsn{segment.end().value + tail_from + 700}, incremental.time() + std::chrono::microseconds(123'456)};
}
inline constexpr std::string_view history = "1\t0/600000\tno recovery target specified\n";

}  // namespace pgrecall::golden
