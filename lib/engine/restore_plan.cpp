#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/units.h"
#include "engine/postgres_program.h"
#include "engine/recovery_plan.h"
#include "engine/restore.h"
#include "engine/restore_directory.h"
#include "engine/restore_recovery.h"
#include "engine/restore_target.h"
#include "repository/wal_archive.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_listed_ids = 5;
constexpr std::uint64_t space_reserve = 64U << 20U;  // bytes: directories, small files' rounding, the server's first log

ListedBackup choose_backup(const Repository& repository, const RestoreRequest& request) {
  const Catalog catalog = read_catalog(repository, request.cluster);
  std::string there;
  std::size_t listed = 0;
  for (auto each = catalog.backups.rbegin(); each != catalog.backups.rend(); ++each) {
    if (!request.backup || each->summary.id == *request.backup) {
      return *each;
    }
    if (listed++ < max_listed_ids) {
      there += (there.empty() ? "" : ", ") + each->summary.id.text;
    }
  }
  for (const DamagedBackup& each : catalog.damaged) {
    if (!request.backup || each.id == *request.backup) {
      throw Error(ErrorKind::corruption, "the backup's summary cannot be read: " + each.problem,
                  "choose another backup with --backup")
          .with("object", each.object);
    }
  }
  if (request.backup) {
    throw Error(ErrorKind::target_unreachable, "there is no such backup",
                there.empty() ? "there is none of this cluster" : "the newest are " + there)
        .with("cluster", request.cluster)
        .with("backup", request.backup->text);
  }
  std::string clusters;
  for (const std::string& each : list_clusters(repository)) {
    clusters += (clusters.empty() ? "" : ", ") + each;
  }
  throw Error(ErrorKind::target_unreachable, "there is no backup of this cluster",
              clusters.empty() ? "the repository holds no cluster yet" : "the repository holds " + clusters)
      .with("cluster", request.cluster);
}

// The tablespace that `key` names, by oid or by its location in the backup.
bool names(const std::string& key, const SummaryTablespace& tablespace) {
  return key == std::to_string(tablespace.oid) || key == tablespace.location;
}

// Tablespaces made with allow_in_place_tablespaces are plain directories under pg_tblspc.
bool in_place(const SummaryTablespace& tablespace) {
  return tablespace.location.empty() || tablespace.location.starts_with("pg_tblspc/");
}

std::vector<RestorePlan::Tablespace> map_tablespaces(const RestoreRequest& request, const BackupSummary& summary) {
  for (const auto& [key, to] : request.tablespaces) {
    if (std::none_of(summary.tablespaces.begin(), summary.tablespaces.end(),
                     [&, &from = key](const auto& each) { return names(from, each); })) {
      throw Error(ErrorKind::usage, "the backup has no such tablespace",
                  "pgrecall show " + request.cluster + " " + summary.id.text +
                      " lists them with oid and location; for another backup, add --backup ID")
          .with("tablespace", key)
          .with("backup", summary.id.text);
    }
    if (!to.starts_with('/')) {
      throw Error(ErrorKind::usage, "a tablespace's new place must be an absolute path").with("tablespace", key).with("path", to);
    }
  }
  std::vector<RestorePlan::Tablespace> list;
  for (const SummaryTablespace& each : summary.tablespaces) {
    if (in_place(each)) {
      continue;
    }
    // An old copy's tablespaces stay where that copy has them: the backup knows where the original's are.
    const std::string linked = request.mode == RestoreRequest::Mode::delta ? linked_tablespace(request.into, each.oid) : "";
    const std::string usual =
        request.tablespaces_into.empty() ? each.location : request.tablespaces_into + "/" + std::to_string(each.oid);
    std::string to = linked.empty() ? usual : linked;
    for (const auto& [key, mapped] : request.tablespaces) {
      to = names(key, each) ? fs::path(mapped).lexically_normal().string() : to;
    }
    if (to == request.into || to.starts_with(request.into + "/") || request.into.starts_with(to + "/")) {
      throw Error(ErrorKind::usage, "a tablespace cannot lie inside the data directory, nor the other way round")
          .with("path", to);
    }
    for (const RestorePlan::Tablespace& other : list) {
      if (other.to == to || other.to.starts_with(to + "/") || to.starts_with(other.to + "/")) {
        throw Error(ErrorKind::usage, "two tablespaces cannot share a directory").with("path", to);
      }
    }
    list.push_back({.oid = each.oid, .from = each.location, .to = to, .size = each.size});
  }
  return list;
}

