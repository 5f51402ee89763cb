#include "engine/backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "engine/backup_archive.h"
#include "engine/backup_pipeline.h"
#include "engine/backup_wal.h"
#include "engine/expire/policy.h"
#include "engine/failure.h"
#include "engine/server_files.h"
#include "engine/shared_chunks.h"
#include "engine/wal/known_system.h"
#include "postgres/replication.h"
#include "repository/catalog.h"
#include "repository/lease.h"

namespace pgrecall {

namespace {

constexpr std::size_t max_summary_failures = 1000;
constexpr std::size_t companion_piece = 256U << 10U;  // bytes

// One backup from the lease to the commit; each step in its own function, in the order of execute().
class BackupRun {
 public:
  BackupRun(const Repository& repository, const BackupRequest& request, const Clock& clock, Progress& progress,
            const std::stop_token& stop)
      : repository_(repository), request_(request), clock_(clock), progress_(progress), on_stop_(stop, [this] {
          failure_.request_stop();
        }) {}

  BackupResult execute();

 private:
  void choose_id();
  void choose_parent();
  [[nodiscard]] Time newest_commit() const;
  void meet_server(Connection& connection);
  void check_system() const;
  [[nodiscard]] std::uint32_t relation_segment_blocks(Connection& connection) const;
  [[nodiscard]] std::unique_ptr<BackupWal> prepare_wal();
  void store_history(Connection& connection);
  void copy(Connection& connection, const StoredPacks& stored_packs);
  void give_space_back(const StoredPacks& stored_packs);
  void add_configuration(Connection& connection, BackupPipeline& pipeline, bool inside);
  void gather_companions();
  void add_companions(BackupPipeline& pipeline) const;
  void check_parent() const;
  void note_page_failures(Connection& connection, BackupPipeline& pipeline);
  void commit(const PackWriter::Totals& packs, const BackupPipeline::Totals& files, const ManifestWriter::Stored& manifest);

