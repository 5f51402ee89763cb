#include "repository/catalog.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "repository/marks.h"

namespace pgrecall {

namespace {

// What the names below one backup tell.
struct Leaves {
  bool summary = false;
  std::map<std::string, Time> latest;  // mark -> time of its latest
};

void note_mark(Leaves& leaves, std::string_view rest) {
  if (const auto mark = parse_mark_name(rest)) {
    Time& latest = leaves.latest.try_emplace(mark->mark, mark->time).first->second;
    latest = std::max(latest, mark->time);
  }
}

std::map<BackupId, Leaves> list_leaves(const Repository& repository, const std::string& prefix) {
  std::map<BackupId, Leaves> found;
  repository.store().list(prefix, [&](const ObjectInfo& object) {
    const ParsedName name = parse_object_name(object.name);
    if (!name.backup) {
      return;
    }
    Leaves& leaves = found[*name.backup];
    leaves.summary = leaves.summary || name.kind == NameKind::summary;
    if (name.kind == NameKind::mark) {
      note_mark(leaves, name.rest);
    }
  });
  return found;
}

std::optional<Time> latest(const Leaves& leaves, const std::string& mark) {
  const auto found = leaves.latest.find(mark);
  return found == leaves.latest.end() ? std::nullopt : std::optional(found->second);
}

// The time of the pin that holds, if one does. Of a pin and an unpin in the same second the pin counts: it keeps data.
std::optional<Time> pinned_at(const Leaves& leaves) {
  const auto pinned = latest(leaves, "pinned");
  const auto unpinned = latest(leaves, "unpinned");
  return pinned && (!unpinned || *pinned >= *unpinned) ? pinned : std::nullopt;
}

std::optional<BackupSummary> read_summary(const Repository& repository, const std::string& cluster, const BackupId& id) {
  const std::string object_name = summary_name(cluster, id);
  const auto json = read_json(repository, ObjectKind::summary, object_name);
  if (!json) {
    return std::nullopt;
  }
  BackupSummary summary = parse_summary(*json, object_name);
  if (summary.id != id || summary.cluster != cluster) {
    throw Error(ErrorKind::corruption, "summary is of another backup", "run pgrecall verify to see what else is damaged")
        .with("object", object_name)
        .with("expected", id.text)
        .with("found", summary.id.text);
  }
  return summary;
}

// Marks without the pin's note.
ListedBackup with_marks(BackupSummary summary, const Leaves& leaves) {
  ListedBackup backup;
  backup.summary = std::move(summary);
  backup.pinned = pinned_at(leaves).has_value();
  backup.verified = latest(leaves, "verified");
  backup.damaged = latest(leaves, "damaged");
  return backup;
}

std::string read_pin_note(const Repository& repository, const std::string& cluster, const BackupId& id, const Leaves& leaves) {
  const auto time = pinned_at(leaves);
  return time ? read_mark_note(repository, mark_name(cluster, id, "pinned", *time)) : std::string();
}

// Runs `read`; damage that it meets is noted and hides nothing else.
template <typename Read>
void noting_damage(Catalog& catalog, const BackupId& id, const std::string& object, Read read) {
  try {
    read();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    const std::string_view named = error.context("object");
    catalog.damaged.push_back({id, named.empty() ? object : std::string(named), error.what()});
  }
}

}  // namespace

std::vector<std::string> list_clusters(const Repository& repository) {
  std::set<std::string> clusters;
  repository.store().list("clusters/", [&](const ObjectInfo& object) {
    const ParsedName name = parse_object_name(object.name);
    if (!name.cluster.empty()) {
      clusters.insert(name.cluster);
    }
  });
  return {clusters.begin(), clusters.end()};
}

Catalog read_catalog(const Repository& repository, const std::string& cluster) {
  Catalog catalog;
  for (const auto& [backup, leaves] : list_leaves(repository, backups_prefix(cluster))) {
    const BackupId& id = backup;
    const Leaves& marks = leaves;
    if (!marks.summary) {
      (marks.latest.contains("expired") ? catalog.expired : catalog.unfinished).push_back(id);
      continue;
    }
    noting_damage(catalog, id, summary_name(cluster, id), [&] {
      auto summary = read_summary(repository, cluster, id);
      // Removed since it was listed: then it is no backup any more.
      if (summary) {
        catalog.backups.push_back(with_marks(std::move(*summary), marks));
        noting_damage(catalog, id, {}, [&] { catalog.backups.back().pin_note = read_pin_note(repository, cluster, id, marks); });
      }
    });
  }
  std::ranges::stable_sort(catalog.backups, {}, [](const ListedBackup& backup) { return backup.summary.id; });
  return catalog;
}

std::optional<ListedBackup> find_backup(const Repository& repository, const std::string& cluster, const BackupId& id) {
  auto summary = read_summary(repository, cluster, id);
  if (!summary) {
    return std::nullopt;
  }
  const auto leaves = list_leaves(repository, backups_prefix(cluster).append(id.text).append("/"));
  const auto found = leaves.find(id);
  const Leaves marks = found == leaves.end() ? Leaves() : found->second;
  ListedBackup backup = with_marks(std::move(*summary), marks);
  backup.pin_note = read_pin_note(repository, cluster, id, marks);
  return backup;
}

void put_summary(const Repository& repository, const BackupSummary& summary) {
  const std::string object_name = summary_name(summary.cluster, summary.id);
  const std::string json = format_summary(summary);
  if (put_json(repository, ObjectKind::summary, object_name, json) == PutResult::already_exists) {
    throw Error(ErrorKind::failed, "there is a backup of this id already", "check the clocks of the hosts, and try again")
        .with("object", object_name);
  }
  if (read_json(repository, ObjectKind::summary, object_name) != json) {
    throw Error(ErrorKind::corruption, "the store returns other bytes than were put", "check the store's disks and memory")
        .with("object", object_name);
  }
}

}  // namespace pgrecall
