#include "base/units.h"
#include "commands/backup_choice.h"
#include "commands/commands.h"
#include "config/problem.h"
#include "jobs/retention.h"
#include "output/backup_text.h"
#include "output/table.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct Listed {
  std::string cluster;
  std::string repository;  // address
  Catalog catalog;
  std::map<BackupId, Verdict> verdicts = {};  // empty without configuration
};

Listed read_one(Session& session, const std::string& cluster, const Repository& repository) {
  Listed listed{cluster, repository.store().address(), read_catalog(repository, cluster)};
  const Config* config = session.config();
  const auto found = config == nullptr ? decltype(config->clusters.begin())() : config->clusters.find(cluster);
  if (config != nullptr && found != config->clusters.end()) {
    listed.verdicts = verdicts_by_time(listed.catalog, retention_policy(found->second), session.clock().now());
  }
  return listed;
}

const Verdict* verdict_of(const Listed& listed, const ListedBackup& backup) {
  const auto found = listed.verdicts.find(backup.summary.id);
  return found == listed.verdicts.end() ? nullptr : &found->second;
}

std::vector<Listed> read_all(Session& session, const std::string& wanted) {
  std::vector<Listed> all;
  if (!wanted.empty()) {
    const Repository& repository = session.repository_of(wanted);
    // A configured cluster may have no backup yet; another that has none is a name mistyped.
    if (session.config() == nullptr) {
      require_cluster(repository, wanted);
    }
    all.push_back(read_one(session, wanted, repository));
    return all;
  }
  for (const OpenRepository* open : session.repositories()) {
    for (const std::string& cluster : list_clusters(*open->repository)) {
      all.push_back(read_one(session, cluster, *open->repository));
    }
  }
  return all;
}

Table::Cell verified_cell(const ListedBackup& backup) {
  const Tone tone = is_damaged(backup) ? Tone::bad : (backup.verified ? Tone::good : Tone::faint);
  return {verified_text(backup), tone};
}

std::string note_of(const ListedBackup& backup) {
  std::string note = backup.summary.note;
  if (!backup.pin_note.empty()) {
    note += (note.empty() ? "" : "; ") + backup.pin_note;
  }
  if (backup.summary.page_failure_count > 0) {
    note += (note.empty() ? "" : "; ") + format_count(backup.summary.page_failure_count, "bad page", "bad pages");
  }
  return shorten(note, 40);
}

Table table_of(const Listed& listed) {
  using Align = Table::Align;
  Table table({{"BACKUP"},
               {"STARTED"},
               {"KEEP"},
               {"SIZE", Align::right},
               {"NEW", Align::right},
               {"SHARED", Align::right},
               {"TOOK", Align::right},
               {"KEPT UNTIL"},
               {"VERIFIED"},
               {"NOTE"}});
  for (const ListedBackup& backup : listed.catalog.backups) {
    const BackupSummary& summary = backup.summary;
    table.add({{summary.id.text, Tone::strong},
               format_local_time(summary.started),
               std::string(name(summary.keep)),
               format_size(summary.logical_bytes),
               format_size(summary.stored_bytes),
               format_percent(summary.shared_bytes, summary.logical_bytes),
               took_text(summary),
               kept_until(backup, verdict_of(listed, backup)),
               verified_cell(backup),
               note_of(backup)});
  }
  return table;
}

std::string text_of(const Listed& listed, const Style& style) {
  std::string out = style.paint(Tone::strong, listed.cluster) + " in " + printable(listed.repository) + "\n";
  const Table table = table_of(listed);
  if (table.empty()) {
    out += "no backups yet; take the first one: pgrecall backup " + listed.cluster + "\n";
  } else {
    out += table.render(style);
  }
  for (const DamagedBackup& damaged : listed.catalog.damaged) {
    out += style.paint(Tone::bad, "DAMAGED") + " " + printable(damaged.id.text + ": " + damaged.problem + " (" + damaged.object) +
           ")\n";
  }
  if (!listed.catalog.unfinished.empty()) {
    out += style.paint(Tone::faint,
                       format_count(listed.catalog.unfinished.size(), "unfinished backup is", "unfinished backups are") +
                           " under way or broken off; what was stored is used again") +
           "\n";
  }
  return out;
}

ordered_json json_of(const Listed& listed) {
  ordered_json json{{"cluster", listed.cluster}, {"repository", listed.repository}};
  json["backups"] = ordered_json::array();
  for (const ListedBackup& backup : listed.catalog.backups) {
    ordered_json entry = backup_json(backup);
    entry["kept_until"] = kept_until(backup, verdict_of(listed, backup));
    json["backups"].push_back(std::move(entry));
  }
  json["damaged"] = ordered_json::array();
  for (const DamagedBackup& damaged : listed.catalog.damaged) {
    json["damaged"].push_back({{"id", damaged.id.text}, {"object", damaged.object}, {"problem", damaged.problem}});
  }
  json["unfinished"] = ordered_json::array();
  for (const BackupId& id : listed.catalog.unfinished) {
    json["unfinished"].push_back(id.text);
  }
  return json;
}

int run_list(const std::string& cluster, Session& session) {
  const std::vector<Listed> all = read_all(session, cluster);
  Console& console = session.console();
  if (console.json()) {
    ordered_json clusters = ordered_json::array();
    for (const Listed& listed : all) {
      clusters.push_back(json_of(listed));
    }
    console.json_data(ordered_json{{"clusters", clusters}});
    return exit_done;
  }
  std::string out;
  if (!cluster.empty() && all.front().catalog.backups.empty()) {
    if (const auto meant = nearest(cluster, list_clusters(session.repository_of(cluster))); meant && *meant != cluster) {
      console.message("there are backups of " + *meant + "; was that meant?");
    }
  }
  for (const Listed& listed : all) {
    out += (out.empty() ? "" : "\n") + text_of(listed, console.style());
  }
  console.data(out.empty() ? "nothing has been backed up here yet; take the first backup: pgrecall backup CLUSTER\n" : out);
  return exit_done;
}
}  // namespace

void add_list(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "list", "The backups that can be restored");
  const auto cluster = std::make_shared<std::string>();
  verb.add_option("CLUSTER", *cluster, "One cluster only");
  on_chosen(line, verb, [cluster](Session& session) { return run_list(*cluster, session); });
}

}  // namespace pgrecall
