#include "engine/wal/fetch.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "engine/wal/known_system.h"
#include "engine/wal/spool.h"
#include "io/fd.h"
#include "postgres/timeline_history.h"
#include "repository/names.h"
#include "repository/wal_archive.h"

namespace pgrecall {

namespace {

constexpr unsigned wal_file_mode = 0600;

// Becomes `path` by keep(), and vanishes otherwise.
class FileBeside {
 public:
  explicit FileBeside(const std::string& path)
      : path_(path), beside_(path + ".pgrecall"), fd_(open_file(beside_, O_WRONLY | O_CREAT | O_TRUNC, wal_file_mode)) {}
  FileBeside(const FileBeside&) = delete;
  FileBeside& operator=(const FileBeside&) = delete;
  ~FileBeside() {
    if (!kept_) {
      ::unlink(beside_.c_str());
    }
  }

  void write(ByteView bytes) const { write_all(fd_, bytes, beside_); }
  // With zeros behind what was written.
  void extend(std::uint64_t size) const {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      throw system_error("cannot set the size", beside_, errno);
    }
  }
  void keep() {
    if (std::rename(beside_.c_str(), path_.c_str()) != 0) {
      throw system_error("cannot rename the file into place", path_, errno);
    }
    kept_ = true;
  }

 private:
  std::string path_;
  std::string beside_;
  Fd fd_;
  bool kept_ = false;
};

std::optional<Timeline> timeline_of_history(std::string_view file_name) {
  constexpr std::string_view suffix = ".history";
  constexpr std::string_view any_segment = "0000000000000000";
  if (file_name.size() != 8 + suffix.size() || !file_name.ends_with(suffix)) {
    return std::nullopt;
  }
  const auto segment = WalSegment::parse(std::string(file_name.substr(0, 8)).append(any_segment), 1U << 20U);
  return segment ? std::optional(segment->timeline) : std::nullopt;
}

// <spool>/<cluster>/<system identifier>/<timeline>.history, as long as the repository has not got it.
std::optional<Bytes> spooled_history(const WalPlaces& places, std::string_view file_name) {
  constexpr std::uint64_t max_history_size = 1U << 20U;  // bytes
  if (places.spool.empty()) {
    return std::nullopt;
  }
  const std::string path = spool_directory(places.spool, places.system).append("/").append(file_name);
  std::error_code missing;
  return std::filesystem::exists(path, missing) ? std::optional(read_file(path, max_history_size)) : std::nullopt;
}

// Ends a listing that has told enough.
struct Enough {};

bool holds_any(ObjectStore& store, const std::string& prefix) {
  try {
    store.list(prefix, [](const ObjectInfo&) { throw Enough{}; });
  } catch (const Enough&) {
    return true;
  }
  return false;
}

Error nothing_of_cluster(const Repository& repository, const std::string& cluster) {
  return Error(ErrorKind::target_unreachable, "the repository holds nothing of this cluster",
               "check the cluster's name and the repository's address in restore_command")
      .with("cluster", cluster)
      .with("repository", repository.store().address());
}

// "Not there" ends a recovery and opens the database. Of a cluster, or a system, that the repository has never heard of it would
// be a wrong answer: the name is misspelt, or this is another repository.
void require_stored_system(const WalPlaces& places) {
  ObjectStore& store = places.repository.store();
  if (store.open(system_name(places.system.cluster, places.system.identifier)) != nullptr ||
      holds_any(store, wal_prefix(places.system))) {
    return;
  }
  const std::string everything = cluster_prefix(places.system.cluster);
  if (!holds_any(store, everything + "systems/") && !holds_any(store, everything)) {
    throw nothing_of_cluster(places.repository, places.system.cluster);
  }
  throw Error(ErrorKind::target_unreachable, "the repository holds nothing of this server's system under this name",
              "check the cluster's name and the repository's address in restore_command")
      .with("cluster", places.system.cluster)
      .with("system identifier", places.system.identifier);
}

// Of WAL that came by push alone no system is recorded.
std::set<std::uint64_t> systems_of(const Repository& repository, const std::string& cluster) {
  std::set<std::uint64_t> systems;
  const auto note = [&](const ObjectInfo& object) {
    if (const auto system = parse_object_name(object.name).system) {
      systems.insert(*system);
    }
  };
  repository.store().list(cluster_prefix(cluster) + "systems/", note);
  if (systems.empty()) {
    repository.store().list(wal_prefix(cluster), note);
  }
  return systems;
}

FetchResult try_fetch(const WalPlaces& places, std::string_view file_name, const std::string& path) {
  if (const auto timeline = timeline_of_history(file_name)) {
    auto history = read_history(places.repository, places.system, *timeline);
    if (!history) {
      history = spooled_history(places, file_name);
    }
    if (!history) {
      return FetchResult::not_there;
    }
    FileBeside file(path);
    file.write(*history);
    file.keep();
    return FetchResult::fetched;
  }
  if (!is_segment_name(file_name)) {
    return FetchResult::not_there;
  }
  FileBeside file(path);
  const auto segment = read_stored_segment(places, file_name, [&](ByteView bytes) { file.write(bytes); });
  if (!segment) {
    return FetchResult::not_there;
  }
  file.extend(segment->segment.size);
  file.keep();
  return FetchResult::fetched;
}

}  // namespace

ClusterSystem system_to_fetch(const Repository& repository, const std::string& cluster, const std::string& data_directory) {
  if (const auto system = system_of_directory(data_directory)) {
    return {cluster, *system};
  }
  const std::set<std::uint64_t> systems = systems_of(repository, cluster);
  if (systems.empty()) {
    throw nothing_of_cluster(repository, cluster);
  }
  if (systems.size() > 1) {
    std::string list;
    for (const std::uint64_t system : systems) {
      list += (list.empty() ? "" : ", ") + std::to_string(system);
    }
    throw Error(ErrorKind::usage,
                "under this name there is WAL of several systems, and no pg_control here that tells which is meant",
                "run it in the server's data directory, or add --system with one of " + list)
        .with("cluster", cluster);
  }
  return {cluster, *systems.begin()};
}

FetchResult fetch_wal(const WalPlaces& places, std::string_view file_name, const std::string& path) {
  const FetchResult result = try_fetch(places, file_name, path);
  if (result == FetchResult::not_there) {
    require_stored_system(places);
  }
  return result;
}

}  // namespace pgrecall
