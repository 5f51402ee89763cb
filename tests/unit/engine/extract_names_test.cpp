#include <catch2/catch.hpp>
#include <functional>

#include "base/error.h"
#include "engine/extract/names.h"

namespace extract_names_test {

using namespace pgrecall;

namespace {
std::string usage_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
    return error.message() + "; " + error.hint();
  }
  return "accepted";
}

std::uint64_t counted(RowCounter::Format format, const std::vector<std::string>& pieces) {
  RowCounter counter(format);
  for (const std::string& piece : pieces) {
    counter.add(bytes_of(piece));
  }
  return counter.rows();
}
}  // namespace

TEST_CASE("names are read as SQL reads them") {
  CHECK(parse_table("--table", "app.Orders") == QualifiedName{"app", "orders"});
  CHECK(parse_table("--table", "orders") == QualifiedName{"public", "orders"});
  CHECK(parse_table("--table", R"("My App"."a.b""c")") == QualifiedName{"My App", "a.b\"c"});
  CHECK(parse_table("--table", "größe.straße") == QualifiedName{"größe", "straße"});
  CHECK(parse_one_name("--schema", R"("App")") == "App");
  for (const char* bad : {"", ".", "a.", ".a", "a.b.c", "\"a", "\"a\"b", "a\"b\"", "\"\".a"}) {
    INFO(bad);
    CHECK(usage_of([&] { static_cast<void>(parse_table("--table", bad)); }).starts_with("--table: "));
  }
  CHECK(usage_of([] { static_cast<void>(parse_one_name("--schema", "a.b")); }).starts_with("--schema: "));
  // One byte more than a name can have: SQL would cut it, and another object would be meant.
  CHECK(parse_name_parts(std::string(63, 'x')));
  CHECK_FALSE(parse_name_parts(std::string(64, 'x')));
}

TEST_CASE("names and texts are quoted whatever is in them") {
  CHECK(quote_identifier("a\"b") == "\"a\"\"b\"");
  CHECK(QualifiedName{"select", "x.y"}.quoted() == R"("select"."x.y")");
  CHECK(QualifiedName{"app", "Orders"}.text() == R"(app."Orders")");
  CHECK(QualifiedName{"1st", "a_1"}.text() == R"("1st".a_1)");
  CHECK(quote_literal("it's") == "'it''s'");
  CHECK(quote_literal("a\\'b") == " E'a\\\\''b'");
  CHECK(array_literal({"a", "b\"c\\", ""}) == R"({"a","b\"c\\",""})");
  CHECK(array_literal({}) == "{}");
}

TEST_CASE("renames") {
  CHECK(split_rename("a=b") == std::pair<std::string, std::string>("a", "b"));
  CHECK(split_rename(R"("a=b"=c)") == std::pair<std::string, std::string>("\"a=b\"", "c"));
  for (const char* bad : {"a", "=b", "a=", "=", "\"a=b\""}) {
    INFO(bad);
    CHECK(usage_of([&] { static_cast<void>(split_rename(bad)); }).starts_with("--rename: "));
  }
  const std::vector<QualifiedName> tables{{"public", "orders"}, {"app", "lines"}};
  const auto renames = parse_table_renames({"orders=orders_then", "app.lines=old.lines_then"}, tables);
  REQUIRE(renames.size() == 2);
  CHECK(renames[0].to == QualifiedName{"public", "orders_then"});
  CHECK(renames[1].to == QualifiedName{"old", "lines_then"});
  CHECK(parse_table_renames({"app.lines=then"}, tables)[0].to == QualifiedName{"app", "then"});
  CHECK(usage_of([&] { static_cast<void>(parse_table_renames({"lines=x"}, tables)); }).find("names no table") !=
        std::string::npos);
  CHECK(usage_of([&] {
          static_cast<void>(parse_table_renames({"orders=x", "public.orders=y"}, tables));
        }).find("second name") != std::string::npos);
  CHECK(parse_renames({"a=b"}, {"a"}, "schema") == std::vector<std::pair<std::string, std::string>>{{"a", "b"}});
  CHECK(usage_of([] { static_cast<void>(parse_renames({"b=a"}, {"a"}, "schema")); }).find("names no schema") !=
        std::string::npos);
}

