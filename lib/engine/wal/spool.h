#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/lsn.h"
#include "io/fd.h"
#include "postgres/wal_segment.h"
#include "repository/names.h"

namespace pgrecall {

struct SpooledPartial {
  WalSegment segment;
  std::uint64_t size = 0;  // bytes of the file; zeros may stand behind the WAL, and after a power loss anything
};

// All in order: by timeline, then number.
struct SpoolContents {
  std::vector<WalSegment> complete;
  std::vector<SpooledPartial> partials;
  std::vector<Timeline> histories;
};

// What the headers in a cluster's spool, <spool>/<cluster>, say of its systems: of each that has WAL there.
[[nodiscard]] std::vector<WalSegmentHeader> find_spooled_systems(const std::string& cluster_spool);

// <spool>/<cluster>/<system identifier>: where the WAL of one system lies until the repository has it.
[[nodiscard]] std::string spool_directory(const std::string& spool, const ClusterSystem& system);

// Keeps a second receiver of the same cluster out of the spool, until it is destroyed or its process dies.
class SpoolLock {
 public:
  // Makes `directory`. Error{held} when another process has it.
  explicit SpoolLock(const std::string& directory);

 private:
  Fd file_;
};

// The directory in which received WAL lies until the repository has it: `<segment>.partial` while it grows, `<segment>` when it
// is complete, `<timeline>.history`. One receiver writes it (SpoolLock); several threads of it may.
class WalSpool {
 public:
  // Makes the directory.
  WalSpool(std::string directory, std::uint32_t segment_size);

  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }
  [[nodiscard]] std::uint32_t segment_size() const noexcept { return segment_size_; }
  [[nodiscard]] SpoolContents contents() const;

  [[nodiscard]] std::string path_of(const WalSegment& segment) const { return directory_ + "/" + segment.file_name(); }
  [[nodiscard]] std::string partial_path_of(const WalSegment& segment) const { return path_of(segment) + ".partial"; }
  [[nodiscard]] std::string history_path_of(Timeline timeline) const;

  // Durable when it returns.
  void keep_history(Timeline timeline, ByteView content);
  // Gives a partial file, which is whole and synced, its final name, durably. May be called again when it throws.
  void complete(const WalSegment& segment);
  void sync() const;
  // Renames a file that cannot be used, out of the way of all others; its new path. `counted`: its part of used().
  [[nodiscard]] std::string set_aside(const std::string& path, std::uint64_t counted);
  // A file that the repository holds now, or that is of no use. No error when it is gone.
  void remove(const std::string& path);

  // Bytes in all files.
  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  void grow(std::uint64_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void shrink(std::uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const std::string directory_;
  const std::uint32_t segment_size_;
  std::atomic<std::uint64_t> used_{0};
};

// One segment's file that is being written. The receiver's thread.
class SpoolFile {
 public:
  // Goes on behind `length` bytes of what the file holds, or begins it. What it holds is synced first: a process that was killed
  // may have left bytes that the disk has not.
  SpoolFile(WalSpool& spool, const WalSegment& segment, std::uint64_t length);

  [[nodiscard]] const WalSegment& segment() const noexcept { return segment_; }
  // Bytes from the start of the segment.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  [[nodiscard]] std::uint64_t synced() const noexcept { return synced_; }

  void append(ByteView bytes);
  // Where little was appended since the last time, zeros behind the WAL come with it.
  void sync();
  // After append() or sync() failed: the kernel may have dropped what it could not write, and call it clean. What was not
  // synced goes, to be received again.
  void drop_unsynced();
  void read(std::uint64_t offset, MutableByteView out) const;

 private:
  void make_room();

  WalSpool& spool_;
  const WalSegment segment_;
  const std::string path_;
  Fd file_;
  std::uint64_t size_ = 0;  // of the file
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
  bool makes_room_ = true;
  std::uint64_t kept_ = 0;  // of what was there when it was opened: synced, perhaps acknowledged
};

}  // namespace pgrecall
