#include "repository/expired.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "repository/marks.h"

namespace pgrecall {

namespace {

constexpr std::string_view expired_mark = "expired";

struct Left {
  bool summary = false;
  std::optional<Time> expired;  // the newest mark
};

std::optional<BackupSummary> summary_in_mark(const Repository& repository, const std::string& cluster, const BackupId& id,
                                             Time time) {
  const std::string name = mark_name(cluster, id, expired_mark, time);
  try {
    return parse_summary(read_mark_note(repository, name), name);
  } catch (const Error& error) {
    // Sweeping can do without: verify reports it.
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    return std::nullopt;
  }
}

}  // namespace

void remove_backup(const Repository& repository, const BackupSummary& summary, Time time) {
  put_mark(repository, summary.cluster, summary.id, expired_mark, time, format_summary(summary));
  repository.store().remove(summary_name(summary.cluster, summary.id));
}

std::vector<ExpiredBackup> read_expired(const Repository& repository, const std::string& cluster) {
  std::map<BackupId, Left> found;
  repository.store().list(backups_prefix(cluster), [&](const ObjectInfo& object) {
    const ParsedName name = parse_object_name(object.name);
    if (!name.backup) {
      return;
    }
    Left& left = found[*name.backup];
    left.summary = left.summary || name.kind == NameKind::summary;
    const auto mark = name.kind == NameKind::mark ? parse_mark_name(name.rest) : std::nullopt;
    if (mark && mark->mark == expired_mark) {
      left.expired = std::max(left.expired, std::optional(mark->time));
    }
  });
  std::vector<ExpiredBackup> expired;
  for (const auto& [id, left] : found) {
    if (!left.summary && left.expired) {
      expired.push_back({id, *left.expired, summary_in_mark(repository, cluster, id, *left.expired)});
    }
  }
  return expired;
}

}  // namespace pgrecall
