#include "jobs/expire_job.h"

#include "base/units.h"
#include "commands/backup_choice.h"
#include "jobs/sweep_json.h"
#include "output/backup_text.h"
#include "output/table.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

ordered_json json_of(const BackupFate& fate) {
  const BackupSummary& summary = fate.backup.summary;
  ordered_json json{{"id", summary.id.text},        {"started", format_time(summary.started)}, {"keep", name(summary.keep)},
                    {"pinned", fate.backup.pinned}, {"damaged", is_damaged(fate.backup)},      {"stays", fate.verdict.stays()}};
  json["reasons"] = ordered_json::array();
  for (const KeepReason& reason : fate.verdict.reasons) {
    json["reasons"].push_back({{"rule", name(reason.rule)}, {"text", reason.text}});
  }
  json["why_not"] = fate.verdict.stays() ? ordered_json(nullptr) : ordered_json(fate.verdict.why_not);
  return json;
}

ordered_json json_of(const std::optional<WindowSpan>& span) {
  return !span ? ordered_json(nullptr)
               : ordered_json{{"from_time", format_time(span->from)},
                              {"until_time", format_time(span->until)},
                              {"from_lsn", span->from_lsn.to_string()},
                              {"until_lsn", span->until_lsn.to_string()}};
}

ordered_json json_of(const ExpirePlan& plan) {
  ordered_json json{{"cluster", plan.cluster},
                    {"made", format_time(plan.made)},
                    {"window_start", format_time(plan.window_start)},
                    {"window_now", json_of(plan.window_now)},
                    {"window_then", json_of(plan.window_then)},
                    {"bytes", plan.bytes},
                    {"needs_confirmation", plan.needs_confirmation}};
  json["backups"] = ordered_json::array();
  for (const BackupFate& fate : plan.backups) {
    json["backups"].push_back(json_of(fate));
  }
  json["unreadable"] = ordered_json::array();
  for (const DamagedBackup& damaged : plan.unreadable) {
    json["unreadable"].push_back({{"id", damaged.id.text}, {"object", damaged.object}, {"problem", damaged.problem}});
  }
  json["problems"] = plan.problems;
  json["notes"] = plan.notes;
  return json;
}

std::string why_text(const Verdict& verdict) {
  std::string text;
  for (const KeepReason& reason : verdict.reasons) {
    text += (text.empty() ? "" : ", ") + reason.text;
  }
  return verdict.stays() ? text : verdict.why_not;
}

std::string window_text(const std::optional<WindowSpan>& span) {
  return !span ? "none" : format_local_second(span->from) + " to " + format_local_second(span->until);
}

std::string text_of(const ExpirePlan& plan, const Style& style) {
  Table table({{"BACKUP"}, {"STARTED"}, {"KEEP"}, {"NEW", Table::Align::right}, {""}, {"WHY"}});
  for (const BackupFate& fate : plan.backups) {
    const BackupSummary& summary = fate.backup.summary;
    table.add({{summary.id.text, Tone::strong},
               format_local_time(summary.started),
               std::string(name(summary.keep)),
               format_size(summary.stored_bytes),
               fate.verdict.stays() ? Table::Cell("stays", Tone::good) : Table::Cell("goes", Tone::warning),
               why_text(fate.verdict)});
  }
  std::string out = table.empty() ? "no backups of " + plan.cluster + "\n" : table.render(style);
  for (const DamagedBackup& damaged : plan.unreadable) {
    out += style.paint(Tone::bad, "DAMAGED") + " " + printable(damaged.id.text + " is left alone: " + damaged.problem) + "\n";
  }
  out += "recovery window: " + window_text(plan.window_now) + "\n";
  if (plan.going() > 0) {
    out += "       and then: " + window_text(plan.window_then) + "\n";
  }
  return out;
}

std::string sizes_text(const ExpirePlan& plan) {
  return format_count(plan.going(), "backup goes", "backups go") + ", " +
         format_count(plan.backups.size() - plan.going(), "stays", "stay") + "; " + format_size(plan.bytes) +
         " come back in all\n";
}

