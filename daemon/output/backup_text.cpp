#include "output/backup_text.h"

#include "base/units.h"
#include "output/text.h"
#include "postgres/postgres_version.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

ordered_json time_or_null(const std::optional<Time>& time) {
  return time ? ordered_json(format_time(*time)) : ordered_json(nullptr);
}
}  // namespace

std::chrono::milliseconds duration_of(const BackupSummary& summary) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(summary.finished - summary.started);
}

std::string took_text(const BackupSummary& summary) {
  const auto millis = duration_of(summary);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(millis);
  if (seconds < std::chrono::seconds(60)) {
    return seconds.count() < 1 ? "< 1 s" : std::to_string(seconds.count()) + " s";
  }
  return format_duration(millis);
}

bool is_damaged(const ListedBackup& backup) noexcept { return known_damaged(backup); }

std::string kept_until(const ListedBackup& backup, const Verdict* verdict) {
  if (backup.pinned) {
    return "pinned";
  }
  if (backup.summary.keep == Keep::manual) {
    return "until removed";
  }
  if (verdict == nullptr) {
    return "by policy";
  }
  if (!verdict->stays()) {
    return "next expire";
  }
  const auto until = verdict->about_until();
  return until ? "about " + format_day(*until) : "while needed";
}

std::string verified_text(const ListedBackup& backup) {
  if (is_damaged(backup)) {
    return "DAMAGED";
  }
  return backup.verified ? format_local_date(*backup.verified) : "never";
}

namespace {
// A summary that says what cannot be is verify's to report; showing it must not end the program.
std::uint32_t segment_size(const BackupSummary& summary) {
  constexpr std::uint32_t usual = 16U << 20U;
  return valid_segment_size(summary.wal_segment_size) ? summary.wal_segment_size : usual;
}
}  // namespace

WalSegment first_segment(const BackupSummary& summary) noexcept {
  return WalSegment::containing(summary.timeline, summary.start_lsn, segment_size(summary));
}

WalSegment last_segment(const BackupSummary& summary) noexcept {
  // The stop LSN is the end of what is needed: on a boundary, the segment before holds the last byte.
  return WalSegment::containing(summary.timeline, Lsn{summary.stop_lsn.value - 1}, segment_size(summary));
}

ordered_json backup_json(const ListedBackup& backup) {
  const BackupSummary& summary = backup.summary;
  ordered_json json;
  json["id"] = summary.id.text;
  json["cluster"] = summary.cluster;
  json["kind"] = summary.id.kind() == BackupKind::full ? "full" : "incremental";
  json["started"] = format_time(summary.started);
  json["finished"] = format_time(summary.finished);
  json["duration_seconds"] = static_cast<double>(duration_of(summary).count()) / 1000;
  json["keep"] = name(summary.keep);
  json["note"] = summary.note;
  json["pinned"] = backup.pinned;
  json["pin_note"] = backup.pin_note;
  json["verified"] = time_or_null(backup.verified);
  json["damaged"] = is_damaged(backup);
  json["damage_found"] = time_or_null(backup.damaged);
  json["files"] = summary.files;
  json["logical_bytes"] = summary.logical_bytes;
  json["stored_bytes"] = summary.stored_bytes;
  json["shared_bytes"] = summary.shared_bytes;
  json["wal_bytes"] = summary.wal_bytes;
  json["server_version"] = format_version_num(summary.server_version);
  json["system_identifier"] = std::to_string(summary.system_identifier);  // does not fit the 53 bits of other readers' numbers
  json["timeline"] = summary.timeline;
  json["start_lsn"] = summary.start_lsn.to_string();
  json["stop_lsn"] = summary.stop_lsn.to_string();
  json["page_failure_count"] = summary.page_failure_count;
  json["warning_count"] = summary.warnings.size();
  return json;
}

ordered_json companions_json(const BackupSummary& summary) {
  ordered_json list = ordered_json::array();
  for (const SummaryCompanion& companion : summary.companions) {
    list.push_back({{"name", companion.name},
                    {"gathered", format_time(companion.gathered)},
                    {"files", companion.files},
                    {"bytes", companion.bytes},
                    {"problem", companion.problem.empty() ? ordered_json(nullptr) : ordered_json(companion.problem)},
                    {"secrets", companion.secrets}});
  }
  return list;
}

ordered_json backup_detail_json(const ListedBackup& backup) {
  const BackupSummary& summary = backup.summary;
  ordered_json json = backup_json(backup);
  json["first_wal_segment"] = first_segment(summary).file_name();
  json["last_wal_segment"] = last_segment(summary).file_name();
  json["wal_segment_bytes"] = summary.wal_segment_size;
  json["page_bytes"] = summary.page_size;
  json["relation_segment_blocks"] = summary.relation_segment_blocks;
  json["page_checksums"] = summary.page_checksums;
  json["from_standby"] = summary.from_standby;
  json["label"] = summary.label;
  json["parent"] = summary.parent ? ordered_json(summary.parent->text) : ordered_json(nullptr);
  json["compression"] = summary.compression;
  json["chunks_new"] = summary.chunks_new;
  json["chunks_shared"] = summary.chunks_shared;
  json["manifest_bytes"] = summary.manifest_size;
  json["manifest_sha256"] = summary.manifest_digest.to_string();
  json["tablespaces"] = ordered_json::array();
  for (const SummaryTablespace& tablespace : summary.tablespaces) {
    json["tablespaces"].push_back({{"oid", tablespace.oid}, {"location", tablespace.location}, {"bytes", tablespace.size}});
  }
  json["page_failures"] = ordered_json::array();
  for (const PageFailure& page : summary.page_failures) {
    json["page_failures"].push_back({{"file", page.file},
                                     {"block", page.block},
                                     {"expected", page.expected},
                                     {"found", page.found},
                                     {"reread", page.reread}});
  }
  json["configuration_files"] = summary.configuration_files;
  json["companions"] = companions_json(summary);
  json["warnings"] = summary.warnings;
  json["tool"] = summary.tool;
  return json;
}

}  // namespace pgrecall
