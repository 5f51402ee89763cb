#include "commands/restore_companions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "commands/backup_choice.h"
#include "jobs/companions.h"
#include "output/progress_line.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

void companion_line(std::string& out, const Style& style, std::string_view label, const std::string& text) {
  out += style.paint(Tone::faint, fmt::format("  {:<10} ", label)) + printable(text) + "\n";
}

std::string missing_text(const CompanionsPlan::Missing& missing) {
  return "the backup does not have companion " + missing.name + ": " + missing.problem +
         (missing.backup ? "; the newest that has it: --backup " + missing.backup->text : "; no earlier backup has it either");
}
}  // namespace

void require_companions_only(const CLI::App& verb) {
  constexpr std::array of_database{
      "--at",        "--lsn",          "--xid",      "--name",   "--latest", "--immediate",  "--timeline",
      "--exclusive", "--archive-mode", "--action",   "--spool",  "--delta",  "--tablespace", "--configuration-into",
      "--start",     "--set",          "--binaries", "--workers"};
  for (const char* name : of_database) {
    if (verb.get_option(name)->count() > 0) {
      throw Error(ErrorKind::usage, std::string(name) + " needs --into",
                  "name the data directory with --into; without it, --companions restores companion files alone");
    }
  }
}

ordered_json companions_plan_json(const CompanionsPlan& plan, const RestoredCompanions* restored) {
  ordered_json json{{"cluster", plan.cluster}, {"backup", plan.backup.text}, {"into", plan.into}};
  json["companions"] = ordered_json::array();
  for (const SummaryCompanion& companion : plan.companions) {
    json["companions"].push_back({{"name", companion.name},
                                  {"files", companion.files},
                                  {"bytes", companion.bytes},
                                  {"gathered", format_time(companion.gathered)}});
  }
  json["missing"] = ordered_json::array();
  for (const CompanionsPlan::Missing& missing : plan.missing) {
    json["missing"].push_back({{"name", missing.name},
                               {"problem", missing.problem},
                               {"backup", missing.backup ? ordered_json(missing.backup->text) : ordered_json(nullptr)}});
  }
  json["restored"] = nullptr;
  if (restored != nullptr) {
    json["restored"] = {{"files", restored->files}, {"bytes", restored->bytes}, {"narrowed", restored->narrowed}};
  }
  return json;
}

std::string companions_plan_text(const CompanionsPlan& plan, const RestoredCompanions* restored, const Style& style) {
  std::string out = restored != nullptr ? style.paint(Tone::good, "restored") + " companion files of " + plan.backup.text +
                                              " of " + plan.cluster + " into " + printable(plan.into) + "\n"
                                        : style.paint(Tone::strong, "plan") + " (nothing was written): companion files of " +
                                              plan.backup.text + " of " + plan.cluster + " into " + printable(plan.into) + "\n";
  for (const SummaryCompanion& companion : plan.companions) {
    companion_line(out, style, companion.name, amount_text(companion) + ", gathered " + format_local_time(companion.gathered));
  }
  if (restored != nullptr && !restored->narrowed.empty()) {
    companion_line(out, style, "modes",
                   format_count(restored->narrowed.size(), "file that looks", "files that look") + " secret, such as " +
                       restored->narrowed.front() + ", could be read by everybody, and cannot now");
  }
  return out;
}

std::string companions_left_text(const BackupSummary& summary, const Style& style) {
  std::string names;
  for (const SummaryCompanion& companion : summary.companions) {
    names += (names.empty() ? "" : ", ") + companion.name + (companion.problem.empty() ? "" : " (not in this backup)");
  }
  std::string out;
  if (!names.empty()) {
    companion_line(out, style, "companions",
                   "not restored: " + names + "; pgrecall restore " + summary.cluster + " --backup " + summary.id.text +
                       " --companions DIR brings these files");
  }
  return out;
}

void warn_of_missing(const CompanionsPlan& plan, Console& console) {
  for (const CompanionsPlan::Missing& missing : plan.missing) {
    console.warning(missing_text(missing));
  }
}

int restore_companions_only(const std::string& cluster, const std::string& backup, const std::string& into, CompanionsStep step,
                            Session& session) {
  const std::stop_token stop = session.stop();
  const Repository& repository = session.repository_of(cluster);
  const ListedBackup chosen = choose_backup(repository, cluster, backup.empty() ? "latest" : backup);
  const CompanionsPlan plan = plan_companions(repository, chosen, into);
  Console& console = session.console();
  warn_of_missing(plan, console);
  std::optional<RestoredCompanions> restored;
  if (step == CompanionsStep::restore) {
    Progress progress;
    restored = run_shown(progress, console, "what was written stays; name another directory, or empty this one",
                         [&] { return restore_companions(repository, plan, progress, stop); });
  }
  const RestoredCompanions* done = restored ? &*restored : nullptr;
  if (console.json()) {
    console.json_data(ordered_json{{"companions", companions_plan_json(plan, done)}});
  } else if (done == nullptr) {
    console.data(companions_plan_text(plan, done, console.style()));
  } else {
    console.summary(companions_plan_text(plan, done, console.style()));
  }
  return plan.missing.empty() ? exit_done : exit_done_with_warnings;
}

}  // namespace pgrecall
