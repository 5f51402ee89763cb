#include "postgres/json_tokens.h"

#include "unit/postgres/fixture.h"

namespace json_tokens_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

// Writes what it is told in a notation of its own, so that order and kind can be compared at once.
class Trace final : public JsonEvents {
 public:
  void on_begin_object() override { text += "{"; }
  void on_end_object() override { text += "}"; }
  void on_begin_array() override { text += "["; }
  void on_end_array() override { text += "]"; }
  void on_key(std::string_view key) override { text += "k<" + std::string(key) + ">"; }
  void on_string(std::string_view value) override { text += "s<" + std::string(value) + ">"; }
  void on_number(std::string_view value) override { text += "n<" + std::string(value) + ">"; }

  std::string text;
};

std::string trace(std::string_view json, std::size_t piece = 1000000) {
  Trace events;
  JsonTokens tokens(events);
  for (std::size_t at = 0; at < json.size(); at += piece) {
    tokens.feed(bytes_of(json.substr(at, piece)));
  }
  tokens.finish();
  return events.text;
}

}  // namespace

TEST_CASE("JSON is told in order, in pieces of any size", "[json_tokens]") {
  const std::string_view json = " { \"a\" : 12 ,\n\"b\":[ {\"c\":\"x\\\"y\"} , {} ,0],\"d\" :[]}\n";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    CHECK(trace(json, piece) == "{k<a>n<12>k<b>[{k<c>s<x\"y>}{}n<0>]k<d>[]}");
  }
}

TEST_CASE("escapes become the bytes they mean", "[json_tokens]") {
  CHECK(trace(R"("\"\\\/\b\f\n\r\t")") == "s<\"\\/\b\f\n\r\t>");
  CHECK(trace(R"("\u0041\u00e9\u20AC\uD83D\uDE00")", 1) == "s<A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80>");
  CHECK(trace("\"caf\xC3\xA9\"") == "s<caf\xC3\xA9>");
}

TEST_CASE("what is no JSON is refused", "[json_tokens]") {
  for (const char* json : {"",
                           "{",
                           "[",
                           "\"",
                           "\"a",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{,}",
                           "[1,]",
                           "[1 2]",
                           "[,1]",
                           "{1:2}",
                           "{\"a\" 1}",
                           "[}",
                           "{]",
                           "]",
                           "{}{}",
                           "{} x",
                           "[01]",
                           "[-1]",
                           "[1.5]",
                           "[1e3]",
                           "[true]",
                           "[null]",
                           "1",
                           "[\"\n\"]",
                           "[\"\\x\"]",
                           "[\"\\u12g4\"]",
                           "[\"\\uD83D\"]",
                           "[\"\\uD83Dx\"]",
                           "[\"\\uDE00\"]",
                           "[\"\\uD83D\\uD83D\"]",
                           "[\"\\uD83D\\n\"]",
                           "[:]",
                           "{\"a\":1 \"b\":2}",
                           "[123456789012345678901]",
                           "[[[[[[[[[1]]]]]]]]]"}) {
    INFO(json);
    corruption_of([&] { trace(json); });
    corruption_of([&] { trace(json, 1); });
  }
  CHECK(trace("[[[[[[[[1]]]]]]]]") == "[[[[[[[[n<1>]]]]]]]]");
  CHECK(corruption_of([] { trace("[1, 2, x]"); }).context("offset") == "7");
}

TEST_CASE("a string may not take more memory than it should", "[json_tokens]") {
  CHECK(trace("\"" + std::string(16384, 'x') + "\"", 1000).size() == 16384 + 3);
  corruption_of([] { trace("\"" + std::string(16385, 'x') + "\"", 1000); });
}

}  // namespace json_tokens_test