fs::path existing_ancestor(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_relative_path()) {
    path = path.parent_path();
  }
  return path;
}

void require_space(RestorePlan& plan) {
  const BackupSummary& summary = plan.backup.summary;
  std::uint64_t in_tablespaces = 0;
  std::map<dev_t, RestorePlan::Space> by_device;
  const auto add = [&](const std::string& path, std::uint64_t needed) {
    const std::string there = existing_ancestor(path);
    struct stat status {};
    struct statvfs space {};
    if (::stat(there.c_str(), &status) != 0 || ::statvfs(there.c_str(), &space) != 0) {
      throw system_error("cannot look at the target", there, errno);
    }
    auto& entry =
        by_device.try_emplace(status.st_dev, RestorePlan::Space{.path = path, .needed = 0, .available = 0}).first->second;
    const std::uint64_t reused = plan.request.mode == RestoreRequest::Mode::delta ? tree_size(path) : 0;
    entry.needed += needed > reused ? needed - reused : 0;
    entry.available = std::uint64_t{space.f_bavail} * space.f_frsize;
  };
  for (const RestorePlan::Tablespace& each : plan.tablespaces) {
    add(each.to, each.size);
    in_tablespaces += each.size;
  }
  const std::uint64_t wal = (plan.last_wal.number - plan.first_wal.number + 1) * summary.wal_segment_size;
  add(plan.request.into, summary.logical_bytes - std::min(summary.logical_bytes, in_tablespaces) + wal + space_reserve);
  for (const auto& [device, space] : by_device) {
    plan.space.push_back(space);
  }
}

void refuse_too_little_space(const RestorePlan& plan) {
  for (const RestorePlan::Space& space : plan.space) {
    if (space.available < space.needed) {
      throw Error(ErrorKind::failed, "too little space to restore",
                  plan.request.tablespaces_into.empty()
                      ? "free space there, or restore to another file system (tablespaces: --tablespace OLD=NEW)"
                      : "free space there, or choose another file system: `scratch` in the configuration, or --scratch DIR")
          .with("path", space.path)
          .with("needed", format_size(space.needed))
          .with("available", format_size(space.available));
    }
  }
}

void require_wal(const Repository& repository, const RestorePlan& plan) {
  const ClusterSystem system(plan.request.cluster, plan.backup.summary.system_identifier);
  // With a target, the recovery window has told that all of it is there.
  for (WalSegment segment = plan.first_wal; !plan.recovery && segment.number <= plan.last_wal.number; segment = segment.next()) {
    const WalObjects objects = find_wal(repository, system, segment);
    if (!objects.whole && objects.tails.empty()) {
      throw Error(ErrorKind::corruption, "WAL that this backup needs is missing",
                  "choose another backup with --backup; run pgrecall verify")
          .with("object", wal_segment_name(system, segment));
    }
  }
  const std::string manifest = manifest_name(plan.request.cluster, plan.backup.summary.id);
  if (repository.store().open(manifest) == nullptr) {
    throw Error(ErrorKind::corruption, "the backup's manifest is missing",
                "choose another backup with --backup; run pgrecall verify")
        .with("object", manifest);
  }
}

