#include <algorithm>

#include "base/units.h"
#include "client/asking.h"
#include "commands/commands.h"
#include "output/alert_text.h"
#include "output/run_text.h"
#include "output/table.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

void line(std::string& out, const Style& style, const std::string& label, const std::string& text) {
  constexpr std::size_t width = 13;  // of "last monthly" and a blank
  out += "  " + style.paint(Tone::faint, label + std::string(label.size() < width ? width - label.size() : 1, ' ')) +
         printable(text) + "\n";
}

std::string window_text(const ordered_json& window) {
  const std::string problem = text_in(window, "problem");
  if (window.at("until").is_null() || window.at("computed").is_null()) {
    const std::string why = window.at("computed").is_null() ? "not known here" : "none: there is no backup yet";
    return problem.empty() ? why : "not known: " + problem;
  }
  // Of a backup a moment ago, nothing later is known yet.
  const std::string from = time_text(window.at("from"), "?");
  std::string text = from + " to " + std::max(from, time_text(window.at("until"), "?"));
  if (window.at("gaps").get<unsigned>() > 0) {
    text += ", with gaps before";
  }
  return problem.empty() ? text
                         : text + ", as of " + time_text(window.at("computed"), "?") + "; since then not known: " + problem;
}

std::string drill_status_text(const ordered_json& drill) {
  if (drill.at("last_completion").is_null()) {
    return "nothing yet: pgrecall drill tries a recovery";
  }
  const ordered_json& until = drill.at("proven_recoverable_until");
  std::string text = until.is_null() ? "nothing" : "recoverable until " + time_text(until, "?");
  if (drill.at("estimate_seconds").is_number()) {
    text +=
        ", in about " +
        format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(drill.at("estimate_seconds").get<double>() * 1000)));
  }
  const std::string problem = text_in(drill, "last_problem");
  return problem.empty() ? text : text + "; the last drill failed: " + problem;
}

std::string receiver_text(const ordered_json& cluster) {
  const ordered_json& receiver = cluster.at("receiver");
  if (!receiver.is_object()) {
    const std::string problem = text_in(cluster, "receiver_problem");
    return problem.empty() ? "not yet" : "stopped: " + problem;
  }
  std::string text = text_in(receiver, "state");
  if (const std::string lsn = text_in(receiver, "durable_lsn"); !lsn.empty()) {
    text += ", safe up to " + lsn;
  }
  if (const std::string error = text_in(receiver, "last_error"); !error.empty()) {
    text += ": " + error;
  }
  if (receiver.value("store_failing", false)) {
    text += "; the repository cannot be written to, " + format_size(receiver.value("spool_bytes", std::uint64_t{0})) +
            " wait in the spool";
  }
  return text;
}

std::string progress_text(const ordered_json& run) {
  if (!run.contains("progress")) {
    return {};
  }
  const ordered_json& progress = run.at("progress");
  std::string text = ": " + text_in(progress, "phase");
  if (progress.at("percent").is_number()) {
    text += ", " + std::to_string(progress.at("percent").get<unsigned>()) + "%";
  }
  return text;
}

std::string companions_status_text(const ordered_json& companions) {
  std::string text;
  std::string missing;
  for (const ordered_json& companion : companions.at("list")) {
    const std::string problem = text_in(companion, "problem");
    std::string& place = problem.empty() ? text : missing;
    place += (place.empty() ? "" : ", ") + text_in(companion, "name");
  }
  if (!missing.empty()) {
    missing = "NOT in the newest backup: " + missing + (text.empty() ? "" : "; ");
  }
  return missing + (text.empty() ? "" : text + " in the newest backup");
}

void companion_lines(std::string& out, const ordered_json& companions, const Style& style) {
  if (const std::string text = companions_status_text(companions); !text.empty()) {
    line(out, style, "companions", text);
  }
  if (companions.at("vault_key") == false) {
    line(out, style, "Vault key",
         style.paint(Tone::bad, "missing") +
             ": pgsodium_root.key is not among the newest backup's companion files, and nothing that the Vault holds can be "
             "decrypted without it");
  }
}

