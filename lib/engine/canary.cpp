#include "engine/canary.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "engine/recovery_target.h"
#include "io/fd.h"

namespace pgrecall {

namespace {

constexpr std::size_t entry_size = 16;
constexpr std::uint64_t ledger_limit = 64U << 20U;  // bytes: eight years
constexpr std::chrono::seconds commit_within{5};
constexpr std::chrono::seconds usual_pause{90};  // a minute, and what a busy server takes

constexpr const char* next_beat =
    "insert into pgrecall.heartbeat as h (id, beat, at) values (1, 1, pg_catalog.clock_timestamp())"
    " on conflict (id) do update set beat = h.beat + 1, at = excluded.at"
    " returning beat, (extract(epoch from at) * 1000000)::bigint";

Heartbeat heartbeat_of(const Result& row) {
  return {.beat = row.unsigned_number(0, 0), .at = Time(std::chrono::microseconds(row.number(0, 1)))};
}

bool is_missing(const Error& error) {
  const std::string_view sqlstate = error.context("sqlstate");
  return sqlstate == "42P01" || sqlstate == "3F000";  // undefined_table, invalid_schema_name
}

std::string shown(const Heartbeat& heartbeat) {
  return "heartbeat " + std::to_string(heartbeat.beat) + " of " + format_exact_time(heartbeat.at);
}

}  // namespace

Heartbeat write_heartbeat(Connection& connection) {
  try {
    return heartbeat_of(connection.exec(next_beat));
  } catch (const Error& error) {
    if (!is_missing(error)) {
      throw;
    }
  }
  connection.exec("create schema if not exists pgrecall");
  connection.exec(
      "create table if not exists pgrecall.heartbeat (id integer primary key check (id = 1), beat bigint not null,"
      " at timestamptz not null)");
  return heartbeat_of(connection.exec(next_beat));
}

std::optional<Heartbeat> read_heartbeat(Connection& connection) {
  if (connection.exec("select 1 where pg_catalog.to_regclass('pgrecall.heartbeat') is not null").rows() == 0) {
    return std::nullopt;
  }
  const Result row = connection.exec("select beat, (extract(epoch from at) * 1000000)::bigint from pgrecall.heartbeat");
  return row.rows() == 0 ? std::nullopt : std::optional(heartbeat_of(row));
}

std::string HeartbeatLedger::path_in(const std::string& state, const std::string& cluster) {
  return state + "/canary/" + cluster;
}

void HeartbeatLedger::add(const Heartbeat& heartbeat) const {
  make_directories(std::filesystem::path(path_).parent_path(), 0750);
  const Fd file = open_file(path_, O_WRONLY | O_CREAT, 0640);
  Bytes entry(entry_size);
  store_little(entry.data(), heartbeat.beat);
  store_little(entry.data() + 8, static_cast<std::uint64_t>(heartbeat.at.time_since_epoch().count()));
  // Behind the last whole one: a crash may have left a part of one.
  write_all_at(file, entry, file_size(file, path_) / entry_size * entry_size, path_);
}

std::vector<Heartbeat> HeartbeatLedger::read() const {
  std::vector<Heartbeat> all;
  if (!std::filesystem::exists(path_)) {
    return all;
  }
  const Bytes bytes = read_file(path_, ledger_limit);
  for (std::size_t at = 0; at + entry_size <= bytes.size(); at += entry_size) {
    const auto micros = static_cast<std::int64_t>(load_little<std::uint64_t>(bytes.data() + at + 8));
    all.push_back({.beat = load_little<std::uint64_t>(bytes.data() + at), .at = Time(std::chrono::microseconds(micros))});
  }
  return all;
}

DrillRecord::Check judge_canary(const std::optional<Heartbeat>& found, Time moment, const std::vector<Heartbeat>& written) {
  using State = DrillRecord::State;
  const auto verdict = [](State state, std::string detail, std::string hint = {}) {
    return DrillRecord::Check{.state = state, .what = "canary", .detail = std::move(detail), .hint = std::move(hint)};
  };
  const auto last_until = [&](Time time) {
    const auto behind = std::ranges::upper_bound(written, time, {}, &Heartbeat::at);
    return behind == written.begin() ? std::nullopt : std::optional(*std::prev(behind));
  };
  const char* hint = "what the copy holds is not what was there at that moment: run pgrecall verify, and look at the drill's log";
  const auto due = last_until(moment - commit_within);
  if (!found) {
    return due ? verdict(State::bad, "there is no heartbeat in the copy, and " + shown(*due) + " was written before its moment",
                         hint)
               : verdict(State::not_checked, "no heartbeats were written at that time (drill.canary)");
  }
  if (found->at > moment) {
    return verdict(State::bad, shown(*found) + " is in the copy, and is later than its moment", hint);
  }
  if (due && found->at < due->at) {
    return verdict(State::bad, shown(*due) + " is missing in the copy: the newest there is " + shown(*found), hint);
  }
  // From the end: numbers begin anew where somebody dropped the table.
  const auto last = std::find_if(written.rbegin(), written.rend(),
                                 [&](const Heartbeat& each) { return each.beat == found->beat && each.at <= moment; });
  if (last != written.rend() && last->at != found->at) {
    return verdict(State::bad, shown(*found) + " is in the copy, and was written as that of " + format_exact_time(last->at),
                   hint);
  }
  const auto known = last == written.rend() ? written.end() : std::prev(last.base());
  if (known == written.end()) {
    return moment - found->at <= usual_pause
               ? verdict(State::good, shown(*found) + " is the newest in the copy, as it should be")
               : verdict(State::not_checked,
                         shown(*found) + " is the newest in the copy; this host does not know whether there was a later one");
  }
  const auto next = std::next(known);
  return verdict(State::good, shown(*found) + " is the newest in the copy" +
                                  (next == written.end() ? "" : ", and " + shown(*next) + " is not in it") + ", as it should be");
}

}  // namespace pgrecall