  const Repository& repository_;
  const BackupRequest& request_;
  const Clock& clock_;
  Progress& progress_;
  Failure failure_;
  std::stop_callback<std::function<void()>> on_stop_;
  Catalog catalog_;
  std::unique_ptr<Lease> lease_;
  std::vector<GatheredCompanion> companions_;
  std::optional<BackupSummary> parent_;
  ServerInfo server_;
  BackupSummary summary_;
};

BackupResult BackupRun::execute() {
  std::optional<Lease::Holder> holder;
  lease_ = Lease::acquire(repository_, "backup-" + request_.cluster, "backup of " + request_.cluster, clock_, holder, {});
  if (!lease_) {
    throw Error(ErrorKind::held, "another backup of this cluster is running, or its backups are being removed",
                "wait for it to end; `pgrecall repo info` lists leases and their owners")
        .with("cluster", request_.cluster)
        .with("owner", holder ? holder->owner : "unknown")
        .with("why", holder ? holder->why : "unknown")
        .with("since", holder ? format_time(holder->taken) : "unknown");
  }
  // Only now: a parent that was chosen before might have been removed while another held the lease.
  catalog_ = read_catalog(repository_, request_.cluster);
  gather_companions();
  progress_.enter("connecting");
  Connection connection = connect_replication(request_.connection, failure_.token());
  connection.on_notice([this](const ServerNotice& notice) {
    std::string warning = "server: " + notice.message;
    // The server looks at every file twice, once for the size, and warns twice.
    if (notice.severity == "WARNING" &&
        std::find(summary_.warnings.begin(), summary_.warnings.end(), warning) == summary_.warnings.end()) {
      summary_.warnings.push_back(std::move(warning));
    }
  });
  meet_server(connection);
  choose_parent();
  choose_id();
  const StoredPacks stored_packs(repository_, request_.cluster);
  try {
    copy(connection, stored_packs);
  } catch (const Error& error) {
    if (error.errno_value() == ENOSPC || error.errno_value() == EDQUOT) {
      give_space_back(stored_packs);
    }
    throw;
  }
  return {.summary = summary_,
          .connected_by = connection.mode() == ReplicationMode::database ? "replication=database" : "replication=true"};
}

void BackupRun::meet_server(Connection& connection) {
  server_ = read_server_info(connection);
  if (server_.major() < 13 || server_.major() > 18) {
    throw Error(ErrorKind::failed, "this PostgreSQL version is not supported", "pgrecall backs up PostgreSQL 13 to 18")
        .with("version", server_.version);
  }
  check_system();
  summary_.cluster = request_.cluster;
  summary_.system_identifier = server_.identity.system_identifier;
  summary_.server_version = static_cast<unsigned>(server_.version_num);
  summary_.timeline = server_.identity.timeline;
  summary_.page_size = server_.block_size;
  summary_.wal_segment_size = server_.wal_segment_size;
  summary_.relation_segment_blocks = relation_segment_blocks(connection);
  summary_.page_checksums = server_.data_checksums;
  summary_.from_standby = server_.in_recovery.value_or(false);
  summary_.keep = request_.keep;
  summary_.note = request_.note;
  summary_.compression = request_.compression.method == CompressionMethod::none
                             ? std::string(name(CompressionMethod::none))
                             : fmt::format("{} {}", name(request_.compression.method), request_.compression.level);
  summary_.tool = request_.tool;
}

void BackupRun::check_system() const {
  const std::uint64_t found = server_.identity.system_identifier;
  const auto present = present_system(repository_, request_.cluster);
  if (present && *present != found && request_.system == BackupRequest::System::known) {
    throw another_system({request_.cluster, found}, *present);
  }
}

std::uint32_t BackupRun::relation_segment_blocks(Connection& connection) const {
  const auto shown = show_setting(connection, "segment_size");
  const auto bytes = shown ? decode_shown_size(*shown) : std::nullopt;
  return bytes && *bytes > 0 ? static_cast<std::uint32_t>(*bytes / server_.block_size) : default_blocks_per_segment;
}

void BackupRun::choose_parent() {
  for (auto each = catalog_.backups.rbegin(); each != catalog_.backups.rend(); ++each) {
    if (!known_damaged(*each) && each->summary.system_identifier == server_.identity.system_identifier &&
        each->summary.page_size == server_.block_size) {
      parent_ = each->summary;
      return;
    }
  }
}

void BackupRun::choose_id() {
  std::optional<BackupId> newest_id;
  const auto consider = [&](const BackupId& id) {
    if (!newest_id || newest_id->time() < id.time()) {
      newest_id = id;
    }
  };
  for (const ListedBackup& each : catalog_.backups) {
    consider(each.summary.id);
  }
  for (const DamagedBackup& each : catalog_.damaged) {
    consider(each.id);
  }
  for (const BackupId& each : catalog_.unfinished) {
    consider(each);
  }
  for (const BackupId& each : catalog_.expired) {
    consider(each);
  }
  const Time newest = newest_id ? newest_id->time() : Time::min();
  // Ids have whole seconds, so a backup that follows another at once waits for its own.
  while (newest_id && clock_.now() < newest + std::chrono::seconds(1) && clock_.now() >= newest - std::chrono::seconds(1)) {
    wait_unless_stopped(std::chrono::milliseconds(50), failure_.token());
  }
  summary_.started = clock_.now();
  if (newest_id && summary_.started < newest) {
    throw Error(ErrorKind::failed, "this host's clock is behind the newest backup",
                "set the clock right; if it is right, and the newest backup was taken with a wrong one, take that out: remove " +
                    backups_prefix(request_.cluster) + newest_id->text + "/ from the repository, its summary first")
        .with("now", format_time(summary_.started))
        .with("newest", format_time(newest));
  }
  const bool shares =
      parent_ && request_.store == BackupRequest::Store::changed && request_.system == BackupRequest::System::known;
  summary_.id = BackupId::make(summary_.started, shares ? BackupKind::incremental : BackupKind::full);
  if (shares) {
    summary_.parent = parent_->id;
  }
  summary_.label = "pgrecall " + summary_.id.text;
}

Time BackupRun::newest_commit() const {
  Time newest = Time::min();
  repository_.store().list(backups_prefix(request_.cluster), [&](const ObjectInfo& object) {
    if (parse_object_name(object.name).kind == NameKind::summary) {
      newest = std::max(newest, object.modified);
    }
  });
  return newest;
}

std::unique_ptr<BackupWal> BackupRun::prepare_wal() {
  Connection connection = connect_replication(request_.connection, failure_.token());
  const std::string slot = "pgrecall_backup_" + random_hex(6);
  create_temporary_physical_slot(connection, slot);
  store_history(connection);
  return std::make_unique<BackupWal>(repository_, std::move(connection), slot,
                                     WalSegmentStore::Options{.cluster = request_.cluster,
                                                              .system_identifier = server_.identity.system_identifier,
                                                              .major_version = static_cast<unsigned>(server_.major()),
                                                              .segment_size = server_.wal_segment_size,
                                                              .timeline = server_.identity.timeline,
                                                              .compression = request_.compression,
                                                              .spool_directory = request_.spool_directory},
                                     failure_);
}

void BackupRun::store_history(Connection& connection) {
  const ClusterSystem system(request_.cluster, server_.identity.system_identifier);
  const auto history = timeline_history(connection, server_.identity.timeline);
  if (history &&
      put_history(repository_, system, server_.identity.timeline, bytes_of(history->content)) == PutResult::already_exists) {
    const auto stored = read_history(repository_, system, server_.identity.timeline);
    if (!stored || text_of(*stored) != history->content) {
      throw Error(ErrorKind::corruption, "the repository holds another history of this timeline",
                  "two servers were promoted to the same timeline; back one of them up under another cluster name")
          .with("object", history_name(system, server_.identity.timeline));
    }
  }
}

// What an interrupted backup stored is kept for the next one; but when the store is full, the next one could not even begin.
void BackupRun::give_space_back(const StoredPacks& stored_packs) {
  lease_->require();
  const StoredPacks now(repository_, request_.cluster);
  for (const StoredPacks::Pack& pack : now.all()) {
    if (!stored_packs.contains(pack.id)) {
      repository_.store().remove(pack_name(request_.cluster, pack.id));
    }
  }
  repository_.store().remove(manifest_name(request_.cluster, summary_.id));
}

void BackupRun::copy(Connection& connection, const StoredPacks& stored_packs) {
  const OrphanChunks orphans(repository_, request_.cluster, stored_packs, newest_commit());
  std::optional<ParentBackup> parent;
  if (summary_.parent) {
    progress_.enter("reading the last backup's manifest");
    parent.emplace(repository_, request_.cluster, *parent_, request_.spool_directory);
  }
  record_system(repository_, request_.cluster,
                {.system_identifier = server_.identity.system_identifier,
                 .server_version = summary_.server_version,
                 .page_size = server_.block_size,
                 .wal_segment_size = server_.wal_segment_size,
                 .page_checksums = server_.data_checksums,
                 .first_seen = summary_.started});
  const auto wal = prepare_wal();
  PackWriter packs(repository_, request_.cluster, {.pack_size = request_.pack_size, .uploads = request_.uploads});
  ManifestWriter manifest(repository_, request_.cluster, summary_.id, request_.spool_directory);
  BackupPipeline pipeline({.compression = request_.compression,
                           .slice_size = request_.chunk_size,
                           .workers = request_.workers,
                           .page_size = server_.block_size,
                           .page_checksums = server_.data_checksums,
                           .relation_segment_blocks = summary_.relation_segment_blocks},
                          packs, manifest, repository_, request_.cluster, parent ? &*parent : nullptr, orphans, stored_packs,
                          failure_, progress_);
  RateLimiter limiter(request_.max_rate, clock_);
  BackupArchive archive(pipeline, *wal, limiter, progress_, failure_.token(), request_.spool_directory);
  try {
    progress_.enter(request_.checkpoint == BackupCheckpoint::spread ? "waiting for the server's checkpoint (spread)"
                                                                    : "waiting for the server's checkpoint",
                    "waiting for the server's checkpoint");
    const BaseBackupEnd end = receive_base_backup(
        connection, {.label = summary_.label, .checkpoint = request_.checkpoint, .max_rate_bytes = request_.max_rate}, archive);
    summary_.start_lsn = archive.start().start;
    summary_.stop_lsn = end.stop;
    if (end.timeline != archive.start().timeline || end.timeline != summary_.timeline) {
      throw Error(ErrorKind::database_unreachable, "the server changed its timeline while it was backed up",
                  "start the backup again");
    }
    archive.add_server_manifest();
    archive.check_complete();
    add_configuration(connection, pipeline, archive.has_configuration());
    add_companions(pipeline);
    progress_.enter("storing");
    pipeline.finish();
    const PackWriter::Totals stored = packs.finish();
    progress_.enter("fetching WAL");
    wal->finish(end.stop, summary_.from_standby ? BackupWal::LastSegment::tail : BackupWal::LastSegment::whole);
    summary_.wal_bytes = wal->object_bytes();
    summary_.tablespaces = archive.tablespaces();
    note_page_failures(connection, pipeline);
    progress_.enter("committing");
    commit(stored, pipeline.totals(), manifest.finish());
  } catch (...) {
    // Another thread's error came first, if there is one; this one then only follows from it.
    failure_.set(std::current_exception());
    failure_.rethrow();
  }
}

void BackupRun::add_configuration(Connection& connection, BackupPipeline& pipeline, bool inside) {
  const ConfigurationFiles found = read_configuration_files(connection);
  for (const ConfigurationFile& file : found.files) {
    pipeline.begin_file({.type = EntryType::file,
                         .tree = EntryTree::configuration,
                         .path = file.name,
                         .mode = 0600,
                         .mtime = std::chrono::floor<std::chrono::seconds>(summary_.started).time_since_epoch().count(),
                         .target = {},
                         .size = file.content.size(),
                         .content = ZeroContent{}});
    pipeline.add_bytes(bytes_of(file.content));
    pipeline.end_file();
    summary_.configuration_files.push_back(file.name);
  }
  if (!found.problem.empty() && !inside) {
    summary_.warnings.push_back(
        "configuration files outside the data directory are not in this backup: " + found.problem +
        "; GRANT pg_read_all_settings, pg_read_server_files to the role, and EXECUTE ON FUNCTION pg_read_binary_file(text); or "
        "keep copies of them elsewhere");
  }
}

// Before the server is asked for anything: a command that takes long must not hold up a backup that has begun there.
void BackupRun::gather_companions() {
  for (const CompanionSource& source : request_.companions) {
    progress_.enter("gathering companion " + source.name, "gathering companions");
    GatheredCompanion gathered = gather_companion(source, request_.spool_directory, clock_, failure_.token());
    if (!gathered.problem.empty()) {
      summary_.warnings.push_back("companion " + source.name + " is not in this backup: " + gathered.problem);
    }
    for (const std::string& warning : gathered.warnings) {
      summary_.warnings.push_back("companion " + source.name + ": " + warning);
    }
    summary_.companions.push_back(gathered.summary());
    companions_.push_back(std::move(gathered));
  }
}

void BackupRun::add_companions(BackupPipeline& pipeline) const {
  Bytes piece;
  for (const GatheredCompanion& companion : companions_) {
    for (const CompanionEntry& entry : companion.entries) {
      ManifestEntry in_manifest = companion.manifest_entry(entry);
      if (entry.type != EntryType::file) {
        pipeline.add_without_bytes(in_manifest);
        continue;
      }
      pipeline.begin_file(std::move(in_manifest));
      for (std::uint64_t at = 0; at < entry.size; at += piece.size()) {
        piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(companion_piece, entry.size - at)));
        companion.content.read(entry.at + at, piece);
        pipeline.add_bytes(piece);
      }
      pipeline.end_file();
    }
  }
}

