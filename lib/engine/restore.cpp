#include "engine/restore.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "engine/failure.h"
#include "engine/restore_directory.h"
#include "engine/restore_files.h"
#include "engine/restore_recovery.h"
#include "engine/restore_target.h"
#include "engine/restore_wal.h"
#include "io/rate_limiter.h"
#include "postgres/control_file.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view control_file_path = "global/pg_control";
constexpr std::uint32_t private_directory = 0700;
constexpr std::uint32_t private_file = 0600;

// A standby's backup has its standby.signal: with that, what is restored would follow the primary, or wait for it for ever.
bool decides_recovery(const ManifestEntry& entry) {
  return entry.tree == EntryTree::data_directory && (entry.path == "standby.signal" || entry.path == "recovery.signal");
}

class RestoreRun {
 public:
  RestoreRun(const Repository& repository, const RestorePlan& plan, Progress& progress, const std::stop_token& stop)
      : repository_(repository),
        plan_(plan),
        progress_(progress),
        on_stop_(stop, [this] { failure_.request_stop(); }),
        target_(choose_owner(plan.request.into)) {}

  RestoreResult execute();

 private:
  [[nodiscard]] std::string path_of(const ManifestEntry& entry) const;
  void prepare();
  void remove_control_file() const;
  void write_files();
  void make_directory(const ManifestEntry& entry);
  [[nodiscard]] Bytes read_control_file(const ManifestEntry& entry) const;
  void remove_leftovers();
  void set_modes() const;
  void sync() const;
  void finish(const ManifestEntry& control, const Bytes& bytes) const;

  const Repository& repository_;
  const RestorePlan& plan_;
  Progress& progress_;
  Failure failure_;
  std::stop_callback<std::function<void()>> on_stop_;
  const RestoreTarget target_;
  PathSet keep_;
  std::optional<ManifestEntry> control_;
  bool has_configuration_ = false;         // from outside the data directory
  bool has_server_configuration_ = false;  // in it
  // Of directories that no archive has: the server takes from its data directory's mode whether the group may read.
  std::uint32_t directory_mode_ = private_directory;
  RestoreResult result_;
};

std::string RestoreRun::path_of(const ManifestEntry& entry) const {
  return (entry.tree == EntryTree::configuration ? plan_.configuration_into : plan_.request.into) + "/" + entry.path;
}

RestoreResult RestoreRun::execute() {
  const auto begin = std::chrono::steady_clock::now();
  progress_.set_total(plan_.backup.summary.logical_bytes);
  progress_.enter("restoring");
  prepare();
  try {
    write_files();
    if (!control_) {
      throw Error(ErrorKind::corruption, "the backup has no global/pg_control")
          .with("object", manifest_name(plan_.request.cluster, plan_.backup.summary.id));
    }
    const Bytes control = read_control_file(*control_);
    if (plan_.recovery) {
      write_recovery_settings(plan_, target_, keep_);
      if (!has_server_configuration_ || has_our_configuration(plan_.request.into)) {
        write_server_configuration(plan_, target_, parse_control_file(control), keep_);
      }
    } else {
      progress_.enter("restoring WAL");
      result_.wal_segments = restore_wal(repository_, plan_, target_, keep_, failure_.token());
    }
    remove_leftovers();
    set_modes();
    progress_.enter("syncing");
    sync();
    finish(*control_, control);
  } catch (...) {
    failure_.set(std::current_exception());
    failure_.rethrow();
  }
  result_.duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  return result_;
}

// Links of tablespaces come first: their files are written through them.
void RestoreRun::prepare() {
  const std::string& into = plan_.request.into;
  target_.make_directory(into, private_directory);
  target_.replace_file(
      into + "/" + restore_marker, private_file,
      bytes_of(std::to_string(plan_.backup.summary.system_identifier) + " " + plan_.backup.summary.id.text + "\n"));
  remove_control_file();
  target_.make_directory(into + "/pg_tblspc", private_directory);
  target_.make_directory(into + "/pg_wal", private_directory);
  for (const RestorePlan::Tablespace& tablespace : plan_.tablespaces) {
    target_.make_directory(tablespace.to, private_directory);
    target_.make_link(into + "/pg_tblspc/" + std::to_string(tablespace.oid), tablespace.to);
    keep_.add("pg_tblspc/" + std::to_string(tablespace.oid));
  }
}

// Without pg_control no server starts here, whatever happens from now on.
void RestoreRun::remove_control_file() const {
  const std::string path = plan_.request.into + "/" + std::string(control_file_path);
  if (::unlink(path.c_str()) == 0) {
    sync_directory(fs::path(path).parent_path());
  } else if (errno != ENOENT && errno != ENOTDIR) {
    throw system_error("cannot remove the old control file", path, errno);
  }
}

