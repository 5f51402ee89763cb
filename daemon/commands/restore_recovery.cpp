#include "commands/restore_recovery.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "commands/option_values.h"
#include "commands/time_option.h"
#include "config/problem.h"
#include "jobs/restore_command.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

std::string absolute_path(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

TimelineChoice timeline_of(const std::string& text) {
  if (text.empty() || text == "latest") {
    return {};
  }
  if (text == "current") {
    return {.kind = TimelineChoice::Kind::current, .number = 0};
  }
  TimelineChoice choice{.kind = TimelineChoice::Kind::number, .number = 0};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), choice.number);
  if (failure != std::errc() || end != text.data() + text.size() || choice.number == 0) {
    throw Error(ErrorKind::usage, "--timeline: " + in_quotes(text) + " cannot be used",
                "say latest, current (the backup's) or a number");
  }
  return choice;
}

std::optional<TargetAction> action_of(const std::string& text) {
  for (const TargetAction action : {TargetAction::pause, TargetAction::promote, TargetAction::shutdown}) {
    if (text == name(action)) {
      return action;
    }
  }
  return std::nullopt;
}

// As pg_current_xact_id() tells it, the epoch left out: recovery_target_xid compares 32 bits.
std::uint32_t take_xid(const std::string& text) {
  constexpr std::uint32_t first_normal = 3;  // FirstNormalTransactionId, src/include/access/transam.h
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto xid = static_cast<std::uint32_t>(value);
  if (problem != std::errc() || end != text.data() + text.size() || xid < first_normal) {
    throw Error(ErrorKind::usage, "--xid: " + in_quotes(text) + " is no transaction id",
                "write a whole number of at least 3, as pg_current_xact_id() tells it");
  }
  return xid;
}

RecoveryTarget target_of(const RecoveryOptions& options, Console& console) {
  RecoveryTarget target;
  if (!options.at.empty()) {
    const TypedTime typed = take_time("--at", options.at);
    target.kind = RecoveryTarget::Kind::time;
    target.time = typed.time;
    if (typed.local) {
      console.message("--at without a zone is local time: " + format_local_time(typed.time) + ", which is " +
                      format_exact_time(typed.time));
    }
  } else if (!options.lsn.empty()) {
    const auto lsn = Lsn::parse(options.lsn);
    if (!lsn || !lsn->valid()) {
      throw Error(ErrorKind::usage, "--lsn: " + in_quotes(options.lsn) + " is no LSN", "LSNs look like 16/B374D848");
    }
    target.kind = RecoveryTarget::Kind::lsn;
    target.lsn = *lsn;
  } else if (!options.xid.empty()) {
    target.kind = RecoveryTarget::Kind::xid;
    target.xid = take_xid(options.xid);
  } else if (!options.name.empty()) {
    target.kind = RecoveryTarget::Kind::name;
    target.name = options.name;
  } else {
    target.kind = options.immediate ? RecoveryTarget::Kind::immediate : RecoveryTarget::Kind::latest;
  }
  target.bound = options.exclusive ? RecoveryTarget::Bound::exclusive : RecoveryTarget::Bound::inclusive;
  return target;
}

std::string spool_of(const RecoveryOptions& options, Session& session) {
  if (!options.spool.empty()) {
    return absolute_path(options.spool);
  }
  const Config* config = session.config();
  return config != nullptr && std::filesystem::is_directory(config->spool) ? config->spool : std::string();
}
}  // namespace

std::optional<Secret> passphrase_without_file(const std::string& cluster, Session& session) {
  return restore_command(cluster, session.address_of(cluster), session.repository_of(cluster), {}).passphrase;
}

void add_recovery_options(CLI::App& verb, RecoveryOptions& options) {
  const auto at =
      verb.add_option("--at", options.at, "Recover to this time: 2026-11-23T02:30:00Z, \"2026-11-23 02:30:00 +01:00\"")
          ->type_name("TIME");
  const auto lsn = verb.add_option("--lsn", options.lsn, "Recover to this LSN")->type_name("LSN");
  const auto xid = verb.add_option("--xid", options.xid, "Recover to the end of this transaction")->type_name("XID");
  const auto name =
      verb.add_option("--name", options.name, "Recover to this restore point (pg_create_restore_point)")->type_name("NAME");
  const auto latest = verb.add_flag("--latest", options.latest, "Recover to the end of the WAL");
  const auto immediate = verb.add_flag("--immediate", options.immediate, "Recover until the backup is consistent");
  const std::vector<CLI::Option*> targets{at, lsn, xid, name, latest, immediate};
  for (std::size_t i = 0; i < targets.size(); ++i) {
    for (std::size_t j = i + 1; j < targets.size(); ++j) {
      targets[i]->excludes(targets[j]);
    }
  }
  verb.add_option("--timeline", options.timeline,
                  "Which timeline to follow: latest (default), current (the backup's) or its number")
      ->type_name("TIMELINE");
  verb.add_flag("--exclusive", options.exclusive, "Stop before the target, not behind it (--at, --lsn, --xid)");
  verb.add_option("--action", options.action,
                  "What the server does at the target: pause (default), promote (default of --latest) or shutdown")
      ->type_name("ACTION")
      ->check(CLI::IsMember({"pause", "promote", "shutdown"}));
  verb.add_option("--archive-mode", options.archive_mode,
                  "off (default): the recovered server archives nothing, so that a copy does not write into its original's "
                  "archive; or preserve")
      ->type_name("MODE");
  verb.add_option("--spool", options.spool, "Spools of receivers on this host, for WAL that is not in the repository yet")
      ->type_name("DIR");
}

