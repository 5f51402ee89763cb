#include "engine/backup_archive.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "postgres/backup_label.h"
#include "postgres/backup_manifest.h"

namespace pgrecall {

namespace {
constexpr std::string_view manifest_path = "backup_manifest";

// The server's manifest is checked as a whole; what each file's line says is for pg_verifybackup.
struct NoFiles final : BackupManifestSink {
  void on_file(const ManifestFile& /*file*/) override {}
};
}  // namespace

BackupArchive::BackupArchive(BackupPipeline& pipeline, BackupWal& wal, RateLimiter& limiter, Progress& progress,
                             std::stop_token stop, const std::string& spool_directory)
    : pipeline_(pipeline),
      wal_(wal),
      limiter_(limiter),
      progress_(progress),
      stop_(std::move(stop)),
      manifest_(spool_directory) {}

void BackupArchive::on_start(const BaseBackupStart& start) {
  start_ = start;
  tablespace_sizes_.resize(start.tablespaces.size());
  wal_.start(start.start);
  progress_.set_total(
      std::accumulate(start.tablespaces.begin(), start.tablespaces.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const BackupTablespace& each) { return sum + each.size_bytes.value_or(0); }));
  progress_.enter("copying");
}

void BackupArchive::on_archive(std::uint32_t tablespace_oid) {
  tar_.emplace(entries_);
  prefix_ = tablespace_oid == 0 ? std::string() : "pg_tblspc/" + std::to_string(tablespace_oid) + "/";
  const auto at = std::find_if(start_.tablespaces.begin(), start_.tablespaces.end(),
                               [&](const BackupTablespace& each) { return each.oid == tablespace_oid; });
  if (at == start_.tablespaces.end()) {
    throw Error(ErrorKind::database_unreachable, "the server sent an archive of a tablespace that it had not announced")
        .with("oid", tablespace_oid);
  }
  tablespace_ = static_cast<std::size_t>(at - start_.tablespaces.begin());
}

void BackupArchive::on_data(ByteView bytes) {
  limiter_.pass(bytes.size(), stop_);
  tar_->feed(bytes);
}

void BackupArchive::on_archive_end() { tar_->finish(); }

void BackupArchive::on_manifest_data(ByteView bytes) { manifest_.append(bytes); }

void BackupArchive::begin_entry(const TarEntry& entry) {
  ManifestEntry file{.type = EntryType::file,
                     .tree = EntryTree::data_directory,
                     .path = prefix_ + entry.path,
                     .mode = entry.mode,
                     .mtime = entry.mtime.time_since_epoch().count(),
                     .target = {},
                     .size = entry.size,
                     .content = ZeroContent{}};
  current_ = Current::none;
  if (entry.type == TarEntryType::directory) {
    file.type = EntryType::directory;
    pipeline_.add_without_bytes(file);
    return;
  }
  if (entry.type == TarEntryType::symlink) {
    // pg_tblspc/<oid> is made at restore from the tablespace's location; pg_wal elsewhere becomes a plain directory.
    return;
  }
  current_ = Current::file;
  if (prefix_.empty()) {
    has_control_file_ = has_control_file_ || entry.path == "global/pg_control";
    has_configuration_ = has_configuration_ || entry.path == "postgresql.conf";
    current_ = entry.path == "backup_label" ? Current::label : Current::file;
  }
  tablespace_sizes_[tablespace_] += entry.size;
  pipeline_.begin_file(std::move(file));
}

void BackupArchive::add_to_entry(ByteView bytes) {
  if (current_ == Current::label) {
    label_ += text_of(bytes);
  }
  pipeline_.add_bytes(bytes);
}

void BackupArchive::end_entry() {
  if (current_ != Current::none) {
    pipeline_.end_file();
  }
}

void BackupArchive::add_server_manifest() {
  constexpr std::size_t piece_size = 256U << 10U;
  NoFiles sink;
  BackupManifestReader reader(sink);
  Bytes piece(piece_size);
  pipeline_.begin_file({.type = EntryType::file,
                        .tree = EntryTree::data_directory,
                        .path = std::string(manifest_path),
                        .mode = 0600,
                        .mtime = 0,
                        .target = {},
                        .size = manifest_.size(),
                        .content = ZeroContent{}});
  for (std::uint64_t at = 0; at < manifest_.size(); at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, manifest_.size() - at)));
    manifest_.read(at, piece);
    reader.feed(piece);
    pipeline_.add_bytes(piece);
  }
  pipeline_.end_file();
  if (manifest_.size() > 0) {
    (void)reader.finish();
  }
}

void BackupArchive::check_complete() const {
  if (!has_control_file_ || label_.empty()) {
    throw Error(ErrorKind::database_unreachable,
                "the server's base backup has no " + std::string(has_control_file_ ? "backup_label" : "global/pg_control"));
  }
  const BackupLabel label = parse_backup_label(label_);
  if (label.start_lsn != start_.start || label.start_timeline != start_.timeline) {
    throw Error(ErrorKind::database_unreachable, "backup_label and the replication protocol name different starts")
        .with("label", label.start_lsn.to_string())
        .with("protocol", start_.start.to_string());
  }
}

std::vector<SummaryTablespace> BackupArchive::tablespaces() const {
  std::vector<SummaryTablespace> list;
  for (std::size_t i = 0; i < start_.tablespaces.size(); ++i) {
    if (start_.tablespaces[i].oid != 0) {
      list.push_back(
          {.oid = start_.tablespaces[i].oid, .location = start_.tablespaces[i].location, .size = tablespace_sizes_[i]});
    }
  }
  return list;
}

}  // namespace pgrecall
