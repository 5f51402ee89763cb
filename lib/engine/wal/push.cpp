#include "engine/wal/push.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "engine/wal/known_system.h"
#include "io/fd.h"
#include "postgres/timeline_history.h"
#include "postgres/wal_records.h"
#include "postgres/wal_segment.h"
#include "repository/catalog.h"
#include "repository/names.h"
#include "repository/wal_archive.h"

namespace pgrecall {

namespace {

constexpr std::uint64_t max_history_size = 1U << 20U;  // bytes
constexpr std::size_t segment_name_size = 24;
constexpr std::string_view partial_suffix = ".partial";
constexpr std::string_view history_suffix = ".history";
constexpr std::string_view backup_suffix = ".backup";

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

bool is_segment_name(std::string_view name) { return name.size() == segment_name_size && is_hex(name); }

// The names that PostgreSQL archives (xlog_internal.h).
enum class FileKind { segment, partial, history, backup, other };
FileKind kind_of(std::string_view name) {
  if (is_segment_name(name)) {
    return FileKind::segment;
  }
  if (name.ends_with(partial_suffix) && is_segment_name(name.substr(0, name.size() - partial_suffix.size()))) {
    return FileKind::partial;
  }
  if (name.ends_with(history_suffix) && name.size() == 8 + history_suffix.size() && is_hex(name.substr(0, 8))) {
    return FileKind::history;
  }
  if (name.ends_with(backup_suffix) && name.size() > segment_name_size && is_segment_name(name.substr(0, segment_name_size))) {
    return FileKind::backup;
  }
  return FileKind::other;
}

Error another_cluster(const ClusterSystem& system, std::uint64_t expected) {
  return Error(ErrorKind::corruption, "this is the WAL of another cluster",
               "check the cluster's name in archive_command; when the cluster was upgraded or rebuilt on purpose, say so once: "
               "pgrecall "
               "backup " +
                   system.cluster + " --new-system")
      .with("cluster", system.cluster)
      .with("expected", expected)
      .with("found", system.identifier);
}

bool is_recorded(const Repository& repository, const ClusterSystem& system) {
  return repository.store().open(system_name(system.cluster, system.identifier)) != nullptr;
}

std::string cluster_of(const Repository& repository, std::uint64_t system_identifier) {
  std::vector<std::string> fitting;
  for (const std::string& cluster : list_clusters(repository)) {
    if (is_recorded(repository, {cluster, system_identifier})) {
      fitting.push_back(cluster);
    }
  }
  if (fitting.size() != 1) {
    throw Error(ErrorKind::usage,
                fitting.empty() ? "the repository has no cluster with this system identifier"
                                : "the repository has more than one cluster with this system identifier",
                "name the cluster: pgrecall wal push CLUSTER %p")
        .with("system identifier", system_identifier);
  }
  return fitting.front();
}

// A history file does not say whose it is. archive_command hands it in from pg_wal, beside pg_control; elsewhere only a cluster
// of one system can tell.
std::uint64_t system_of_history(const Repository& repository, const std::string& cluster, const std::string& path) {
  const std::filesystem::path directory = std::filesystem::absolute(path).parent_path().parent_path();
  if (const auto system = system_of_directory(directory.string())) {
    return *system;
  }
  const auto systems = cluster.empty() ? std::vector<SystemRecord>() : read_systems(repository, cluster);
  if (systems.size() != 1) {
    throw Error(ErrorKind::usage, "a timeline's history does not tell which system it is of",
                "push it from the server's pg_wal, where pg_control tells")
        .with("path", path);
  }
  return systems.front().system_identifier;
}

class Push {
 public:
  Push(const Repository& repository, const WalPushRequest& request)
      : repository_(repository), request_(request), name_(std::filesystem::path(request.path).filename().string()) {
    result_.cluster = request.cluster;
    result_.file = name_;
  }

  WalPushed run() {
    switch (kind_of(name_)) {
      case FileKind::segment: push_segment(); break;
      case FileKind::partial: push_partial(); break;
      case FileKind::history: push_history(); break;
      case FileKind::backup: result_.outcome = WalPushOutcome::ignored; break;
      case FileKind::other:
        throw Error(ErrorKind::usage, "not the name of a file that PostgreSQL archives",
                    "use it as archive_command = 'pgrecall wal push CLUSTER %p'")
            .with("path", request_.path);
    }
    return result_;
  }

 private:
  void open() {
    file_ = open_file(request_.path, O_RDONLY);
    size_ = file_size(file_, request_.path);
    Bytes first(wal_long_header_size);
    first.resize(read_at(file_, 0, first, request_.path));
    try {
      header_ = read_wal_header(first);
    } catch (Error& error) {
      throw std::move(error).with("path", request_.path);
    }
    const auto segment = WalSegment::parse(std::string_view(name_).substr(0, segment_name_size), header_.segment_size);
    if (!segment) {
      throw Error(ErrorKind::corruption, "the segment's name is none for its segment size")
          .with("path", request_.path)
          .with("segment size", header_.segment_size);
    }
    segment_ = *segment;
    settle_cluster(header_.system_identifier);
  }