TEST_CASE("what belongs to a renamed table gets a name of its own") {
  std::set<std::string> taken;
  CHECK(name_of_part("orders_pkey", "orders", "orders_then", taken) == "orders_then_pkey");
  CHECK(name_of_part("by_day", "orders", "orders_then", taken) == "orders_then_by_day");
  CHECK(name_of_part("orders_pkey", "orders", "orders_then", taken) == "orders_then_1_pkey");
  CHECK(taken == std::set<std::string>{"orders_then_pkey", "orders_then_by_day", "orders_then_1_pkey"});

  // 63 bytes, no character cut in two, and the end that tells them apart stays.
  const std::string long_table(60, 'n');
  CHECK(name_of_part("t_pkey", "t", long_table, taken) == std::string(58, 'n') + "_pkey");
  CHECK(name_of_part("t_pkey", "t", long_table, taken) == std::string(56, 'n') + "_1_pkey");
  std::string umlauts;
  for (int i = 0; i < 31; ++i) {
    umlauts += "ü";
  }
  const std::string cut = name_of_part("t_pkey", "t", umlauts, taken);
  CHECK(cut.size() == 63);
  CHECK(cut.ends_with("ü_pkey"));
  CHECK(name_of_part("t_pkeys", "t", umlauts, taken).size() == 62);
}

TEST_CASE("files are named after tables") {
  CHECK(csv_file_name({"public", "orders"}) == "public.orders.csv");
  CHECK(csv_file_name({"a.b", "c/../d"}) == "a%2Eb.c%2F%2E%2E%2Fd.csv");
  CHECK(csv_file_name({"größe", "%"}) == "größe.%25.csv");
}

TEST_CASE("rows are counted as they pass") {
  using Format = RowCounter::Format;
  CHECK(counted(Format::text, {}) == 0);
  CHECK(counted(Format::text, {"a\tb\n", "c\t\"d", "\ne\n"}) == 3);
  CHECK(counted(Format::csv_with_header, {}) == 0);
  CHECK(counted(Format::csv_with_header, {"a,b\n"}) == 0);
  CHECK(counted(Format::csv_with_header, {"a,b\n1,\"x\ny\"\n", "2,\"\"\"\n", "\"\"\"\n3,z\n"}) == 3);
}

TEST_CASE("pg_dump's text is made fit for a server") {
  const std::string sql =
      "--\n\\restrict kEy\n\nSET transaction_timeout = 0;\nCREATE SCHEMA \"a\";\n$$\n\\restrict other\nCREATE SCHEMA "
      "\"a\";\n$$;\n"
      "\\unrestrict kEy";
  CHECK(without_psql_commands(sql, 17) ==
        "--\n\nSET transaction_timeout = 0;\nCREATE SCHEMA \"a\";\n$$\n\\restrict other\nCREATE SCHEMA \"a\";\n$$;\n");
  CHECK(without_psql_commands(sql, 16).find("transaction_timeout") == std::string::npos);
  CHECK(without_psql_commands("\\unrestrict x\n", 17) == "\\unrestrict x\n");
  // The first only: the other is in somebody's function.
  CHECK(without_line(sql, "CREATE SCHEMA \"a\";").find("CREATE SCHEMA \"a\";\n$$;") != std::string::npos);
  CHECK(without_line("a\nb", "b") == "a\n");
  CHECK(without_line("a\nb\n", "c") == "a\nb\n");
  CHECK(line_that_begins("x\nCREATE DATABASE \"d\" WITH;\ny", "CREATE DATABASE ") == "CREATE DATABASE \"d\" WITH;");
  CHECK(line_that_begins("x", "y").empty());
}

}  // namespace extract_names_test
