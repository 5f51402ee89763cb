#include "engine/restore_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {
constexpr std::size_t max_group = 1024;  // files
constexpr std::size_t zero_piece = 256U << 10U;

const Bytes& zeros() {
  static const Bytes bytes(zero_piece);
  return bytes;
}
}  // namespace

// Shared by the ranges of one file; closed with the last of them.
struct RestoreFiles::OpenFile {
  Fd fd;
  std::string path;
  std::uint64_t old_size = 0;  // what was there before, of a delta
};

struct RestoreFiles::Job {
  std::vector<ManifestEntry> files;
  std::shared_ptr<OpenFile> file;
  MapRange range;
  std::uint64_t start = 0;  // of the range
};

struct RestoreFiles::Worker {
  ChunkReader reader;
  ChunkRef cached;  // what `chunk` holds
  Bytes chunk;
  Bytes old;

  // The chunk's bytes, valid until the next call.
  ByteView read(const ChunkRef& ref) {
    if (ref != cached || chunk.empty()) {
      cached = {};
      chunk.resize(ref.raw_size);
      reader.read(ref, chunk);
      cached = ref;
    }
    return chunk;
  }
};

void RestoreFiles::Unblock::operator()() const noexcept { queue->cancel(); }

RestoreFiles::RestoreFiles(const Repository& repository, std::string cluster, const RestoreTarget& target,
                           RestoreRequest::Mode mode, unsigned workers, std::function<std::string(const ManifestEntry&)> path_of,
                           Failure& failure, Progress& progress)
    : repository_(repository),
      cluster_(std::move(cluster)),
      target_(target),
      mode_(mode),
      path_of_(std::move(path_of)),
      failure_(failure),
      progress_(progress),
      queue_(std::make_unique<BoundedQueue<Job>>(2 * std::size_t{workers})),
      on_failure_(std::make_unique<std::stop_callback<Unblock>>(failure.token(), Unblock{queue_.get()})) {
  for (unsigned i = 0; i < workers; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

RestoreFiles::~RestoreFiles() {
  queue_->cancel();
  threads_.clear();
}

void RestoreFiles::submit(Job job) {
  if (!queue_->push(std::move(job))) {
    failure_.rethrow();
    throw Error(ErrorKind::cancelled, "the restore was cancelled");
  }
}

void RestoreFiles::flush_group() {
  if (!group_.empty()) {
    submit({.files = std::exchange(group_, {}), .file = {}, .range = {}, .start = 0});
  }
}

void RestoreFiles::add(const ManifestEntry& entry) {
  const auto* maps = std::get_if<MapsContent>(&entry.content);
  if (maps == nullptr) {
    const auto* part = std::get_if<PartContent>(&entry.content);
    const auto* last = group_.empty() ? nullptr : std::get_if<PartContent>(&group_.back().content);
    if (part == nullptr || last == nullptr || part->chunk != last->chunk || group_.size() >= max_group) {
      flush_group();
    }
    group_.push_back(entry);
    return;
  }
  auto file = std::make_shared<OpenFile>();
  file->path = path_of_(entry);
  file->fd = target_.open_for_writing(file->path, entry.mode);
  file->old_size = file_size(file->fd, file->path);
  if (::ftruncate(file->fd.get(), static_cast<off_t>(entry.size)) != 0) {
    throw system_error("cannot set the size", file->path, errno);
  }
  std::uint64_t start = 0;
  for (const MapRange& range : maps->ranges) {
    submit({.files = {}, .file = file, .range = range, .start = start});
    start += range.length;
  }
  progress_.add_files(1);
}

void RestoreFiles::finish() {
  flush_group();
  queue_->close();
  threads_.clear();
  failure_.rethrow();
}

void RestoreFiles::work() {
  try {
    Worker worker{.reader = ChunkReader(repository_, cluster_), .cached = {}, .chunk = {}, .old = {}};
    while (const auto job = queue_->pop()) {
      if (job->file) {
        write_range(worker, *job);
        continue;
      }
      for (const ManifestEntry& entry : job->files) {
        write_file(worker, entry);
      }
      progress_.add_files(job->files.size());
    }
  } catch (...) {
    failure_.set(std::current_exception());
  }
}

void RestoreFiles::write_file(Worker& worker, const ManifestEntry& entry) {
  OpenFile file;
  file.path = path_of_(entry);
  file.fd = target_.open_for_writing(file.path, entry.mode);
  file.old_size = file_size(file.fd, file.path);
  if (file.old_size != entry.size && ::ftruncate(file.fd.get(), static_cast<off_t>(entry.size)) != 0) {
    throw system_error("cannot set the size", file.path, errno);
  }
  progress_.add_done(entry.size);
  if (const auto* part = std::get_if<PartContent>(&entry.content)) {
    if (has_already(worker, file, 0, entry.size, part->digest)) {
      return;
    }
    const ByteView bytes = worker.read(part->chunk).subspan(part->offset, static_cast<std::size_t>(entry.size));
    if (sha256(bytes) != part->digest) {
      throw Error(ErrorKind::corruption, "a file's bytes are not what was backed up")
          .with("file", entry.path)
          .with("object", pack_name(cluster_, part->chunk.pack));
    }
    write_if_different(worker, file, 0, bytes);
  } else if (const auto* whole = std::get_if<ChunkContent>(&entry.content)) {
    if (!has_already(worker, file, 0, entry.size, whole->chunk.digest)) {
      write_if_different(worker, file, 0, worker.read(whole->chunk));
    }
  } else {
    write_zeros(worker, file, 0, entry.size);
  }
}

void RestoreFiles::write_range(Worker& worker, const Job& job) {
  const ExtentMap map =
      decode_extent_map(worker.read(job.range.map), job.start, job.range.length, pack_name(cluster_, job.range.map.pack));
  std::uint64_t at = job.start;
  for (const Extent& extent : flatten(map.extents)) {
    throw_if_stopped(failure_.token());
    write_zeros(worker, *job.file, at, extent.file_offset);
    write_extent(worker, *job.file, extent, map.chunks[extent.chunk]);
    at = extent.file_offset + extent.length;
    progress_.add_done(extent.length);
  }
  write_zeros(worker, *job.file, at, job.start + job.range.length);
}

void RestoreFiles::write_extent(Worker& worker, const OpenFile& file, const Extent& extent, const ChunkRef& chunk) {
  const bool whole = extent.offset_in_chunk == 0 && extent.length == chunk.raw_size;
  if (whole && has_already(worker, file, extent.file_offset, extent.length, chunk.digest)) {
    return;
  }
  write_if_different(worker, file, extent.file_offset, worker.read(chunk).subspan(extent.offset_in_chunk, extent.length));
}

bool RestoreFiles::has_already(Worker& worker, const OpenFile& file, std::uint64_t offset, std::uint64_t length,
                               const Sha256Digest& digest) {
  if (mode_ != RestoreRequest::Mode::delta || offset + length > file.old_size) {
    return false;
  }
  worker.old.resize(static_cast<std::size_t>(length));
  return read_at(file.fd, offset, worker.old, file.path) == length && sha256(worker.old) == digest;
}

void RestoreFiles::write_if_different(Worker& worker, const OpenFile& file, std::uint64_t offset, ByteView bytes) {
  if (mode_ == RestoreRequest::Mode::delta && offset + bytes.size() <= file.old_size) {
    worker.old.resize(bytes.size());
    if (read_at(file.fd, offset, worker.old, file.path) == bytes.size() &&
        std::memcmp(worker.old.data(), bytes.data(), bytes.size()) == 0) {
      return;
    }
  }
  write_all_at(file.fd, bytes, offset, file.path);
  bytes_written_ += bytes.size();
}

void RestoreFiles::write_zeros(Worker& worker, const OpenFile& file, std::uint64_t from, std::uint64_t to) {
  // A new file is zeros wherever nothing was written; only what stood there before has to be overwritten.
  const std::uint64_t end = std::min(to, file.old_size);
  while (from < end) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(zero_piece, end - from));
    write_if_different(worker, file, from, ByteView(zeros()).first(piece));
    from += piece;
  }
}

}  // namespace pgrecall