bool runnable(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

std::string find_binaries(unsigned major) {
  std::vector<std::string> places = {"/usr/lib/postgresql/" + std::to_string(major) + "/bin",
                                     "/usr/pgsql-" + std::to_string(major) + "/bin"};
  for (const std::string& place : places) {
    if (runnable(place + "/postgres")) {
      return place;
    }
  }
  return {};
}

// Only its own major version can start a cluster; better said now than by the server, behind the restore.
void require_major(const std::string& binaries, unsigned major) {
  const auto found = program_major(binaries);
  if (found == major) {
    return;
  }
  throw Error(ErrorKind::usage,
              found ? "--binaries names programs of PostgreSQL " + std::to_string(*found) + ", and the backup is of PostgreSQL " +
                          std::to_string(major)
                    : "--binaries names a directory without a postgres that runs",
              "leave it out where PostgreSQL " + std::to_string(major) + " is installed as a package, or name its bin directory")
      .with("path", binaries);
}

void note_warnings(RestorePlan& plan) {
  const BackupSummary& summary = plan.backup.summary;
  const unsigned major = summary.server_version / 10'000;
  if (!plan.request.binaries.empty()) {
    require_major(plan.request.binaries, major);
  }
  plan.postgres_binaries = plan.request.binaries.empty() ? find_binaries(major) : plan.request.binaries;
  if (plan.postgres_binaries.empty()) {
    plan.warnings.push_back("no PostgreSQL " + std::to_string(major) +
                            " was found on this host: install it before starting the restored cluster");
  }
  if (plan.owner == "root") {
    plan.warnings.emplace_back(
        "the files will belong to root, and PostgreSQL does not run as root: chown the directories before starting");
  }
  if (plan.recovery) {
    note_unreadable(plan);
  }
  if (plan.backup.damaged && (!plan.backup.verified || *plan.backup.verified < *plan.backup.damaged)) {
    plan.warnings.push_back("verify found damage in this backup on " + format_time(*plan.backup.damaged) +
                            ": the restore may fail; consider an older one");
  }
  if (summary.page_failure_count > 0) {
    plan.warnings.push_back(std::to_string(summary.page_failure_count) +
                            " pages had wrong checksums when the backup was taken: `pgrecall show` names them");
  }
  if (summary.from_standby) {
    plan.warnings.emplace_back(
        "the backup was taken from a standby: what is restored is a server of its own that follows no primary (standby.signal is "
        "left out)");
  }
  // settings.json is always there; it is for people.
  if (summary.configuration_files.size() > 1) {
    plan.warnings.push_back("the source kept configuration outside its data directory; what could be read goes to " +
                            plan.configuration_into);
  }
}

RestorePlan make_plan(const Repository& repository, const RestoreRequest& request, const std::stop_token& stop) {
  RestorePlan plan;
  plan.request = request;
  if (!request.into.starts_with('/')) {
    throw Error(ErrorKind::usage, "the directory to restore into must be an absolute path").with("path", request.into);
  }
  plan.request.into = fs::path(request.into).lexically_normal().string();
  while (plan.request.into.size() > 1 && plan.request.into.ends_with('/')) {
    plan.request.into.pop_back();
  }
  plan.backup = choose_backup(repository, request);
  if (request.recovery) {
    auto [backup, recovery] = plan_recovery(repository, request.cluster, *request.recovery, request.backup, stop);
    plan.backup = std::move(backup);
    plan.recovery = std::move(recovery);
  }
  const BackupSummary& summary = plan.backup.summary;
  if (!valid_segment_size(summary.wal_segment_size) || summary.stop_lsn <= summary.start_lsn) {
    throw Error(ErrorKind::corruption, "the backup's summary has a segment size or range of WAL that cannot be",
                "choose another backup with --backup")
        .with("object", summary_name(request.cluster, summary.id));
  }
  plan.tablespaces = map_tablespaces(plan.request, summary);
  plan.configuration_into =
      request.configuration_into.empty() ? plan.request.into + ".configuration" : request.configuration_into;
  plan.first_wal = WalSegment::containing(summary.timeline, summary.start_lsn, summary.wal_segment_size);
  plan.last_wal = WalSegment::containing(summary.timeline, Lsn{summary.stop_lsn.value - 1}, summary.wal_segment_size);
  refuse_unfit_directory(plan);
  require_wal(repository, plan);
  plan.owner = choose_owner(plan.request.into).user;
  require_space(plan);
  refuse_too_little_space(plan);
  note_warnings(plan);
  return plan;
}

}  // namespace

RestorePlan plan_restore(const Repository& repository, const RestoreRequest& request, const std::stop_token& stop) {
  try {
    return make_plan(repository, request, stop);
  } catch (const fs::filesystem_error& error) {
    throw system_error("cannot look at the place to restore into", error.path1().string(), error.code().value());
  }
}

}  // namespace pgrecall
