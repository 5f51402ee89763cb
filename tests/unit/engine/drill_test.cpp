#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <numeric>

#include "engine/drill/drill_aim.h"
#include "engine/drill/recovery_estimate.h"
#include "engine/drill/recovery_log.h"
#include "engine/drill/sampling.h"
#include "engine/scratch_server.h"

namespace drill_test {

using namespace pgrecall;

namespace {
using Aim = DrillRecord::Aim;

const Time start = parse_time("2026-11-01T06:00:00Z").value();
constexpr std::chrono::days a_week{7};

DrillRecord drill_of(Aim aim, Time at) {
  DrillRecord record;
  record.aim = aim;
  record.started = at;
  return record;
}

DrillRecord timed(std::uint64_t bytes, double restore, std::uint64_t wal, double replay) {
  DrillRecord record;
  record.passed = true;
  record.restored_bytes = bytes;
  record.restore_seconds = restore;
  record.wal_bytes = wal;
  record.replay_seconds = replay;
  return record;
}

constexpr const char* log_text =
    "2026-11-23 22:00:00.000 UTC [7] LOG:  starting point-in-time recovery to 2026-11-23 21:59:00+00\n"
    "2026-11-23 22:00:01.000 UTC [7] LOG:  recovery stopping before commit of transaction 742, time 2026-11-23 21:59:00.25+00\n"
    "2026-11-23 22:00:01.001 UTC [7] LOG:  pausing at the end of recovery\n";
}  // namespace

TEST_CASE("Weekly drills take turns, and try the oldest moment once in four weeks") {
  std::vector<DrillRecord> past;
  std::string turns;
  for (int week = 0; week < 13; ++week) {
    const Time now = start + week * a_week;
    const Aim aim = next_aim(past, now);
    past.push_back(drill_of(aim, now));
    turns += name(aim).front();
  }
  CHECK(turns == "nornronrnornr");
}

TEST_CASE("Drills that somebody asked for take nobody's turn") {
  const std::vector<DrillRecord> asked{drill_of(Aim::asked, start)};
  CHECK(next_aim(asked, start + a_week) == Aim::newest);
  const std::vector<DrillRecord> past{drill_of(Aim::oldest, start), drill_of(Aim::random, start), drill_of(Aim::asked, start)};
  CHECK(next_aim(past, start + a_week) == Aim::newest);
}

TEST_CASE("A random moment is one of the spans'") {
  const std::vector<TimeSpan> spans{{start, start + std::chrono::hours(1)},
                                    {start + std::chrono::hours(10), start + std::chrono::hours(13)}};
  int in_second = 0;
  constexpr int tries = 2000;
  for (std::uint64_t seed = 0; seed < tries; ++seed) {
    const Time moment = random_moment(spans, seed).value();
    CHECK(std::ranges::any_of(spans, [&](const TimeSpan& span) { return span.from <= moment && moment <= span.until; }));
    in_second += moment >= spans[1].from ? 1 : 0;
  }
  CHECK(in_second > tries * 70 / 100);  // three of four hours
  CHECK(in_second < tries * 80 / 100);
  CHECK(random_moment(spans, 5) == random_moment(spans, 5));
  CHECK_FALSE(random_moment(std::vector<TimeSpan>{{start, start}}, 1));
  CHECK_FALSE(random_moment({}, 1));
}

TEST_CASE("A sample looks at all of it in some order, and at large ones early") {
  std::vector<std::uint64_t> sizes(100, 1'000);
  sizes[42] = 100'000;
  double place = 0;
  constexpr int tries = 400;
  for (std::uint64_t seed = 0; seed < tries; ++seed) {
    std::vector<std::size_t> order = sampling_order(sizes, seed);
    place += static_cast<double>(std::ranges::find(order, std::size_t{42}) - order.begin()) / tries;
    std::ranges::sort(order);
    std::vector<std::size_t> all(sizes.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    CHECK(order == all);
  }
  CHECK(place < 5);  // by chance alone 49
  CHECK(sampling_order(sizes, 1) != sampling_order(sizes, 2));
  CHECK(sampling_order(std::vector<std::uint64_t>{0, 0}, 3).size() == 2);
}

TEST_CASE("The log tells where recovery stopped") {
  const auto stop = find_recovery_stop(log_text).value();
  CHECK(stop.text == "before commit of transaction 742, time 2026-11-23 21:59:00.25+00");
  CHECK(stop.time == parse_time("2026-11-23T21:59:00Z").value() + std::chrono::milliseconds(250));
  const auto at_lsn = find_recovery_stop("LOG:  recovery stopping after WAL location (LSN) \"0/3000060\"\n").value();
  CHECK(at_lsn.text == "after WAL location (LSN) \"0/3000060\"");
  CHECK_FALSE(at_lsn.time);
  CHECK_FALSE(find_recovery_stop("LOG:  recovery has paused\n"));
  CHECK_FALSE(find_recovery_stop("LOG:  recovery stopping before commit of transaction 1, time 2026-11-23 21:59:00+01\n")->time);
}

TEST_CASE("Each way to fail recovery has its own words") {
  const Error ended = Error(ErrorKind::failed, "the server ended").with("pid", 7U);
  const auto explained = [&](const std::string& log) { return explain_failed_recovery(log, ended); };
  const Error fetch = explained(
      "pgrecall: error: chunk hash differs (object=clusters/prod/wal/00000001/000000010000000000000003)\nhint: x\n"
      "2026 FATAL:  could not restore file \"000000010000000000000003\" from archive: child process exited with exit code 200\n");
  CHECK(fetch.kind() == ErrorKind::corruption);
  CHECK(fetch.message().ends_with("000000010000000000000003)"));
  CHECK(explained("FATAL:  recovery ended before configured recovery target was reached\n").kind() ==
        ErrorKind::target_unreachable);
  const Error library = explained("FATAL:  could not access file \"nothing\": No such file or directory\n");
  CHECK(library.message() ==
        "a library that the server is to load is missing on this host: could not access file \"nothing\": No such file or "
        "directory");
  const Error other = explained("FATAL:  data directory has wrong ownership\nLOG:  bye\n");
  CHECK(other.message() == "the restored server ended while it recovered: data directory has wrong ownership");
  CHECK(other.context("pid") == "7");
  CHECK(explained("").message() == "the server ended");
}

TEST_CASE("What recovery demands is read from the log") {
  using Settings = std::vector<std::pair<std::string, std::string>>;
  CHECK(demanded_settings(
            "WARNING:  hot standby is not possible because of insufficient parameter settings\n"
            "DETAIL:  max_connections = 100 is a lower setting than on the primary server, where its value was 300.\n"
            "DETAIL:  max_wal_senders = 10 is a lower setting than on the primary server, where its value was 12.\n") ==
        Settings{{"max_connections", "300"}, {"max_wal_senders", "12"}});
  CHECK(demanded_settings(
            "FATAL:  hot standby is not possible because max_worker_processes = 8 is a lower setting than on the master "
            "server (its value was 20)\n") == Settings{{"max_worker_processes", "20"}});
  CHECK(demanded_settings("LOG:  nothing is a lower setting than on the moon\n").empty());
}

TEST_CASE("A copy's server keeps to itself, with what recovery wants of the original") {
  ControlFile control;
  control.max_connections = 700;
  control.max_wal_senders = 12;
  for (const unsigned major : {13U, 15U, 17U, 18U}) {
    std::map<std::string, std::string> settings;
    for (const auto& [setting, value] : isolated_settings(major, control, {"/s/d", "/s/d/socket"}, {"a", "b"})) {
      CHECK(settings.emplace(setting, value).second);
    }
    CHECK(settings.at("listen_addresses").empty());
    CHECK(settings.at("unix_socket_directories") == "/s/d/socket");
    CHECK(settings.at("archive_mode") == "off");
    CHECK(settings.at("primary_conninfo").empty());
    CHECK(settings.at("recovery_end_command").empty());
    CHECK(settings.at("max_logical_replication_workers") == "0");
    CHECK(settings.at("shared_preload_libraries") == "a,b");
    CHECK(settings.at("hba_file") == "/s/d/pg_hba.conf");
    CHECK(settings.at("max_connections") == "700");
    CHECK(settings.at("max_wal_senders") == "12");
    CHECK(settings.contains("event_triggers") == (major >= 17));
    CHECK(settings.contains("archive_library") == (major >= 15));
  }
}

TEST_CASE("What drills took tells what a recovery takes") {
  CHECK_FALSE(estimate_recovery({}, 1, 1));
  DrillRecord failed = timed(1'000, 500, 1'000, 500);
  failed.passed = false;
  CHECK_FALSE(estimate_recovery(std::vector<DrillRecord>{failed}, 1, 1));
  // 10 s a GB, 20 s a GB of WAL; with next to no WAL, the server's start counts.
  const std::vector<DrillRecord> past{failed, timed(1'000'000'000, 10, 1'000, 0.5), timed(2'000'000'000, 20, 500'000'000, 10),
                                      timed(1'000'000'000, 10, 1'000'000'000, 20)};
  const RecoveryEstimate estimate = estimate_recovery(past, 3'000'000'000, 2'000'000'000).value();
  CHECK(estimate.restore_seconds == Approx(30));
  CHECK(estimate.replay_seconds == Approx(40));
  CHECK(estimate.drills == 3);
  CHECK(estimate_recovery(past, 3'000'000'000, 0)->replay_seconds == Approx(0.5));
  // Old drills are of another host.
  std::vector<DrillRecord> many(5, timed(1'000'000'000, 1'000, 1'000'000'000, 1'000));
  many.insert(many.end(), 10, timed(1'000'000'000, 10, 1'000'000'000, 20));
  CHECK(estimate_recovery(many, 1'000'000'000, 1'000'000'000)->seconds() == Approx(30));
}

}  // namespace drill_test
