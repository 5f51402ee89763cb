#include "commands/wal_status_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

const RecoverySpan* latest_span(const WalStatus& status) {
  const Timeline latest = status.window.latest_timeline();
  const RecoverySpan* last = nullptr;
  for (const RecoverySpan& span : status.window.spans) {
    last = span.timeline == latest ? &span : last;
  }
  return last;
}

void find_end(WalStatus& status) {
  const auto& timelines = status.window.wal.timelines;
  if (timelines.empty()) {
    return;
  }
  const auto of_server = status.server ? timelines.find(status.server->timeline) : timelines.end();
  const auto& [timeline, held] = of_server != timelines.end() ? *of_server : *timelines.rbegin();
  const std::uint32_t size = status.window.segment_size;
  if (!held.ranges.empty()) {
    const WalSegment last{timeline, held.ranges.back().last, size};
    status.last_segment = last.file_name();
    status.stored_until = last.end();
  }
  for (const TimelineWal::Tail& tail : held.tails) {
    status.stored_until = std::max(status.stored_until, Lsn{tail.segment.start().value + tail.to});
  }
}

void judge_slot(WalStatus& status) {
  const auto warn = [&](std::string text) { status.warnings.push_back(std::move(text)); };
  const auto& slot = status.server->slot;
  if (!slot) {
    if (!status.server->archiver.enabled) {
      warn("the server has no slot " + status.slot +
           " and archives nothing: WAL is not stored as it is written; run pgrecall wal receive " + status.cluster);
    }
    return;
  }
  if (!slot->physical) {
    warn("the slot " + status.slot + " is a logical one, and WAL cannot be received from it: name another by wal.slot");
    return;
  }
  if (slot->wal_status == "lost") {
    warn("the server cut the slot off and removed WAL: take a backup to begin a new window");
  } else if (!slot->active) {
    warn("nobody receives from the slot, and the server keeps " + format_size(slot->retained) +
         " for it; run pgrecall wal receive " + status.cluster);
  }
  if (slot->wal_status == "unreserved") {
    warn("the server is about to remove WAL that the slot needs (max_slot_wal_keep_size)");
  }
}

// What is in the file is of whoever wrote it: nothing is taken for granted.
void judge_receiver(WalStatus& status) {
  if (!status.receiver.is_object()) {
    return;
  }
  const auto failing = status.receiver.find("store_failing");
  if (failing != status.receiver.end() && *failing == true) {
    status.warnings.push_back("the receiver cannot bring WAL into the repository: it stays in the spool until it can");
  }
  const auto refused = status.receiver.find("refused");
  if (refused != status.receiver.end() && refused->is_number_unsigned() && *refused != 0U) {
    const auto count = refused->get<std::uint64_t>();
    status.warnings.push_back(
        "the repository refused " + format_count(count, "segment", "segments") +
        ", which stay in the spool: it holds other bytes under their names, or damage; run pgrecall verify");
  }
}

// Out of order, as after a failure of the store, segments come that lie behind others which are still to be stored.
bool waits_in_spool(const WalStatus& status, const WalGap& gap) {
  const std::uint32_t size = status.window.segment_size;
  if (!status.spool || size == 0) {
    return false;
  }
  WalSegment segment = WalSegment::containing(gap.timeline, gap.from, size);
  while (segment.start() < gap.until && status.spool->segments.contains(segment.file_name())) {
    segment = segment.next();
  }
  return segment.start() >= gap.until;
}

// A backup whose following WAL is not there (any more).
bool is_moment(const RecoverySpan& span) { return span.backups.size() == 1 && span.until_time <= span.from_time; }

ordered_json or_null(const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); }