std::string text_of(const ordered_json& cluster, const Style& style) {
  const std::string state = text_in(cluster, "state");
  std::string out = style.paint(Tone::strong, text_in(cluster, "cluster")) + "\n";
  if (state != "active") {
    line(out, style, "state", style.paint(Tone::bad, state) + " " + text_in(cluster, "problem"));
    if (const std::string hint = text_in(cluster, "hint"); !hint.empty()) {
      line(out, style, "hint", hint);
    }
  }
  line(out, style, "window", window_text(cluster.at("window")));
  line(out, style, "WAL", receiver_text(cluster));
  if (cluster.contains("drill")) {  // a daemon of an earlier version tells nothing
    line(out, style, "proven", drill_status_text(cluster.at("drill")));
  }
  if (cluster.contains("companions")) {
    companion_lines(out, cluster.at("companions"), style);
  }
  for (const ordered_json& run : cluster.at("running")) {
    line(out, style, "running", text_in(run, "job") + " (" + text_in(run, "id") + ")" + progress_text(run));
  }
  for (const ordered_json& run : cluster.at("queued")) {
    line(out, style, "queued", text_in(run, "job") + " (" + text_in(run, "id") + "): " + text_in(run, "reason"));
  }
  for (const ordered_json& run : cluster.at("last")) {
    line(out, style, "last " + text_in(run, "job"),
         time_text(run.at("ended"), "?") + " " + text_in(run, "state") + (what_text(run).empty() ? "" : ": " + what_text(run)));
  }
  for (const ordered_json& next : cluster.at("next")) {
    const std::string waiting = text_in(next, "waiting");
    line(out, style, "next " + text_in(next, "job"),
         time_text(next.at("starts"), "?") + (waiting.empty() ? "" : ", waits: " + waiting));
  }
  return out;
}

// A receiver that has just begun is given the time to connect.
bool not_received(const ordered_json& cluster) {
  const ordered_json& receiver = cluster.at("receiver");
  return !text_in(cluster, "receiver_problem").empty() ||
         (receiver.is_object() && (!text_in(receiver, "last_error").empty() || text_in(receiver, "state") == "waiting_for_room" ||
                                   receiver.value("store_failing", false)));
}

// An alert that is silenced says nothing of it.
bool lacks_companions(const ordered_json& cluster) {
  if (!cluster.contains("companions")) {
    return false;
  }
  const ordered_json& companions = cluster.at("companions");
  return companions.at("vault_key") == false ||
         std::ranges::any_of(companions.at("list"), [](const ordered_json& each) { return !each.at("problem").is_null(); });
}

bool needs_somebody(const ordered_json& status) {
  if (!status.at("alerts").empty() || !text_in(status, "state_problem").empty()) {
    return true;
  }
  for (const ordered_json& cluster : status.at("clusters")) {
    if (text_in(cluster, "state") != "active" || not_received(cluster) || lacks_companions(cluster)) {
      return true;
    }
  }
  return false;
}

int run_status(const std::string& wanted, Session& session) {
  const ApiClient daemon = running_daemon(session);
  if (!wanted.empty()) {
    require_cluster(daemon, wanted);
  }
  const ordered_json status = daemon.get("/v1/status?cluster=" + wanted);
  Console& console = session.console();
  if (console.json()) {
    console.json_data(status);
  } else {
    std::string out = "pgrecall " + text_in(status, "version") + ", up since " + time_text(status.at("started"), "?") + "; " +
                      text_in(status, "summary") + "\n";
    if (const std::string problem = text_in(status, "state_problem"); !problem.empty()) {
      out += console.style().paint(Tone::bad, "the daemon's state cannot be written") +
             ", it is kept in memory only: " + printable(problem) + "\n";
    }
    for (const ordered_json& cluster : status.at("clusters")) {
      out += "\n" + text_of(cluster, console.style());
    }
    const std::string wrong =
        alerts_text(status.at("alerts"), console.style()) + silences_text(status.at("silences"), console.style());
    out += wrong.empty() ? "" : "\n" + wrong;
    console.data(out);
  }
  return needs_somebody(status) ? exit_done_with_warnings : exit_done;
}
}  // namespace

void add_status(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "status", "How the daemon stands: windows, WAL, runs under way, the next ones");
  const auto cluster = std::make_shared<std::string>();
  verb.add_option("CLUSTER", *cluster, "One cluster only");
  on_chosen(line, verb, [cluster](Session& session) { return run_status(*cluster, session); });
}

}  // namespace pgrecall
