#include "commands/wal_events_report.h"

#include <catch2/catch.hpp>

namespace wal_events_report_test {

using namespace pgrecall;

namespace {

WalChange table(std::string schema, std::string name) {
  WalChange change;
  change.schema = std::move(schema);
  change.name = std::move(name);
  change.relation_kind = 'r';
  return change;
}

// What the report suggests for one transaction in database `shop`.
nlohmann::ordered_json suggested(std::vector<WalChange> changes, UndoCommands::Extract extract = UndoCommands::Extract::known) {
  ChangeFindings findings;
  FoundChanges& found = findings.transactions.emplace_back();
  found.recoverable = true;
  found.what.undone_before = Lsn{0x3000060};
  found.what.database_name = "shop";
  found.what.locks = true;
  found.what.changes = std::move(changes);
  return wal_events_json(findings,
                         {.cluster = "prod", .options = " --repository /srv/backup", .extract = extract})["transactions"][0];
}

}  // namespace

TEST_CASE("a transaction's undoing is suggested with names as a shell and SQL read them") {
  CHECK(suggested({table("public", "orders")})["restore_command"] ==
        "pgrecall restore prod --lsn 0/3000060 --exclusive --into /new/data/directory --action promote --repository /srv/backup");
  CHECK(suggested({table("public", "orders"), table("public", "orders")})["extract_command"] ==
        "pgrecall extract prod --lsn 0/3000060 --exclusive --table public.orders --from-database shop --to /new/directory "
        "--repository /srv/backup");
  CHECK(suggested({table("Sales", "a\"b'c")})["extract_command"].get<std::string>().find(R"( --table '"Sales"."a""b'\''c"' )") !=
        std::string::npos);
  CHECK(suggested({table("public", "1st")})["extract_command"].get<std::string>().find(R"(public."1st")") != std::string::npos);
}

TEST_CASE("extract is suggested only where names are known and few, and this program has it") {
  CHECK(suggested({table("public", "orders")}, UndoCommands::Extract::unknown)["extract_command"].is_null());
  CHECK(suggested({table("", "orders")})["extract_command"].is_null());
  CHECK(suggested({table("public", "orders"), table("public", "")})["extract_command"].is_null());
  std::vector<WalChange> six;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    six.push_back(table("public", name));
  }
  CHECK(suggested(six)["extract_command"].is_null());
  six.pop_back();
  CHECK_FALSE(suggested(six)["extract_command"].is_null());
  WalChange database;
  database.kind = WalChangeKind::dropped_database;
  database.name = "shop";
  CHECK(suggested({database})["extract_command"] ==
        "pgrecall extract prod --lsn 0/3000060 --exclusive --database shop --to /new/directory --repository /srv/backup");
}

}  // namespace wal_events_report_test