template <typename Value>
ordered_json or_null(const std::optional<Value>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json json_of(const RecoverySpan& span) {
  ordered_json json{{"timeline", span.timeline},
                    {"from_time", format_time(span.from_time)},
                    {"from_lsn", span.from_lsn.to_string()},
                    {"until_time", format_exact_time(std::max(span.from_time, span.until_time))},
                    {"until_lsn", span.until_lsn.to_string()}};
  json["backups"] = ordered_json::array();
  for (const ListedBackup* backup : span.backups) {
    json["backups"].push_back(backup->summary.id.text);
  }
  return json;
}

ordered_json json_of(const ServerWal& server) {
  ordered_json json{{"system_identifier", std::to_string(server.system_identifier)},
                    {"timeline", server.timeline},
                    {"in_recovery", server.in_recovery},
                    {"wal_end_lsn", server.end.to_string()},
                    {"slot_limit_bytes", or_null(server.keep_limit)}};
  json["archiver"] = {{"enabled", server.archiver.enabled},
                      {"last_file", or_null(server.archiver.last_file)},
                      {"failed_file", or_null(server.archiver.failed_file)}};
  json["slot"] = nullptr;
  if (const auto& slot = server.slot) {
    json["slot"] = {{"active", slot->active},
                    {"wal_status", or_null(slot->wal_status)},
                    {"restart_lsn", slot->restart ? ordered_json(slot->restart->to_string()) : ordered_json(nullptr)},
                    {"retained_bytes", slot->retained},
                    {"safe_bytes", or_null(slot->safe_size)}};
  }
  return json;
}

std::string slot_text(const WalStatus& status) {
  const auto& slot = status.server->slot;
  if (!slot) {
    return status.slot + ": there is none";
  }
  const auto& limit = status.server->keep_limit;
  return status.slot + ": " + (slot->active ? "active" : "not active") +
         (slot->wal_status.empty() ? "" : ", " + slot->wal_status) + ", the server keeps " + format_size(slot->retained) +
         (limit ? " of at most " + format_size(*limit) : ", no limit");
}

// What is in the file is of whoever wrote it: nothing is taken for granted.
std::string receiver_text(const WalStatus& status) {
  const auto member = [&](const char* name) {
    const auto found = status.receiver.find(name);
    return found != status.receiver.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  if (!status.receiver.is_object() || member("state").empty()) {
    return {};
  }
  std::string text = member("state") + (member("durable_lsn").empty() ? "" : ", durable to " + member("durable_lsn"));
  if (const auto updated = parse_time(member("updated"))) {
    text += ", said " + format_duration(std::chrono::duration_cast<std::chrono::seconds>(status.now - *updated)) + " ago";
  }
  return text + (member("last_error").empty() ? "" : "; " + member("last_error"));
}

template <typename Line>
void tell_spans(const RecoveryWindow& window, const Line& line) {
  const auto lone = std::ranges::count_if(window.spans, is_moment);
  for (const RecoverySpan& span : window.spans) {
    const Time until = std::max(span.from_time, span.until_time);
    if (lone > 1 && is_moment(span)) {
      continue;
    }
    line("window", format_local_second(span.from_time) + " to " + format_local_second(until) + ", " +
                       format_duration(std::chrono::floor<std::chrono::seconds>(until - span.from_time)));
    line("", "LSN " + span.from_lsn.to_string() + " to " + span.until_lsn.to_string() + ", timeline " +
                 std::to_string(span.timeline) + ", " + format_count(span.backups.size(), "backup", "backups"));
  }
  if (lone > 1) {
    line("moments",
         format_count(static_cast<std::uint64_t>(lone)) + " backups can be recovered to their own end, and no further");
  }
}

std::string lag_text(const WalStatus& status) {
  std::string text = status.lag_bytes ? format_size(*status.lag_bytes) : "unknown without the server";
  if (status.lag_seconds) {
    text += ", " + format_duration(std::chrono::seconds(*status.lag_seconds));
  }
  return text;
}
}  // namespace

void judge(WalStatus& status) {
  const auto warn = [&](std::string text) { status.warnings.push_back(std::move(text)); };
  find_end(status);
  const RecoverySpan* span = latest_span(status);
  if (span == nullptr) {
    warn("there is no recovery window: no backup has all the WAL that it needs");
  }
  const Timeline latest = status.window.latest_timeline();
  if (const RecoverySpan* other = later_elsewhere(status.window, latest)) {
    warn("timeline " + std::to_string(latest) + " has the highest number, but timeline " + std::to_string(other->timeline) +
         " goes on to a later time: has a copy been promoted that archives into this repository?");
  }
  for (const WalGap& gap : status.window.gaps) {
    const std::string place =
        "on timeline " + std::to_string(gap.timeline) + " from " + gap.from.to_string() + " to " + gap.until.to_string();
    warn(waits_in_spool(status, gap) ? "WAL " + place + " waits in the spool and is not in the repository yet"
                                     : "WAL is missing " + place);
  }
  judge_receiver(status);
  if (!status.server_problem.empty()) {
    warn("the server could not be asked: " + status.server_problem);
  }
  if (status.server) {
    status.lag_bytes = status.server->end > status.stored_until ? status.server->end.value - status.stored_until.value : 0;
    if (status.window.system_identifier != 0 && status.server->system_identifier != status.window.system_identifier) {
      warn(
          "the server's system identifier is not the one that this name belongs to: is it another cluster? When it was upgraded "
          "or "
          "rebuilt on purpose: pgrecall backup " +
          status.cluster + " --new-system");
    }
    judge_slot(status);
    if (!status.server->archiver.failed_file.empty()) {
      warn("the server's archive_command fails, last for " + status.server->archiver.failed_file + ": see the server's log");
    }
  }
  if (span != nullptr) {
    // All that an idle server ever wrote is there.
    const bool nothing_missing = status.lag_bytes == std::optional<std::uint64_t>(0);
    const auto behind = std::chrono::duration_cast<std::chrono::seconds>(status.now - span->until_time).count();
    status.lag_seconds = nothing_missing ? 0 : std::max<std::int64_t>(0, behind);
  }
}

ordered_json wal_status_json(const WalStatus& status) {
  ordered_json json{{"cluster", status.cluster}, {"windows", ordered_json::array()}, {"gaps", ordered_json::array()}};
  for (const RecoverySpan& span : status.window.spans) {
    json["windows"].push_back(json_of(span));
  }
  json["system_identifier"] = status.window.system_identifier == 0
                                  ? ordered_json(nullptr)
                                  : ordered_json(std::to_string(status.window.system_identifier));
  json["earlier_systems"] = ordered_json::array();
  for (const RecoveryWindow& window : status.earlier) {
    json["earlier_systems"].push_back({{"system_identifier", std::to_string(window.system_identifier)},
                                       {"server_version", window.backups.back().summary.server_version},
                                       {"windows", ordered_json::array()}});
    for (const RecoverySpan& span : window.spans) {
      json["earlier_systems"].back()["windows"].push_back(json_of(span));
    }
  }
  for (const WalGap& gap : status.window.gaps) {
    json["gaps"].push_back(
        {{"timeline", gap.timeline}, {"from_lsn", gap.from.to_string()}, {"until_lsn", gap.until.to_string()}});
  }
  json["stored_until_lsn"] = status.stored_until.valid() ? ordered_json(status.stored_until.to_string()) : ordered_json(nullptr);
  json["last_segment"] = or_null(status.last_segment);
  json["lag_bytes"] = or_null(status.lag_bytes);
  json["lag_seconds"] = or_null(status.lag_seconds);
  json["slot_name"] = status.slot;
  json["server"] = status.server ? json_of(*status.server) : ordered_json(nullptr);
  json["server_problem"] = or_null(status.server_problem);
  json["spool"] = nullptr;
  if (status.spool) {
    json["spool"] = {{"directory", status.spool->directory}, {"files", status.spool->files}, {"bytes", status.spool->bytes}};
  }
  json["receiver"] = status.receiver.is_object() ? status.receiver : ordered_json(nullptr);
  json["warnings"] = status.warnings;
  return json;
}

std::string wal_status_text(const WalStatus& status, const Style& style) {
  std::string out = style.paint(Tone::strong, printable(status.cluster)) + "\n";
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.paint(Tone::faint, fmt::format("  {:<13}", label)) + printable(text) + "\n";
  };
  tell_spans(status.window, line);
  line("stored until", status.stored_until.valid() ? status.stored_until.to_string() : "nothing is stored");
  line("last segment", status.last_segment.value_or("none"));
  line("behind", lag_text(status));
  if (status.server) {
    line("server", "at " + status.server->end.to_string() + ", timeline " + std::to_string(status.server->timeline) +
                       (status.server->in_recovery ? ", in recovery" : ""));
    line("slot", slot_text(status));
    if (status.server->archiver.enabled) {
      line("archiver",
           status.server->archiver.last_file.empty() ? "nothing archived yet" : "last " + status.server->archiver.last_file);
    }
  } else if (!status.asked_server) {
    line("server", "not asked: without configuration, --connection tells where it is");
  }
  if (const std::string receiver = receiver_text(status); !receiver.empty()) {
    line("receiver", receiver);
  }
  if (status.spool) {
    line("spool", format_count(status.spool->files, "file", "files") + ", " + format_size(status.spool->bytes) + " in " +
                      status.spool->directory);
  }
  for (auto window = status.earlier.rbegin(); window != status.earlier.rend(); ++window) {
    line("before", describe_system(*window));
    tell_spans(*window, line);
  }
  for (const std::string& warning : status.warnings) {
    out += "  " + style.paint(Tone::warning, "warning") + "      " + printable(warning) + "\n";
  }
  return out;
}

}  // namespace pgrecall