JobOutcome carry_out(const ExpirePlan& plan, const ExpireSettings& settings, const ExpireWishes& wishes,
                     const JobContext& context, JobOutcome outcome) {
  const ExpireResult result =
      expire(context.repository, plan, settings, wishes.confirmation, context.clock, context.progress, context.stop);
  ordered_json& json = outcome.document["expire"];
  json["removed"] = ordered_json::array();
  for (const BackupId& id : result.removed) {
    json["removed"].push_back(id.text);
  }
  json["left"] = result.left;
  json["sweep"] = sweep_json(result.sweep);
  outcome.text += "removed " + format_count(result.removed.size(), "backup", "backups") + "; " + sweep_text(result.sweep);
  for (const std::string& left : result.left) {
    outcome.text += "left " + left + "\n";
  }
  outcome.warnings = result.sweep.problems;
  outcome.details = result.sweep.notes;
  outcome.exit_code = outcome.warnings.empty() ? exit_done : exit_done_with_warnings;
  return outcome;
}
}  // namespace

ordered_json to_json(const ExpireWishes& wishes) {
  ordered_json json{{"dry_run", wishes.mode == ExpireWishes::Mode::dry_run},
                    {"confirm", wishes.confirmation == Confirmation::given},
                    {"remove", wishes.remove}};
  if (wishes.grace) {
    json["grace_seconds"] = wishes.grace->count();
  }
  return json;
}

ExpireWishes expire_wishes_of(const ordered_json& json) {
  ExpireWishes wishes;
  for (const auto& [key, value] : json.items()) {
    const Error bad(ErrorKind::usage, "an expire has no such option, or not with this value", "docs/api.md lists them");
    try {
      if (key == "dry_run") {
        wishes.mode = value.get<bool>() ? ExpireWishes::Mode::dry_run : ExpireWishes::Mode::remove;
      } else if (key == "confirm") {
        wishes.confirmation = value.get<bool>() ? Confirmation::given : Confirmation::none;
      } else if (key == "remove") {
        wishes.remove = value.get<std::string>();
      } else if (key == "grace_seconds" && value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
                 value.get<std::int64_t>() <= std::chrono::seconds(longest_duration).count()) {
        wishes.grace = std::chrono::seconds(value.get<std::int64_t>());
      } else {
        throw Error(bad).with("option", key);
      }
    } catch (const ordered_json::exception& wrong_type) {
      throw Error(bad).with("option", key);
    }
  }
  return wishes;
}

JobOutcome run_expire_job(const std::string& cluster, const RetentionPolicy& policy, const ExpireWishes& wishes,
                          const JobContext& context) {
  ExpireSettings settings{.cluster = cluster, .policy = policy};
  settings.grace = wishes.grace.value_or(settings.grace);
  if (!wishes.remove.empty()) {
    settings.remove = choose_backup(context.repository, cluster, wishes.remove).summary.id;
  }
  context.progress.enter("planning");
  const ExpirePlan plan = plan_expire(context.repository, settings, context.clock);
  JobOutcome outcome;
  outcome.presence = JobOutcome::Presence::report;
  outcome.document["expire"] = json_of(plan);
  outcome.text = text_of(plan, context.style);
  if (wishes.mode == ExpireWishes::Mode::dry_run) {
    outcome.text += sizes_text(plan);
    outcome.warnings = plan.problems;
    if (plan.needs_confirmation) {
      outcome.warnings.push_back("more than half of the good backups would go: without --confirm nothing is removed");
    }
    outcome.exit_code = outcome.warnings.empty() ? exit_done : exit_done_with_warnings;
    return outcome;
  }
  if (plan.needs_confirmation && wishes.confirmation == Confirmation::none) {
    outcome.text += sizes_text(plan);
    outcome.warnings = {"nothing was removed: more than half of the good backups would go; if that is wanted: pgrecall expire " +
                        cluster + " --confirm" + context.repeated_options};
    outcome.exit_code = exit_code(ErrorKind::failed);
    return outcome;
  }
  return carry_out(plan, settings, wishes, context, std::move(outcome));
}

}  // namespace pgrecall
