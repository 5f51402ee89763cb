#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/lsn.h"
#include "engine/failure.h"
#include "engine/progress.h"
#include "engine/shared_chunks.h"
#include "io/bounded_queue.h"
#include "io/buffer_pool.h"
#include "postgres/page.h"
#include "postgres/relation_file.h"
#include "repository/manifest.h"
#include "repository/pack_writer.h"

namespace pgrecall {

class BackupPipeline;
class LargeFile;

// A file small enough to share a chunk with others.
struct SmallFile {
  ManifestEntry entry;
  std::size_t offset = 0;  // in the bundle
};

// What the reader of the server hands to the workers: one slice of a large file, or a bundle of small files.
struct BackupJob {
  Buffer bytes;
  std::shared_ptr<LargeFile> file;
  std::uint64_t slice = 0;
  std::vector<SmallFile> bundle;
};

// read → slice → {check pages, hash, compare, compress, seal} × workers → packs → store. The caller's thread reads the server,
// and calls begin_file / add_bytes / end_file for one file after the other; workers do the rest. Memory: the buffers of the pool,
// and the packs.
class BackupPipeline {
 public:
  struct Options {
    Compression compression;
    std::uint32_t slice_size = 512U << 10U;  // bytes; large files are cut at its multiples
    unsigned workers = 3;
    std::uint32_t page_size = 8192;
    bool page_checksums = false;
    std::uint32_t relation_segment_blocks = default_blocks_per_segment;
  };
  struct Totals {
    std::uint64_t files = 0;
    std::uint64_t logical_bytes = 0;
    std::uint64_t shared_bytes = 0;
    std::uint64_t chunks_new = 0;
    std::uint64_t chunks_shared = 0;
  };
  struct FileFailure {
    std::string path;
    BadPage page;
  };

  // `parent` may be null. All must outlive the pipeline.
  BackupPipeline(const Options& options, PackWriter& packs, ManifestWriter& manifest, const Repository& repository,
                 std::string cluster, const ParentBackup* parent, const OrphanChunks& orphans, const StoredPacks& stored_packs,
                 Failure& failure, Progress& progress);
  ~BackupPipeline();
  BackupPipeline(const BackupPipeline&) = delete;
  BackupPipeline& operator=(const BackupPipeline&) = delete;

  // A directory or a link.
  void add_without_bytes(const ManifestEntry& entry);
  // entry.size is final. Its bytes follow, exactly that many.
  void begin_file(ManifestEntry entry);
  void add_bytes(ByteView bytes);
  void end_file();

  // Waits until everything was stored and entered. Throws the first error.
  void finish();
  // After finish().
  [[nodiscard]] const Totals& totals() const noexcept { return totals_; }
  // Every page that looked bad, also those written while the backup ran.
  [[nodiscard]] std::vector<FileFailure> take_page_failures();

 private:
  friend class LargeFile;
  struct Worker;
  struct Unblock {
    BackupPipeline* pipeline;
    void operator()() const noexcept { pipeline->unblock(); }
  };

  void flush_bundle();
  void flush_slice();
  void submit(BackupJob job);
  [[nodiscard]] Buffer take_buffer();
  void work();
  void process_slice(Worker& worker, BackupJob& job);
  void process_bundle(Worker& worker, BackupJob& job);
  void check_relation_pages(const ManifestEntry& entry, std::uint64_t offset, ByteView bytes);
  // The place of a small file that the parent has with the same bytes.
  [[nodiscard]] std::optional<FileContent> find_in_parent(const ManifestEntry& entry, const Sha256Digest& digest) const;
  // A chunk that the parent has at the same place, or that an interrupted backup left, or a new one.
  [[nodiscard]] ChunkRef place(Worker& worker, ByteView raw, const Sha256Digest& digest, const ChunkRef* parent);
  // An extent map is shared when it came out the same as the parent's.
  [[nodiscard]] ChunkRef place_map(Worker& worker, ByteView encoded, const std::optional<ChunkRef>& parent);
  [[nodiscard]] bool shareable(const ChunkRef& ref) const { return stored_packs_.contains(ref.pack); }
  void enter(const ManifestEntry& entry);
  void need(const std::vector<ChunkRef>& chunks);
  void unblock() noexcept;

  const Options options_;
  PackWriter& packs_;
  ManifestWriter& manifest_;
  const Repository& repository_;
  const std::string cluster_;
  const ParentBackup* parent_;
  const OrphanChunks& orphans_;
  const StoredPacks& stored_packs_;
  Failure& failure_;
  Progress& progress_;

  BufferPool buffers_;
  BoundedQueue<BackupJob> queue_;
  std::mutex manifest_mutex_;
  std::mutex page_mutex_;
  std::vector<FileFailure> page_failures_;
  std::atomic<std::uint64_t> shared_bytes_{0};
  std::atomic<std::uint64_t> chunks_new_{0};
  std::atomic<std::uint64_t> chunks_shared_{0};
  Totals totals_;

  // Of the reading thread.
  ManifestEntry entry_;
  std::shared_ptr<LargeFile> file_;
  std::uint64_t slice_ = 0;
  Buffer slice_bytes_;
  BackupJob bundle_;

  std::vector<std::jthread> threads_;
  std::stop_callback<Unblock> on_failure_;
};

}  // namespace pgrecall