void RestoreRun::write_files() {
  ManifestReader manifest(repository_, plan_.request.cluster, plan_.backup.summary.id);
  RestoreFiles files(
      repository_, plan_.request.cluster, target_, plan_.request.mode, plan_.request.workers,
      [this](const ManifestEntry& entry) { return path_of(entry); }, failure_, progress_);
  while (const ManifestEntry* entry = manifest.next()) {
    if (decides_recovery(*entry) || entry->tree == EntryTree::companion) {
      continue;  // companions: restore_companions()
    }
    if (entry->tree == EntryTree::configuration) {
      has_configuration_ = true;
      target_.make_directory(fs::path(path_of(*entry)).parent_path(), private_directory);
    } else {
      keep_.add(entry->path);
      has_server_configuration_ = has_server_configuration_ || entry->path == "postgresql.conf";
    }
    if (entry->type == EntryType::directory) {
      if (entry->path == "global") {
        directory_mode_ = entry->mode;
      }
      make_directory(*entry);
    } else if (entry->type == EntryType::symbolic_link) {
      target_.make_link(path_of(*entry), entry->target);
    } else {
      result_.files += 1;
      result_.bytes += entry->size;
      if (entry->tree == EntryTree::data_directory && entry->path == control_file_path) {
        control_ = *entry;
      } else {
        files.add(*entry);
      }
    }
  }
  files.finish();
  result_.bytes_written = files.bytes_written();
}

void RestoreRun::make_directory(const ManifestEntry& entry) {
  const std::string path = path_of(entry);
  // --delta: what stands in the way of a directory goes. A link to one (pg_wal on its own disk) stays.
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error)) && !fs::is_directory(path, error)) {
    fs::remove_all(path);
  }
  target_.make_directory(path, entry.mode);
}

Bytes RestoreRun::read_control_file(const ManifestEntry& entry) const {
  const auto* part = std::get_if<PartContent>(&entry.content);
  const auto* whole = std::get_if<ChunkContent>(&entry.content);
  if (part == nullptr && whole == nullptr) {
    throw Error(ErrorKind::corruption, "global/pg_control is not stored as it should be")
        .with("object", manifest_name(plan_.request.cluster, plan_.backup.summary.id));
  }
  const ChunkRef& ref = part != nullptr ? part->chunk : whole->chunk;
  ChunkReader reader(repository_, plan_.request.cluster);
  Bytes chunk(ref.raw_size);
  reader.read(ref, chunk);
  const ByteView bytes = ByteView(chunk).subspan(part != nullptr ? part->offset : 0, static_cast<std::size_t>(entry.size));
  const ControlFile control = parse_control_file(bytes);
  if (control.system_identifier != plan_.backup.summary.system_identifier || (part != nullptr && sha256(bytes) != part->digest)) {
    throw Error(ErrorKind::corruption, "global/pg_control is of another cluster")
        .with("object", pack_name(plan_.request.cluster, ref.pack));
  }
  return Bytes(bytes.begin(), bytes.end());
}

void RestoreRun::remove_leftovers() {
  if (plan_.request.mode != RestoreRequest::Mode::delta) {
    return;
  }
  keep_.add(restore_marker);
  keep_.add("pg_tblspc");
  keep_.add("pg_wal");
  keep_.seal();
  remove_others(plan_.request.into, "", keep_);
  // A link to pg_wal elsewhere stays; old WAL in there would be replayed.
  const std::string wal = plan_.request.into + "/pg_wal";
  if (fs::is_symlink(wal)) {
    remove_others(fs::canonical(wal).string(), "pg_wal/", keep_);
  }
  for (const RestorePlan::Tablespace& tablespace : plan_.tablespaces) {
    remove_others(tablespace.to, "pg_tblspc/" + std::to_string(tablespace.oid) + "/", keep_);
  }
}

void RestoreRun::set_modes() const {
  for (const char* directory : {"", "/pg_tblspc", "/pg_wal"}) {
    target_.make_directory(plan_.request.into + directory, directory_mode_);
  }
  for (const RestorePlan::Tablespace& tablespace : plan_.tablespaces) {
    target_.make_directory(tablespace.to, directory_mode_);
  }
}

void RestoreRun::sync() const {
  std::set<dev_t> synced;
  const auto sync_once = [&](const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      throw system_error("cannot look at the directory", path, errno);
    }
    if (synced.insert(status.st_dev).second) {
      sync_file_system(path);
    }
  };
  sync_once(plan_.request.into);
  sync_once(plan_.request.into + "/pg_wal");
  for (const RestorePlan::Tablespace& tablespace : plan_.tablespaces) {
    sync_once(tablespace.to);
  }
  if (has_configuration_) {
    sync_once(plan_.configuration_into);
  }
}

void RestoreRun::finish(const ManifestEntry& control, const Bytes& bytes) const {
  throw_if_stopped(failure_.token());
  target_.replace_file(path_of(control), control.mode, bytes);
  const std::string marker = plan_.request.into + "/" + restore_marker;
  if (::unlink(marker.c_str()) != 0) {
    throw system_error("cannot remove the marker of the restore", marker, errno);
  }
  sync_directory(plan_.request.into);
}

}  // namespace

RestoreResult restore(const Repository& repository, const RestorePlan& plan, Progress& progress, const std::stop_token& stop) {
  try {
    return RestoreRun(repository, plan, progress, stop).execute();
  } catch (const fs::filesystem_error& error) {
    throw system_error("cannot change the directory", error.path1().string(), error.code().value());
  }
}

}  // namespace pgrecall