std::optional<RecoveryRequest> recovery_request(const RecoveryOptions& options, const std::string& cluster, Session& session) {
  const bool any = !options.at.empty() || !options.lsn.empty() || !options.xid.empty() || !options.name.empty() ||
                   options.latest || options.immediate;
  if (!any) {
    if (!options.timeline.empty() || options.exclusive || !options.action.empty() || !options.archive_mode.empty()) {
      throw Error(ErrorKind::usage, "--timeline, --exclusive, --action and --archive-mode need a target",
                  "add --at, --lsn, --xid, --name, --latest or --immediate");
    }
    return std::nullopt;
  }
  RecoveryRequest request;
  request.target = target_of(options, session.console());
  using Kind = RecoveryTarget::Kind;
  if (options.exclusive &&
      (request.target.kind == Kind::latest || request.target.kind == Kind::immediate || request.target.kind == Kind::name)) {
    throw Error(ErrorKind::usage, "--exclusive means nothing with this target", "it goes with --at, --lsn and --xid");
  }
  request.action = action_of(options.action);
  request.timeline = timeline_of(options.timeline);
  if (!options.archive_mode.empty()) {
    request.archive_mode = take_word<ArchiveMode>("--archive-mode", options.archive_mode,
                                                  {{"off", ArchiveMode::off}, {"preserve", ArchiveMode::preserve}});
  }
  request.spool = spool_of(options, session);
  RestoreCommand command = restore_command(cluster, session.address_of(cluster), session.repository_of(cluster), request.spool);
  request.restore_command = std::move(command.command);
  request.needed_paths = std::move(command.paths);
  return request;
}

ordered_json recovery_json(const RecoveryPlan& plan) {
  ordered_json json{{"target", describe(plan.target)}, {"action", name(plan.action)}, {"timeline", plan.timeline}};
  json["wal_until_lsn"] = plan.wal_until.to_string();
  json["wal_until_time"] = plan.time_until ? ordered_json(format_time(*plan.time_until)) : ordered_json(nullptr);
  json["settings"] = ordered_json::object();
  for (const auto& [setting, value] : plan.settings) {
    json["settings"][setting] = value;
  }
  json["notes"] = plan.notes;
  return json;
}

std::vector<std::pair<std::string, std::string>> recovery_lines(const RecoveryPlan& plan) {
  std::vector<std::pair<std::string, std::string>> lines;
  lines.emplace_back("recover to", describe(plan.target) + ", then " + std::string(name(plan.action)));
  lines.emplace_back("timeline", std::to_string(plan.timeline) + "; WAL to " + plan.wal_until.to_string() +
                                     (plan.time_until ? ", " + format_local_second(*plan.time_until) : ""));
  for (const auto& [setting, value] : plan.settings) {
    lines.emplace_back("setting", setting + " = " + value);
  }
  for (const std::string& note : plan.notes) {
    lines.emplace_back("note", note);
  }
  if (plan.archives == ArchiveMode::off) {
    lines.emplace_back("archiving",
                       "off in the recovered server; for a new primary: ALTER SYSTEM RESET archive_mode, and restart");
  }
  return lines;
}

namespace {
std::string_view name(ServerMoment::State state) {
  switch (state) {
    case ServerMoment::State::paused: return "paused";
    case ServerMoment::State::open: return "open";
    case ServerMoment::State::shut_down: break;
  }
  return "shut_down";
}
}  // namespace

ordered_json moment_json(const ServerMoment& moment) {
  ordered_json json{{"state", name(moment.state)}, {"timeline", moment.timeline}};
  json["replayed_lsn"] = moment.replayed.valid() ? ordered_json(moment.replayed.to_string()) : ordered_json(nullptr);
  json["last_commit"] = moment.last_commit ? ordered_json(format_exact_time(*moment.last_commit)) : ordered_json(nullptr);
  json["pid"] = moment.pid != 0 ? ordered_json(moment.pid) : ordered_json(nullptr);
  json["port"] = moment.port;
  json["socket_directory"] = moment.socket_directory;
  json["problem"] = moment.problem.empty() ? ordered_json(nullptr) : ordered_json(moment.problem);
  return json;
}

std::string moment_text(const ServerMoment& moment, const Style& style) {
  std::string out = style.paint(Tone::good, "started") + "\n";
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.paint(Tone::faint, fmt::format("  {:<12}", label)) + printable(text) + "\n";
  };
  if (!moment.problem.empty()) {
    line("server", "runs, but does not let us ask how far it is: " + moment.problem);
    return out;
  }
  line("reached", "LSN " + moment.replayed.to_string() + ", timeline " + std::to_string(moment.timeline));
  if (moment.last_commit) {
    line("last commit", format_exact_time(*moment.last_commit) + " (" + format_local_second(*moment.last_commit) + ")");
  }
  if (moment.state == ServerMoment::State::paused) {
    line("server", "paused at its target: it can be read; select pg_wal_replay_resume() opens it for writing");
  } else {
    line("server", moment.state == ServerMoment::State::open ? "open for writing" : "shut down at its target");
  }
  if (moment.pid != 0) {
    line("connect", "psql -h " + shell_word(moment.socket_directory) + " -p " + std::to_string(moment.port));
  }
  return out;
}

}  // namespace pgrecall
