#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/hash.h"
#include "engine/extract/file_sinks.h"

namespace extract_files_test {

using namespace pgrecall;
namespace fs = std::filesystem;

namespace {
struct OutputPlace {
  OutputPlace() { fs::create_directories(path); }
  ~OutputPlace() { fs::remove_all(path); }
  OutputPlace(const OutputPlace&) = delete;
  OutputPlace& operator=(const OutputPlace&) = delete;

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(path + "/" + name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(path)) {
      found.insert(entry.path().filename());
    }
    return found;
  }

  std::string path = (fs::temp_directory_path() / ("pgrecall-extract-" + random_hex(4))).string();
};

ExtractedTable orders() {
  ExtractedTable table;
  table.then = {"public", "orders"};
  table.now = {"public", "orders_then"};
  table.columns = "(\"id\", \"note\")";
  return table;
}

ExtractedSequence orders_id() {
  return {.then = {"public", "s"}, .now = {"public", "it's"}, .last_value = -7, .called = ExtractedSequence::Called::yes};
}
}  // namespace

TEST_CASE("a SQL file is one that psql loads, and appears when it is whole") {
  const OutputPlace place;
  SqlFileSink sink(place.path);
  sink.definitions("CREATE TABLE t;\n");
  sink.begin_rows(orders());
  sink.rows(bytes_of("1\ta\n"));
  sink.rows(bytes_of("2\tb\n"));
  sink.end_rows();
  sink.statement(setval_statement(orders_id()));
  sink.definitions("CREATE INDEX i;\n");
  CHECK(sink.count(orders()) == 2);
  CHECK(place.names() == std::set<std::string>{"extract.sql.partial"});
  sink.finish();
  CHECK(place.names() == std::set<std::string>{"extract.sql"});
  CHECK(place.read("extract.sql") ==
        "CREATE TABLE t;\n\nCOPY \"public\".\"orders_then\" (\"id\", \"note\") FROM stdin;\n1\ta\n2\tb\n\\.\n\n"
        "SELECT pg_catalog.setval('\"public\".\"it''s\"', -7, true);\nCREATE INDEX i;\n");
  CHECK(sink.files() == std::vector<std::string>{place.path + "/extract.sql"});
}

TEST_CASE("what is not finished leaves no file") {
  const OutputPlace place;
  {
    SqlFileSink sink(place.path);
    sink.definitions("CREATE TABLE t;\n");
  }
  {
    CsvSink sink(place.path);
    sink.begin_rows(orders());
    sink.rows(bytes_of("id,note\n1,a\n"));
    sink.end_rows();
    CHECK(sink.count(orders()) == 1);
  }
  CHECK(place.names().empty());
}

TEST_CASE("a CSV file a table, or one of the name that was given") {
  const OutputPlace place;
  CsvSink sink(place.path);
  sink.begin_rows(orders());
  // More than is written at once, in pieces.
  const std::string row = "1," + std::string(100'000, 'x') + "\n";
  sink.rows(bytes_of("id,note\n"));
  for (int i = 0; i < 5; ++i) {
    sink.rows(bytes_of(row));
  }
  sink.rows(bytes_of(std::string(300'000, 'y') + "\n"));
  sink.end_rows();
  sink.finish();
  CHECK(sink.count(orders()) == 6);
  CHECK(place.names() == std::set<std::string>{"public.orders_then.csv"});
  CHECK(place.read("public.orders_then.csv") == "id,note\n" + row + row + row + row + row + std::string(300'000, 'y') + "\n");

  CsvSink query(place.path, "query.csv");
  query.begin_rows(orders());
  query.rows(bytes_of("n\n"));
  query.end_rows();
  query.finish();
  CHECK(place.read("query.csv") == "n\n");
}

TEST_CASE("output directories hold nothing but what an interrupted run left") {
  const OutputPlace place;
  prepare_output_directory(place.path + "/new/one");
  CHECK(fs::is_directory(place.path + "/new/one"));
  std::ofstream(place.path + "/new/one/extract.sql.partial") << "half";
  prepare_output_directory(place.path + "/new/one");
  CHECK(fs::is_empty(place.path + "/new/one"));
  std::ofstream(place.path + "/new/one/extract.sql") << "kept";
  std::ofstream(place.path + "/new/one/a.partial") << "kept";
  try {
    prepare_output_directory(place.path + "/new/one");
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.context("found") == "extract.sql");
  }
  CHECK(fs::exists(place.path + "/new/one/a.partial"));
}

}  // namespace extract_files_test
