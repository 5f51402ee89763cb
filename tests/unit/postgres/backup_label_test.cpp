#include "postgres/backup_label.h"

#include "unit/postgres/fixture.h"

namespace backup_label_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

const std::string complete =
    "START WAL LOCATION: 16/B3000028 (file 0000000200000016000000B3)\n"
    "CHECKPOINT LOCATION: 16/B3000060\n"
    "START TIMELINE: 2\n";

}  // namespace

TEST_CASE("backup_label of real servers is read", "[backup_label]") {
  const BackupLabel oldest = parse_backup_label(read_fixture("13/backup_label"));
  CHECK(oldest.start_lsn.to_string() == "0/6000028");
  CHECK(oldest.start_segment == "000000010000000000000006");
  CHECK(oldest.checkpoint_lsn.to_string() == "0/6000060");
  CHECK(oldest.method == "streamed");
  CHECK(oldest.from == "master");
  CHECK(oldest.start_time == "2026-11-23 08:14:19 UTC");
  CHECK(oldest.label == "fixture");
  CHECK(oldest.start_timeline == 1);
  CHECK_FALSE(oldest.incremental());
  const BackupLabel newest = parse_backup_label(read_fixture("18/backup_label"));
  CHECK(newest.start_lsn.to_string() == "0/5000028");
  CHECK(newest.checkpoint_lsn.to_string() == "0/5000080");
  CHECK(newest.from == "primary");
}

TEST_CASE("an incremental backup names what it builds on", "[backup_label]") {
  const BackupLabel label = parse_backup_label(complete + "INCREMENTAL FROM LSN: 15/2000028\nINCREMENTAL FROM TLI: 1\n");
  CHECK(label.incremental());
  CHECK(label.incremental_from_lsn == Lsn{0x1502000028ULL});
  CHECK(label.incremental_from_timeline == 1U);
  corruption_of([] { return parse_backup_label(complete + "INCREMENTAL FROM LSN: 15/2000028\n"); });
}

TEST_CASE("lines of a backup_label that nobody knows are passed over", "[backup_label]") {
  const BackupLabel label = parse_backup_label(complete + "STOP TIMELINE: 3\nno colon\nLABEL: with: colon\n");
  CHECK(label.start_timeline == 2);
  CHECK(label.label == "with: colon");
}

TEST_CASE("a backup_label that recovery cannot use is refused", "[backup_label]") {
  for (const char* line : {"START WAL LOCATION: 16/B3000028 (file 0000000200000016000000B3)\n",
                           "CHECKPOINT LOCATION: 16/B3000060\n", "START TIMELINE: 2\n"}) {
    INFO(line);
    std::string missing = complete;
    missing.erase(missing.find(line), std::string_view(line).size());
    corruption_of([&] { return parse_backup_label(missing); });
    corruption_of([&] { return parse_backup_label(complete + line); });  // twice
  }
  for (const char* line : {"START WAL LOCATION: 16/B3000028\n", "START WAL LOCATION: 0/0 (file 0000000200000016000000B3)\n",
                           "START WAL LOCATION: 16/B3000028 (file 0000000200000016000000B3\n",
                           "START WAL LOCATION: 16/B3000028 (file ../../etc/passwd)\n"}) {
    INFO(line);
    corruption_of([&] { return parse_backup_label(line + complete.substr(complete.find("CHECKPOINT"))); });
  }
  std::string zero_timeline = complete;
  zero_timeline.replace(zero_timeline.find("TIMELINE: 2"), 11, "TIMELINE: 0");
  CHECK(corruption_of([&] { return parse_backup_label(zero_timeline); }).context("field") == "START TIMELINE");
  corruption_of([] { return parse_backup_label(""); });
}

TEST_CASE("tablespace_map of a real server is read", "[backup_label]") {
  CHECK(parse_tablespace_map(read_fixture("18/tablespace_map")) ==
        std::vector<TablespaceLink>{{16401, "/var/lib/postgresql/fast18"}});
  CHECK(parse_tablespace_map("").empty());
}

TEST_CASE("locations with newlines and backslashes come back as they were", "[backup_label]") {
  const std::vector<TablespaceLink> links{{16401, "/plain with space"}, {16402, "/new\nline\r"}, {16403, "/back\\slash\\"}};
  const std::string text = format_tablespace_map(links);
  CHECK(text == "16401 /plain with space\n16402 /new\\\nline\\\r\n16403 /back\\\\slash\\\\\n");
  CHECK(parse_tablespace_map(text) == links);
  CHECK(parse_tablespace_map("16401 /a\r\n16402 /b\r\n").size() == 2);
}

TEST_CASE("a malformed tablespace_map is refused", "[backup_label]") {
  for (const std::string_view text : {std::string_view("16401 /a"), std::string_view("16401 /a\\\n"), std::string_view("16401\n"),
                                      std::string_view("16401 \n"), std::string_view("x /a\n"), std::string_view("0 /a\n"),
                                      std::string_view("4294967296 /a\n"), std::string_view("1 /a\0b\n", 8)}) {
    INFO(text);
    corruption_of([&] { return parse_tablespace_map(text); });
  }
}

}  // namespace backup_label_test
