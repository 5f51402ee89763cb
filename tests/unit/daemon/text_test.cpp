#include "output/text.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>

#include "jobs/retention.h"
#include "output/backup_text.h"
#include "output/run_text.h"

namespace text_test {

using namespace pgrecall;

namespace {
class InTimeZone {
 public:
  explicit InTimeZone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  ~InTimeZone() {
    unsetenv("TZ");
    tzset();
  }
};
}  // namespace

TEST_CASE("text is as wide as a terminal shows it") {
  CHECK(display_width("") == 0);
  CHECK(display_width("abc") == 3);
  CHECK(display_width("Grüße") == 5);
  CHECK(display_width("e\u0301") == 1);     // a combining accent stands on its letter
  CHECK(display_width("日本") == 4);        // two cells each
  CHECK(display_width("\U0001F418") == 2);  // an elephant
  CHECK(display_width("\xFF\xC3") == 2);    // no UTF-8: one cell a byte
  CHECK(display_width("\xE2\x82") == 2);    // cut off in the middle of a character
}

TEST_CASE("what a repository says cannot steer the terminal") {
  CHECK(printable("a\x1b[2Jb") == "a?[2Jb");
  CHECK(printable("a\nb\tc\x7f") == "a b c?");
  CHECK(printable("x\u009by") == "x?y");  // CSI as one C1 character
  CHECK(printable("Grüße") == "Grüße");
}

TEST_CASE("long text is cut at a character, not in one") {
  CHECK(shorten("abcdef", 6) == "abcdef");
  CHECK(shorten("abcdef", 5) == "abcd…");
  CHECK(shorten("日本語", 4) == "日…");
  CHECK(display_width(shorten("日本語", 5)) == 5);
  CHECK(shorten("abc", 0).empty());
}

TEST_CASE("counts and shares") {
  CHECK(format_count(0) == "0");
  CHECK(format_count(999) == "999");
  CHECK(format_count(1000) == "1,000");
  CHECK(format_count(12345678) == "12,345,678");
  CHECK(format_count(1, "file", "files") == "1 file");
  CHECK(format_count(2, "file", "files") == "2 files");
  CHECK(format_percent(0, 0) == "0%");
  CHECK(format_percent(1, 3) == "33.3%");
  CHECK(format_percent(999'999, 1'000'000) == "99.9%");  // one byte short of all is not all
  CHECK(format_percent(1, 1'000'000) == "0.1%");
  CHECK(format_percent(5, 5) == "100%");
}

TEST_CASE("words for a shell survive it") {
  CHECK(shell_word("/srv/data") == "/srv/data");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("$HOME;rm") == "'$HOME;rm'");
  CHECK(shell_word("") == "''");
}

TEST_CASE("times are shown in the reader's zone") {
  const InTimeZone zone("Europe/Berlin");
  CHECK(format_local_time(*parse_time("2026-11-23T02:30:00Z")) == "2026-11-23 03:30 CET");
  CHECK(format_local_time(*parse_time("2026-07-01T22:30:00Z")) == "2026-07-02 00:30 CEST");
  CHECK(format_local_date(*parse_time("2026-07-01T22:30:00Z")) == "2026-07-02");
}

TEST_CASE("how long a backup is kept") {
  const InTimeZone zone("UTC");
  ListedBackup backup;
  backup.summary.started = *parse_time("2026-11-23T02:30:00Z");
  const auto verdict = [&] {
    backup.summary.id = BackupId::make(backup.summary.started, BackupKind::full);
    Catalog catalog;
    catalog.backups = {backup};
    ClusterConfig cluster;
    return verdicts_by_time(catalog, retention_policy(cluster), backup.summary.started).at(backup.summary.id);
  };
  Verdict now = verdict();
  CHECK(kept_until(backup, &now) == "until removed");
  backup.summary.keep = Keep::daily;
  now = verdict();
  CHECK(kept_until(backup, &now) == "about 2026-11-30");
  CHECK(kept_until(backup, nullptr) == "by policy");
  backup.summary.keep = Keep::weekly;
  now = verdict();
  CHECK(kept_until(backup, &now) == "about 2026-12-28");
  const Verdict gone;
  CHECK(kept_until(backup, &gone) == "next expire");
  backup.pinned = true;
  CHECK(kept_until(backup, &now) == "pinned");
}

TEST_CASE("a duration of whole seconds claims no tenths") {
  BackupSummary summary;
  summary.started = *parse_time("2026-11-23T02:30:00Z");
  summary.finished = summary.started;
  CHECK(took_text(summary) == "< 1 s");
  summary.finished = summary.started + std::chrono::seconds(59);
  CHECK(took_text(summary) == "59 s");
  summary.finished = summary.started + std::chrono::seconds(245);
  CHECK(took_text(summary) == "4 min 05 s");
}

TEST_CASE("a backup is damaged when the newest look at it says so") {
  const Time earlier = *parse_time("2026-11-23T02:30:00Z");
  const Time later = *parse_time("2026-11-24T02:30:00Z");
  ListedBackup backup;
  CHECK(verified_text(backup) == "never");
  backup.damaged = earlier;
  CHECK(verified_text(backup) == "DAMAGED");
  backup.verified = later;
  CHECK_FALSE(is_damaged(backup));
  CHECK(verified_text(backup).starts_with("2026-11-2"));
  backup.damaged = later;
  backup.verified = earlier;
  CHECK(is_damaged(backup));
}

TEST_CASE("a stop on a segment's boundary needs the segment before it, not the one after") {
  BackupSummary summary;
  summary.timeline = 1;
  summary.wal_segment_size = 16U << 20U;
  summary.start_lsn = Lsn{0x3000028};
  summary.stop_lsn = Lsn{0x4000000};
  CHECK(first_segment(summary).file_name() == "000000010000000000000003");
  CHECK(last_segment(summary).file_name() == "000000010000000000000003");
  summary.stop_lsn = Lsn{0x4000001};
  CHECK(last_segment(summary).file_name() == "000000010000000000000004");
}

TEST_CASE("a backup as JSON keeps what other readers would round") {
  ListedBackup backup;
  backup.summary.id = *BackupId::parse("20261123T023000Z-full");
  backup.summary.system_identifier = 7299119999999999999ULL;
  backup.summary.server_version = 150012;
  backup.summary.page_failures.push_back({"base/5/16384", 7, 1, 2, "same"});
  const auto json = backup_detail_json(backup);
  CHECK(json["system_identifier"] == "7299119999999999999");
  CHECK(json["server_version"] == "15.12");
  CHECK(json["kind"] == "full");
  CHECK(json["verified"].is_null());
  CHECK(json["page_failures"][0]["file"] == "base/5/16384");
  CHECK(json["page_failures"][0]["block"] == 7);
}

TEST_CASE("how long a run took is told as exactly as it is known") {
  const auto took = [](const char* started, const char* ended) { return took_text({{"started", started}, {"ended", ended}}); };
  CHECK(took("2026-11-23T02:30:00Z", "2026-11-23T02:30:00Z") == "< 1 s");
  CHECK(took("2026-11-23T02:30:00Z", "2026-11-23T02:30:02Z") == "2.0 s");
  CHECK(took("2026-11-23T02:30:00Z", "2026-11-23T02:29:59Z").empty());
}

}  // namespace text_test
