#include "output/table.h"

#include <catch2/catch.hpp>

namespace table_test {

using namespace pgrecall;

namespace {
const Style plain(Style::Colours::off);
}

TEST_CASE("columns are aligned by what is shown") {
  Table table({{"NAME"}, {"SIZE", Table::Align::right}, {"NOTE"}});
  table.add({"Grüße", "5 B", "first"});
  table.add({"日本", "12 kB", "second"});
  CHECK(table.render(plain) ==
        "NAME    SIZE  NOTE\n"
        "Grüße    5 B  first\n"
        "日本   12 kB  second\n");
}

TEST_CASE("a column without text is left out, and no line ends in blanks") {
  Table table({{"A"}, {"EMPTY"}, {"B"}});
  table.add({"1", "", "x"});
  table.add({"22", "", ""});
  CHECK(table.render(plain) == "A   B\n1   x\n22\n");
}

TEST_CASE("colours take no room") {
  Table table({{"A"}, {"B"}});
  table.add({{"x", Tone::bad}, "1"});
  table.add({"yy", "2"});
  const std::string coloured = table.render(Style(Style::Colours::on));
  CHECK(coloured.find("\x1b[1;31mx\x1b[0m   1\n") != std::string::npos);
  CHECK(coloured.find("yy  2\n") != std::string::npos);
}

TEST_CASE("a cell cannot bring its own line or escape sequence") {
  Table table({{"A"}});
  table.add({"evil\n\x1b[31m"});
  CHECK(table.render(plain) == "A\nevil ?[31m\n");
}

}  // namespace table_test
