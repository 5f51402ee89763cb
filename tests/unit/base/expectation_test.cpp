#include "base/expectation.h"

#include <catch2/catch.hpp>

namespace expectation_test {

using namespace pgrecall;

namespace {
bool met(const std::string& expectation, std::size_t rows, std::optional<std::string> value) {
  return Expectation::parse(expectation).value().met_by({.rows = rows, .value = std::move(value)});
}
}  // namespace

TEST_CASE("An answer meets what is expected of it, or does not") {
  CHECK(met("true", 1, "t"));
  CHECK_FALSE(met("true", 1, "f"));
  CHECK_FALSE(met("true", 1, std::nullopt));
  CHECK_FALSE(met("true", 0, std::nullopt));
  CHECK(met("rows", 1, std::nullopt));
  CHECK_FALSE(met("rows", 0, std::nullopt));
  CHECK(met("no rows", 0, std::nullopt));
  CHECK_FALSE(met("no rows", 2, "0"));
  CHECK(met(">= 1000", 1, "1000"));
  CHECK_FALSE(met(">= 1000", 1, "999"));
  CHECK(met(">=1000", 1, "9000000000000000000"));
  CHECK_FALSE(met("> 9007199254740993", 1, "9007199254740993"));  // a double could not tell these apart
  CHECK(met("> 9007199254740992", 1, "9007199254740993"));
  CHECK(met("< 5", 1, "4.5"));
  CHECK_FALSE(met("<= 5", 1, "5.01"));
  CHECK(met("= 42", 1, "42.0"));
  CHECK_FALSE(met("!= 42", 1, "42.0"));
  CHECK(met("= ready", 1, "ready"));
  CHECK_FALSE(met("= ready", 1, "Ready"));
  CHECK(met("<> ready", 1, "steady"));
}

TEST_CASE("NULL and words are met by no order") {
  CHECK_FALSE(met("= 0", 1, std::nullopt));
  CHECK(met("!= 0", 1, std::nullopt));
  CHECK_FALSE(met("!= 0", 0, std::nullopt));
  CHECK_FALSE(met("> a", 1, "b"));
  CHECK_FALSE(met("< 5", 1, "four"));
}

TEST_CASE("What can be expected is told from what cannot") {
  CHECK(Expectation::parse("  no rows ").value().text() == "no rows");
  for (const char* text : {"", "  ", "maybe", "=", ">=  ", "norows", "1000"}) {
    INFO(text);
    CHECK_FALSE(Expectation::parse(text));
  }
}

}  // namespace expectation_test
