#include "engine/wal/spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "postgres/timeline_history.h"

namespace pgrecall {

namespace {

constexpr unsigned directory_mode = 0750;
constexpr unsigned file_mode = 0640;
constexpr std::string_view partial_suffix = ".partial";
constexpr std::string_view history_suffix = ".history";

void sync_data(const Fd& fd, const std::string& path) {
  // Never tried again: see sync_file().
  if (::fdatasync(fd.get()) != 0) {
    throw io_error("cannot sync", path, errno);
  }
}

// Of any segment size, complete or not.
bool is_wal_name(std::string_view name) {
  constexpr std::size_t digits = 24;
  const std::string_view rest = name.substr(std::min(name.size(), digits));
  return name.find_first_not_of("0123456789ABCDEF") >= digits && name.size() >= digits &&
         (rest.empty() || rest == partial_suffix);
}

// Nothing where the file does not tell; another one will.
std::optional<WalSegmentHeader> header_of(const std::string& path) {
  Bytes header(wal_long_header_size);
  if (read_at(open_file(path, O_RDONLY), 0, header, path) != header.size()) {
    return std::nullopt;
  }
  try {
    return read_wal_header(header);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    return std::nullopt;
  }
}

void rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    throw io_error("cannot rename", from, errno);
  }
}

}  // namespace

std::vector<WalSegmentHeader> find_spooled_systems(const std::string& cluster_spool) {
  std::vector<WalSegmentHeader> found;
  for (const auto& system : std::filesystem::directory_iterator(cluster_spool)) {
    if (!system.is_directory()) {
      continue;
    }
    for (const auto& file : std::filesystem::directory_iterator(system.path())) {
      const auto header = is_wal_name(file.path().filename().string()) ? header_of(file.path().string()) : std::nullopt;
      if (header && std::to_string(header->system_identifier) == system.path().filename().string()) {
        found.push_back(*header);
        break;
      }
    }
  }
  return found;
}

std::string spool_directory(const std::string& spool, const ClusterSystem& system) {
  return spool + "/" + system.cluster + "/" + std::to_string(system.identifier);
}

SpoolLock::SpoolLock(const std::string& directory) {
  make_directories(directory, directory_mode);
  const std::string path = directory + "/lock";
  file_ = open_file(path, O_RDWR | O_CREAT, file_mode);
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      throw io_error("cannot lock", path, errno);
    }
    throw Error(ErrorKind::held, "another process receives the WAL of this cluster already",
                "there can be one a spool; end the other one, or give this one a spool of its own")
        .with("path", path);
  }
}

WalSpool::WalSpool(std::string directory, std::uint32_t segment_size)
    : directory_(std::move(directory)), segment_size_(segment_size) {
  make_directories(directory_, directory_mode);
  const SpoolContents found = contents();
  std::uint64_t bytes = found.complete.size() * std::uint64_t{segment_size_};
  for (const SpooledPartial& partial : found.partials) {
    bytes += partial.size;
  }
  used_ = bytes;
}

SpoolContents WalSpool::contents() const {
  SpoolContents found;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    const std::string name = entry.path().filename().string();
    const bool partial = name.ends_with(partial_suffix);
    const std::string_view stem = std::string_view(name).substr(0, name.size() - (partial ? partial_suffix.size() : 0));
    if (const auto segment = WalSegment::parse(stem, segment_size_)) {
      if (partial) {
        found.partials.push_back({*segment, entry.file_size()});
      } else {
        found.complete.push_back(*segment);
      }
    } else if (name.ends_with(history_suffix)) {
      Timeline timeline = 0;
      const auto parsed = std::from_chars(name.data(), name.data() + 8, timeline, 16);
      if (parsed.ec == std::errc() && timeline_history_name(timeline) == name) {
        found.histories.push_back(timeline);
      }
    }
  }
  std::ranges::sort(found.complete);
  std::ranges::sort(found.partials, {}, &SpooledPartial::segment);
  std::ranges::sort(found.histories);
  return found;
}

std::string WalSpool::history_path_of(Timeline timeline) const { return directory_ + "/" + timeline_history_name(timeline); }

