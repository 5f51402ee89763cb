#pragma once

#include "repository/catalog.h"

namespace pgrecall::test {

// A summary in which no member has its default, so that one that is forgotten shows.
inline BackupSummary some_summary() {
  BackupSummary summary;
  summary.id = {"20261124T023000Z-incr"};
  summary.cluster = "prod";
  summary.system_identifier = UINT64_MAX;
  summary.server_version = 150004;
  summary.started = parse_time("2026-11-24T02:30:00Z").value();
  summary.finished = parse_time("2026-11-24T02:31:05Z").value();
  summary.start_lsn = Lsn{0x16B374D848};
  summary.stop_lsn = Lsn{0x16C0000000};
  summary.timeline = 3;
  summary.page_size = 8192;
  summary.wal_segment_size = 16U << 20U;
  summary.relation_segment_blocks = 131072;
  summary.page_checksums = true;
  summary.label = "nightly";
  summary.keep = Keep::weekly;
  summary.note = "before the \"upgrade\"";
  summary.parent = BackupId{"20261123T023000Z-full"};
  summary.compression = "zstd 1";
  summary.files = 1234;
  summary.logical_bytes = 5'000'000'000;
  summary.stored_bytes = 1000;
  summary.shared_bytes = 4'999'999'000;
  summary.chunks_new = 7;
  summary.chunks_shared = 8;
  summary.wal_bytes = 99;
  summary.manifest_size = 4096;
  summary.manifest_digest.bytes[0] = std::byte{0xab};
  summary.tablespaces = {{16401, "/mnt/f\xe9te", 77}};  // a directory named in Latin-1
  summary.page_failures = {{"base/5/16384.1", 131073, 65535, 1, "same"}};
  summary.page_failure_count = 1;
  summary.configuration_files = {"postgresql.conf"};
  summary.companions = {{"vault-key", parse_time("2026-11-24T02:29:58Z").value(), 1, 64, "", {"pgsodium_root.key"}},
                        {"functions", parse_time("2026-11-24T02:29:59Z").value(), 0, 0, "not permitted", {}}};
  summary.warnings = {"one"};
  summary.tool = "pgrecall 0.1.0";
  return summary;
}

inline SystemRecord some_system() {
  return {7'000'000'000'000'000'001, 150004, 8192, 16U << 20U, true, parse_time("2026-11-23T02:00:00Z").value()};
}

}  // namespace pgrecall::test