void BackupRun::note_page_failures(Connection& connection, BackupPipeline& pipeline) {
  JudgedPages judged =
      reread_pages(connection, pipeline.take_page_failures(), {server_.block_size, summary_.relation_segment_blocks},
                   {summary_.start_lsn, summary_.stop_lsn});
  summary_.page_failure_count = judged.failures.size();
  judged.failures.resize(std::min(judged.failures.size(), max_summary_failures));
  summary_.page_failures = std::move(judged.failures);
  summary_.torn_page_count = judged.torn.size();
  judged.torn.resize(std::min(judged.torn.size(), max_summary_failures));
  summary_.torn_pages = std::move(judged.torn);
}

// A verify may have found damage in it meanwhile, which this backup would share, and that verify knew nothing of this backup.
void BackupRun::check_parent() const {
  const auto parent = summary_.parent ? find_backup(repository_, request_.cluster, *summary_.parent) : std::nullopt;
  if (parent && known_damaged(*parent)) {
    throw Error(ErrorKind::failed, "the backup that this one shares data with was found damaged while this one was taken",
                "start the backup again: it will share with another one, and use again what this one stored")
        .with("parent", summary_.parent->text);
  }
}

void BackupRun::commit(const PackWriter::Totals& packs, const BackupPipeline::Totals& files,
                       const ManifestWriter::Stored& manifest) {
  summary_.files = files.files;
  summary_.logical_bytes = files.logical_bytes;
  summary_.shared_bytes = files.shared_bytes;
  summary_.chunks_new = files.chunks_new;
  summary_.chunks_shared = files.chunks_shared;
  summary_.manifest_size = manifest.object_size;
  summary_.manifest_digest = manifest.object_digest;
  summary_.stored_bytes = packs.stored_bytes + manifest.object_size + summary_.wal_bytes;
  summary_.finished = clock_.now();
  throw_if_stopped(failure_.token());
  check_parent();
  lease_->require();
  put_summary(repository_, summary_);
}

}  // namespace

BackupResult back_up(const Repository& repository, const BackupRequest& request, const Clock& clock, Progress& progress,
                     const std::stop_token& stop) {
  if (!valid_cluster_name(request.cluster)) {
    throw Error(ErrorKind::usage, "not a cluster name",
                "use a-z, 0-9, _ and -, at most 63 characters, beginning with a letter or digit")
        .with("cluster", request.cluster);
  }
  return BackupRun(repository, request, clock, progress, stop).execute();
}

}  // namespace pgrecall
