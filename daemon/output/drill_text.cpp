#include "output/drill_text.h"

#include <fmt/format.h>

#include "base/units.h"
#include "output/text.h"
#include "postgres/postgres_version.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

ordered_json time_json(const std::optional<Time>& time) {
  return time ? ordered_json(format_exact_time(*time)) : ordered_json(nullptr);
}

// Nothing says a rate of what took no time, or of next to nothing.
ordered_json seconds_per_gb(double seconds, std::uint64_t bytes) {
  constexpr std::uint64_t least = 1'000'000;
  return bytes < least ? ordered_json(nullptr) : ordered_json(seconds * 1e9 / static_cast<double>(bytes));
}

std::string seconds_text(double seconds) {
  return format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

std::string rate_text(std::uint64_t bytes, double seconds) {
  return format_size(bytes) + (seconds > 0 ? ", " + format_rate(static_cast<double>(bytes) / seconds) : "");
}

struct Look {
  std::string_view word;
  Tone tone;
};

Look look_of(DrillRecord::State state) {
  switch (state) {
    case DrillRecord::State::good: return {"ok", Tone::good};
    case DrillRecord::State::warning: return {"WARNING", Tone::warning};
    case DrillRecord::State::bad: return {"FAILED", Tone::bad};
    case DrillRecord::State::not_checked: break;
  }
  return {"NOT CHECKED", Tone::warning};
}
}  // namespace

ordered_json drill_json(const DrillRecord& record) {
  ordered_json json{{"id", record.id}, {"cluster", record.cluster}, {"passed", record.passed}};
  json["started"] = format_exact_time(record.started);
  json["finished"] = format_exact_time(record.finished);
  json["aim"] = name(record.aim);
  json["target"] = record.target;
  json["target_time"] = time_json(record.target_time);
  json["backup"] = record.backup.text;
  json["server_version"] = format_version_num(record.server_version);
  json["timeline"] = record.timeline;
  json["reached_lsn"] = record.reached.valid() ? ordered_json(record.reached.to_string()) : ordered_json(nullptr);
  json["last_commit"] = time_json(record.last_commit);
  json["proven_recoverable_until"] = time_json(record.proven_until);
  json["restored_bytes"] = record.restored_bytes;
  json["wal_bytes"] = record.wal_bytes;
  json["restore_seconds"] = record.restore_seconds;
  json["replay_seconds"] = record.replay_seconds;
  json["check_seconds"] = record.check_seconds;
  json["total_seconds"] = record.total_seconds;
  json["restore_seconds_per_gb"] = seconds_per_gb(record.restore_seconds, record.restored_bytes);
  json["replay_seconds_per_gb"] = seconds_per_gb(record.replay_seconds, record.wal_bytes);
  json["checks"] = ordered_json::array();
  for (const DrillRecord::Check& check : record.checks) {
    json["checks"].push_back(
        {{"state", name(check.state)}, {"what", check.what}, {"detail", check.detail}, {"hint", check.hint}});
  }
  json["error"] = record.error.empty() ? ordered_json(nullptr) : ordered_json(record.error);
  return json;
}

ordered_json drill_json(const DrillReport& report) {
  ordered_json json = drill_json(report.record);
  json["notes"] = report.notes;
  json["object"] = report.object;
  json["log"] = report.kept_log.empty() ? ordered_json(nullptr) : ordered_json(report.kept_log);
  json["scratch"] = report.kept_scratch.empty() ? ordered_json(nullptr) : ordered_json(report.kept_scratch);
  return json;
}

std::string drill_text(const DrillReport& report, const Style& style) {
  const DrillRecord& record = report.record;
  std::string out = style.paint(record.passed ? Tone::good : Tone::bad, record.passed ? "drill passed" : "DRILL FAILED") + " " +
                    record.cluster + ": " + record.target + ", from backup " + style.paint(Tone::strong, record.backup.text) +
                    " in " + seconds_text(record.total_seconds) + "\n";
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.paint(Tone::faint, fmt::format("  {:<9}", label)) + printable(text) + "\n";
  };
  line("restored", rate_text(record.restored_bytes, record.restore_seconds) + ", in " + seconds_text(record.restore_seconds));
  line("replayed", rate_text(record.wal_bytes, record.replay_seconds) + ", in " + seconds_text(record.replay_seconds) +
                       ", the server's start included");
  line("checked", "in " + seconds_text(record.check_seconds));
  for (const DrillRecord::Check& check : record.checks) {
    const Look look = look_of(check.state);
    out += "  " + style.paint(look.tone, fmt::format("{:<11}", look.word)) + " " + printable(check.what + ": " + check.detail) +
           "\n";
    if (!check.hint.empty()) {
      out += "              " + printable(check.hint) + "\n";
    }
  }
  if (record.proven_until) {
    line("proven",
         "recoverable until " + format_exact_time(*record.proven_until) + " (" + format_local_second(*record.proven_until) + ")");
  }
  if (!report.kept_log.empty()) {
    line("log", report.kept_log);
  }
  if (!report.kept_scratch.empty()) {
    line("copy", report.kept_scratch + ": remove it yourself");
  }
  return out;
}

}  // namespace pgrecall