  void settle_cluster(std::uint64_t system_identifier) {
    if (result_.cluster.empty()) {
      result_.cluster = cluster_of(repository_, system_identifier);
      return;
    }
    const ClusterSystem system(result_.cluster, system_identifier);
    if (is_recorded(repository_, system)) {
      return;
    }
    if (const auto systems = read_systems(repository_, result_.cluster); !systems.empty()) {
      throw another_cluster(system, systems.back().system_identifier).with("path", request_.path);
    }
    refuse_system_of_another(system_identifier);
  }

  // A misspelt name would make a second cluster out of one. Asked before the first object under a name, as it costs a listing.
  void refuse_system_of_another(std::uint64_t system_identifier) const {
    const std::vector<std::string> clusters = list_clusters(repository_);
    if (std::ranges::find(clusters, result_.cluster) != clusters.end()) {
      return;
    }
    for (const std::string& cluster : clusters) {
      if (is_recorded(repository_, {cluster, system_identifier})) {
        throw Error(ErrorKind::usage, "the repository knows this system as another cluster",
                    "push to that one; to keep both, take a backup or receive under the new name first")
            .with("cluster", result_.cluster)
            .with("known as", cluster)
            .with("path", request_.path);
      }
    }
  }

  [[nodiscard]] WalSegmentExpectation expectation() const {
    return {.system_identifier = header_.system_identifier, .segment = segment_, .major_version = header_.major_version};
  }

  void push_segment() {
    open();
    if (size_ != segment_.size) {
      throw Error(ErrorKind::corruption, "the file is not as long as a segment of its cluster")
          .with("path", request_.path)
          .with("expected", segment_.size)
          .with("found", size_);
    }
    // Under the segment's name it would be in the way of the real one for ever.
    if (const auto end = unfinished_wal_end(source(), expectation())) {
      push_tail(end->value - segment_.start().value);
      return;
    }
    // Checked as it is read to be stored: a page that does not fit ends this before anything is put.
    WalPageChecker checker(expectation());
    put(size_, [&](std::uint64_t offset, MutableByteView out) {
      read(offset, out);
      checker.feed(out);
    });
  }

  // The server hands in its last segment of a timeline that ended. What lies behind the end of the WAL in it is left over from
  // the file that it was before.
  void push_partial() {
    open();
    push_tail(valid_wal_end(source(), expectation()).value - segment_.start().value);
  }

  void push_tail(std::uint64_t length) {
    if (length == 0) {
      throw Error(ErrorKind::corruption, "there is no WAL in this file").with("path", request_.path);
    }
    put(length, [&](std::uint64_t offset, MutableByteView out) { read(offset, out); });
  }

  [[nodiscard]] WalSegmentSource source() const {
    return [this](std::uint64_t offset, MutableByteView buffer) { return read_at(file_, offset, buffer, request_.path); };
  }

  void read(std::uint64_t offset, MutableByteView out) const {
    if (read_at(file_, offset, out, request_.path) != out.size()) {
      throw Error(ErrorKind::failed, "the file became shorter while it was read").with("path", request_.path);
    }
  }

  void put(std::uint64_t length, const WalSource& source) {
    const WalDescription description{.system_identifier = header_.system_identifier,
                                     .segment = segment_,
                                     .from = 0,
                                     .length = length,
                                     .major_version = header_.major_version,
                                     .digest = {}};
    try {
      const WalStored stored = put_wal(repository_, result_.cluster, description, source, request_.compression);
      take(stored.result == WalPutResult::stored ? PutResult::created : PutResult::already_exists);
      result_.object_size = stored.object_size;
    } catch (Error& error) {
      throw std::move(error).with("path", request_.path);
    }
    const ClusterSystem system(result_.cluster, header_.system_identifier);
    result_.object = length == segment_.size ? wal_segment_name(system, segment_)
                                             : wal_tail_name(system, segment_, 0, static_cast<std::uint32_t>(length));
  }

  void push_history() {
    const Bytes content = read_file(request_.path, max_history_size);
    const auto timeline = static_cast<Timeline>(std::stoul(name_.substr(0, 8), nullptr, 16));
    static_cast<void>(parse_timeline_history(timeline, text_of(content)));
    const std::uint64_t system_identifier = system_of_history(repository_, request_.cluster, request_.path);
    settle_cluster(system_identifier);
    const ClusterSystem system(result_.cluster, system_identifier);
    take(put_history(repository_, system, timeline, content));
    result_.object = history_name(system, timeline);
  }

  void take(PutResult put) {
    result_.outcome = put == PutResult::created ? WalPushOutcome::stored : WalPushOutcome::already_there;
  }

  const Repository& repository_;
  const WalPushRequest& request_;
  const std::string name_;
  WalPushed result_;
  Fd file_;
  std::uint64_t size_ = 0;
  WalSegmentHeader header_;
  WalSegment segment_;
};

}  // namespace

WalPushed push_wal(const Repository& repository, const WalPushRequest& request) { return Push(repository, request).run(); }

}  // namespace pgrecall
