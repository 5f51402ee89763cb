#include "repository/checked_json.h"

#include "scratch_repository.h"

namespace checked_json_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

// The digest was computed with sha256sum.
const std::string known = "{\n  \"format\": 1,\n  \"why\": \"a \\\"b\\\"\",\n  \"sha256\": \"@\"\n}\n";
const std::string known_digest = "275fba606df5653eb222deb8d4a1089011f4424a1e3807a9358009b02c084980";

std::string known_text() {
  std::string text = known;
  return text.replace(text.find('@'), 1, known_digest);
}

}  // namespace

TEST_CASE("Checked JSON has the bytes of the format") {
  CHECK(format_checked_json({{"format", 1}, {"why", "a \"b\""}}) == known_text());
  const nlohmann::json members = parse_checked_json(bytes_of(known_text()), "x");
  CHECK(members == nlohmann::json({{"format", 1}, {"why", "a \"b\""}}));
}

TEST_CASE("Every flipped bit and every truncation of checked JSON is corruption") {
  const std::string text = known_text();
  const auto refused = [](std::string_view damaged) {
    const Error error = error_of([&] { static_cast<void>(parse_checked_json(bytes_of(damaged), "some/object")); });
    return error.kind() == ErrorKind::corruption && error.context("object") == "some/object";
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << bit));
      REQUIRE(refused(damaged));
    }
    REQUIRE(refused(std::string_view(text).substr(0, at)));
  }
  CHECK(refused(text + "\n"));
  CHECK(refused(" " + text));
}

TEST_CASE("A right digest does not make JSON of what is none") {
  const std::string body = "[1,\n  \"sha256\": \"";
  const std::string text = body + sha256(bytes_of(body)).to_string() + "\"\n}\n";
  CHECK(error_of([&] { static_cast<void>(parse_checked_json(bytes_of(text), "x")); }).kind() == ErrorKind::corruption);
}

TEST_CASE("Text that is not UTF-8 does not stop the writing") {
  const std::string text = format_checked_json({{"why", "caf\xe9"}});
  CHECK(parse_checked_json(bytes_of(text), "x")["why"] == "caf\xef\xbf\xbd");
}

TEST_CASE("Members named sha256, and none at all, are refused") {
  CHECK(error_of([] { static_cast<void>(format_checked_json({{"sha256", 1}})); }).kind() == ErrorKind::failed);
  CHECK(error_of([] { static_cast<void>(format_checked_json(nlohmann::ordered_json::object())); }).kind() == ErrorKind::failed);
}

}  // namespace checked_json_test
