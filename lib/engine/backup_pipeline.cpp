#include "engine/backup_pipeline.h"

#include <algorithm>
#include <cstring>

#include "base/all_zero.h"
#include "base/error.h"
#include "engine/large_file.h"
#include "postgres/relation_file.h"
#include "repository/pack_reader.h"

namespace pgrecall {

namespace {
constexpr std::size_t max_bundled_files = 2048;

// Buffers in the hands of the reader (a slice and a bundle), of each worker, and waiting: enough that the workers have work
// while the server and the reader take turns.
std::size_t buffer_count(unsigned workers) noexcept { return 16 * static_cast<std::size_t>(workers); }
}  // namespace

struct BackupPipeline::Worker {
  Compressor compressor;
  ChunkReader parent_reader;
};

BackupPipeline::BackupPipeline(const Options& options, PackWriter& packs, ManifestWriter& manifest, const Repository& repository,
                               std::string cluster, const ParentBackup* parent, const OrphanChunks& orphans,
                               const StoredPacks& stored_packs, Failure& failure, Progress& progress)
    : options_(options),
      packs_(packs),
      manifest_(manifest),
      repository_(repository),
      cluster_(std::move(cluster)),
      parent_(parent),
      orphans_(orphans),
      stored_packs_(stored_packs),
      failure_(failure),
      progress_(progress),
      buffers_(buffer_count(options.workers), options.slice_size),
      queue_(buffer_count(options.workers)),
      on_failure_(failure.token(), Unblock{this}) {
  for (unsigned i = 0; i < options_.workers; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

BackupPipeline::~BackupPipeline() {
  unblock();
  threads_.clear();
}

void BackupPipeline::unblock() noexcept {
  buffers_.cancel();
  queue_.cancel();
  packs_.cancel();
}

void BackupPipeline::add_without_bytes(const ManifestEntry& entry) { enter(entry); }

void BackupPipeline::begin_file(ManifestEntry entry) {
  totals_.files += 1;
  totals_.logical_bytes += entry.size;
  entry_ = std::move(entry);
  if (entry_.size == 0) {
    entry_.content = ZeroContent{};
    enter(entry_);
  } else if (entry_.size <= options_.slice_size / 4) {
    if (bundle_.bytes &&
        (bundle_.bytes.size() + entry_.size > options_.slice_size || bundle_.bundle.size() >= max_bundled_files)) {
      flush_bundle();
    }
    if (!bundle_.bytes) {
      bundle_.bytes = take_buffer();
    }
    bundle_.bundle.push_back({entry_, bundle_.bytes.size()});
  } else {
    auto parent = parent_ != nullptr ? parent_->find(entry_.tree, entry_.path) : std::nullopt;
    file_ = std::make_shared<LargeFile>(entry_, std::move(parent), options_.slice_size);
    slice_ = 0;
  }
}

void BackupPipeline::add_bytes(ByteView bytes) {
  progress_.add_done(bytes.size());
  if (!file_) {
    bundle_.bytes.append(bytes);
    return;
  }
  while (!bytes.empty()) {
    if (!slice_bytes_) {
      slice_bytes_ = take_buffer();
    }
    const std::size_t part = std::min(bytes.size(), slice_bytes_.capacity() - slice_bytes_.size());
    slice_bytes_.append(bytes.first(part));
    bytes = bytes.subspan(part);
    if (slice_bytes_.size() == slice_bytes_.capacity()) {
      flush_slice();
    }
  }
}

void BackupPipeline::end_file() {
  if (slice_bytes_) {
    flush_slice();
  }
  file_.reset();
}

void BackupPipeline::flush_slice() {
  submit({.bytes = std::exchange(slice_bytes_, Buffer{}), .file = file_, .slice = slice_++, .bundle = {}});
}

void BackupPipeline::flush_bundle() { submit(std::exchange(bundle_, BackupJob{})); }

void BackupPipeline::submit(BackupJob job) {
  if (!queue_.push(std::move(job))) {
    failure_.rethrow();
    throw Error(ErrorKind::cancelled, "the backup was cancelled");
  }
}

Buffer BackupPipeline::take_buffer() {
  Buffer buffer = buffers_.take();
  if (!buffer) {
    failure_.rethrow();
    throw Error(ErrorKind::cancelled, "the backup was cancelled");
  }
  return buffer;
}

void BackupPipeline::finish() {
  if (bundle_.bytes) {
    flush_bundle();
  }
  queue_.close();
  threads_.clear();
  failure_.rethrow();
  totals_.shared_bytes = shared_bytes_;
  totals_.chunks_new = chunks_new_;
  totals_.chunks_shared = chunks_shared_;
}

std::vector<BackupPipeline::FileFailure> BackupPipeline::take_page_failures() {
  const std::lock_guard lock(page_mutex_);
  return std::move(page_failures_);
}

void BackupPipeline::work() {
  try {
    Worker worker{Compressor(options_.compression), ChunkReader(repository_, cluster_)};
    while (auto job = queue_.pop()) {
      if (job->file) {
        process_slice(worker, *job);
      } else {
        process_bundle(worker, *job);
      }
    }
  } catch (...) {
    failure_.set(std::current_exception());
  }
}

void BackupPipeline::process_slice(Worker& worker, BackupJob& job) {
  LargeFile& file = *job.file;
  const ByteView raw = job.bytes.view();
  check_relation_pages(file.entry(), job.slice * options_.slice_size, raw);
  std::optional<ChunkRef> chunk;
  if (!all_zero(raw)) {
    const auto parent = file.parent_chunk(job.slice, worker.parent_reader);
    chunk = place(worker, raw, sha256(raw), parent ? &*parent : nullptr);
  }
  const auto range = file.place(job.slice, chunk);
  job.bytes = Buffer{};
  if (!range) {
    return;
  }
  need(range->map.chunks);
  std::optional<ChunkRef> map;
  if (!file.single()) {
    const Bytes encoded = encode_extent_map(range->map, range->start);
    map = place_map(worker, encoded, range->parent_map);
  }
  if (const auto entry = file.place_map(*range, map)) {
    enter(*entry);
    progress_.add_files(1);
  }
}

void BackupPipeline::process_bundle(Worker& worker, BackupJob& job) {
  std::byte* const bytes = job.bytes.data();
  std::size_t kept = 0;  // bytes at the front that are to be stored
  std::vector<SmallFile*> changed;
  for (SmallFile& file : job.bundle) {
    const auto size = static_cast<std::size_t>(file.entry.size);
    const ByteView content(bytes + file.offset, size);
    check_relation_pages(file.entry, 0, content);
    if (all_zero(content)) {
      file.entry.content = ZeroContent{};
      continue;
    }
    const Sha256Digest digest = sha256(content);
    if (auto shared = find_in_parent(file.entry, digest)) {
      file.entry.content = std::move(*shared);
      shared_bytes_ += size;
      continue;
    }
    std::memmove(bytes + kept, content.data(), size);
    file.entry.content = PartContent{.chunk = {}, .offset = static_cast<std::uint32_t>(kept), .digest = digest};
    kept += size;
    changed.push_back(&file);
  }
  if (kept > 0) {
    const ByteView raw(bytes, kept);
    const ChunkRef chunk = place(worker, raw, sha256(raw), nullptr);
    for (SmallFile* file : changed) {
      std::get<PartContent>(file->entry.content).chunk = chunk;
    }
  }
  {
    // All of a bundle stands together in the manifest, so that a restore reads its chunk once.
    const std::lock_guard lock(manifest_mutex_);
    for (const SmallFile& file : job.bundle) {
      manifest_.add(file.entry);
    }
  }
  progress_.add_files(job.bundle.size());
}

std::optional<FileContent> BackupPipeline::find_in_parent(const ManifestEntry& entry, const Sha256Digest& digest) const {
  const auto earlier = parent_ != nullptr ? parent_->find(entry.tree, entry.path) : std::nullopt;
  if (!earlier || earlier->size != entry.size) {
    return std::nullopt;
  }
  if (const auto* part = std::get_if<PartContent>(&earlier->content);
      part != nullptr && part->digest == digest && shareable(part->chunk)) {
    return *part;
  }
  if (const auto* whole = std::get_if<ChunkContent>(&earlier->content);
      whole != nullptr && whole->chunk.digest == digest && shareable(whole->chunk)) {
    return *whole;
  }
  return std::nullopt;
}

void BackupPipeline::check_relation_pages(const ManifestEntry& entry, std::uint64_t offset, ByteView bytes) {
  if (!options_.page_checksums || entry.tree != EntryTree::data_directory) {
    return;
  }
  const auto relation = parse_relation_path(entry.path);
  const auto first = relation ? first_block_of_segment(relation->segment, options_.relation_segment_blocks) : std::nullopt;
  if (!first) {
    return;
  }
  std::vector<BadPage> bad;
  check_pages(bytes, options_.page_size, *first + static_cast<std::uint32_t>(offset / options_.page_size), Lsn{}, bad);
  if (!bad.empty()) {
    const std::lock_guard lock(page_mutex_);
    for (const BadPage& page : bad) {
      page_failures_.push_back({entry.path, page});
    }
  }
}

ChunkRef BackupPipeline::place(Worker& worker, ByteView raw, const Sha256Digest& digest, const ChunkRef* parent) {
  const auto size = static_cast<std::uint32_t>(raw.size());
  if (parent != nullptr && parent->digest == digest && parent->raw_size == size && shareable(*parent)) {
    ++chunks_shared_;
    shared_bytes_ += size;
    return *parent;
  }
  if (const auto orphan = orphans_.find(digest, size)) {
    ++chunks_shared_;
    shared_bytes_ += size;
    return *orphan;
  }
  ++chunks_new_;
  return packs_.add(worker.compressor.compress(raw), size, digest);
}

ChunkRef BackupPipeline::place_map(Worker& worker, ByteView encoded, const std::optional<ChunkRef>& parent) {
  const Sha256Digest digest = sha256(encoded);
  const auto size = static_cast<std::uint32_t>(encoded.size());
  if (parent && parent->digest == digest && parent->raw_size == size && shareable(*parent)) {
    return *parent;
  }
  return packs_.add(worker.compressor.compress(encoded), size, digest);
}

void BackupPipeline::enter(const ManifestEntry& entry) {
  const std::lock_guard lock(manifest_mutex_);
  manifest_.add(entry);
}

void BackupPipeline::need(const std::vector<ChunkRef>& chunks) {
  const std::lock_guard lock(manifest_mutex_);
  for (const ChunkRef& chunk : chunks) {
    manifest_.need(chunk.pack);
  }
}

}  // namespace pgrecall
