#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/failure.h"
#include "engine/progress.h"
#include "engine/restore.h"
#include "engine/restore_target.h"
#include "io/bounded_queue.h"
#include "repository/manifest.h"
#include "repository/pack_reader.h"

namespace pgrecall {

// Writes files as their manifest entries say, many at once: large ones range by range, small ones that share a chunk together.
// Every byte comes out of a chunk whose hash was checked. The caller's thread adds entries.
class RestoreFiles {
 public:
  // `path_of` tells where an entry goes.
  RestoreFiles(const Repository& repository, std::string cluster, const RestoreTarget& target, RestoreRequest::Mode mode,
               unsigned workers, std::function<std::string(const ManifestEntry&)> path_of, Failure& failure, Progress& progress);
  ~RestoreFiles();
  RestoreFiles(const RestoreFiles&) = delete;
  RestoreFiles& operator=(const RestoreFiles&) = delete;

  void add(const ManifestEntry& entry);
  // Waits until all is written. Throws the first error.
  void finish();
  [[nodiscard]] std::uint64_t bytes_written() const noexcept { return bytes_written_; }

 private:
  struct Job;
  struct Worker;
  struct OpenFile;

  void submit(Job job);
  void flush_group();
  void work();
  void write_file(Worker& worker, const ManifestEntry& entry);
  void write_range(Worker& worker, const Job& job);
  void write_extent(Worker& worker, const OpenFile& file, const Extent& extent, const ChunkRef& chunk);
  void write_zeros(Worker& worker, const OpenFile& file, std::uint64_t from, std::uint64_t to);
  void write_if_different(Worker& worker, const OpenFile& file, std::uint64_t offset, ByteView bytes);
  [[nodiscard]] bool has_already(Worker& worker, const OpenFile& file, std::uint64_t offset, std::uint64_t length,
                                 const Sha256Digest& digest);

  const Repository& repository_;
  const std::string cluster_;
  const RestoreTarget& target_;
  const RestoreRequest::Mode mode_;
  const std::function<std::string(const ManifestEntry&)> path_of_;
  Failure& failure_;
  Progress& progress_;
  std::atomic<std::uint64_t> bytes_written_{0};
  std::vector<ManifestEntry> group_;  // small files of one chunk, as they stood together in the manifest
  std::unique_ptr<BoundedQueue<Job>> queue_;
  std::vector<std::jthread> threads_;
  struct Unblock {
    BoundedQueue<Job>* queue;
    void operator()() const noexcept;
  };
  std::unique_ptr<std::stop_callback<Unblock>> on_failure_;
};

}  // namespace pgrecall