void WalSpool::keep_history(Timeline timeline, ByteView content) {
  const std::string path = history_path_of(timeline);
  const std::string temporary = path + ".new";
  {
    const Fd file = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, file_mode);
    write_all(file, content, temporary);
    sync_file(file, temporary);
  }
  rename_file(temporary, path);
  sync();
}

void WalSpool::complete(const WalSegment& segment) {
  const std::string from = partial_path_of(segment);
  if (open_existing(from, O_RDONLY) || !open_existing(path_of(segment), O_RDONLY)) {  // else renamed, but not synced, before
    rename_file(from, path_of(segment));
  }
  sync();
}

std::string WalSpool::set_aside(const std::string& path, std::uint64_t counted) {
  std::string to = path + ".damaged";
  for (int further = 2; std::filesystem::exists(to); ++further) {
    to = path + ".damaged" + std::to_string(further);
  }
  rename_file(path, to);
  shrink(counted);
  return to;
}

void WalSpool::sync() const { sync_directory(directory_); }

void WalSpool::remove(const std::string& path) {
  std::error_code ignored;
  const std::uintmax_t size = std::filesystem::file_size(path, ignored);
  if (::unlink(path.c_str()) == 0) {
    if (size != static_cast<std::uintmax_t>(-1) && !path.ends_with(history_suffix)) {
      shrink(size);
    }
  } else if (errno != ENOENT) {
    throw io_error("cannot remove", path, errno);
  }
}

SpoolFile::SpoolFile(WalSpool& spool, const WalSegment& segment, std::uint64_t length)
    : spool_(spool),
      segment_(segment),
      path_(spool.partial_path_of(segment)),
      file_(open_file(path_, O_RDWR | O_CREAT, file_mode)),
      size_(file_size(file_, path_)) {
  if (length > size_) {
    throw Error(ErrorKind::failed, "the spool's file is shorter than it was").with("path", path_).with("size", size_);
  }
  if (size_ > 0) {
    sync_data(file_, path_);
  }
  spool.sync();
  kept_ = size_;
  written_ = length;
  synced_ = length;
}

void SpoolFile::append(ByteView bytes) {
  write_all_at(file_, bytes, written_, path_);
  written_ += bytes.size();
  if (written_ > size_) {
    spool_.grow(written_ - size_);
    size_ = written_;
  }
}

// A sync behind which the file is longer costs the file system a write more. Commits that wait for us come in small pieces: zeros
// ahead of them let most syncs write over what is there. The last page is left out, so that a file is as long as a segment only
// once it is whole.
void SpoolFile::make_room() {
  constexpr std::uint64_t small = 64U << 10U;
  constexpr std::uint64_t ahead = 512U << 10U;
  constexpr std::uint64_t left_out = 64U << 10U;  // the largest page of WAL
  const std::uint64_t wanted = std::min<std::uint64_t>(written_ + ahead, segment_.size - left_out);
  if (!makes_room_ || written_ < size_ || written_ - synced_ > small || wanted <= size_) {
    return;
  }
  const Bytes zeros(wanted - size_);
  try {
    write_all_at(file_, zeros, size_, path_);
  } catch (const Error& error) {
    makes_room_ = false;  // as on a full disk: the WAL itself is written all the same
  }
  const std::uint64_t size = file_size(file_, path_);
  spool_.grow(size - size_);
  size_ = size;
}

void SpoolFile::sync() {
  if (synced_ < written_) {
    make_room();
    sync_data(file_, path_);
    synced_ = written_;
  }
}

void SpoolFile::drop_unsynced() {
  const std::uint64_t keep = std::max(synced_, kept_);
  const std::uint64_t before = file_size(file_, path_);
  if (before > keep) {
    if (::ftruncate(file_.get(), static_cast<off_t>(keep)) != 0) {
      throw io_error("cannot shorten", path_, errno);
    }
  }
  spool_.shrink(size_ - std::min(size_, keep));
  size_ = std::min(size_, keep);
  written_ = synced_;
}

void SpoolFile::read(std::uint64_t offset, MutableByteView out) const {
  if (read_at(file_, offset, out, path_) != out.size()) {
    throw Error(ErrorKind::failed, "the spool's file ends too early").with("path", path_).with("offset", offset);
  }
}

}  // namespace pgrecall
