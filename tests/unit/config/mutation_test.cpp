#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "unit/config/fixture.h"

namespace mutation_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
constexpr std::array<std::string_view, 24> pieces{"{",   "}", "[",  "]",    ": ",   "- ",       "\n",  "\n  ",
                                                  "\"",  "'", "#",  "&a ",  "*a",   "!t ",      "|\n", ">\n",
                                                  "---", "%", "\t", "\xFF", "\xC3", "\xF0\x9F", "? ",  "~"};

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string mutate(std::string text) {
    const auto times = 1 + below(4);
    for (std::size_t i = 0; i < times && !text.empty(); ++i) {
      const std::size_t at = below(text.size());
      const std::size_t length = 1 + below(std::min<std::size_t>(40, text.size() - at));
      switch (below(5)) {
        case 0: text.erase(at, length); break;
        case 1: text.insert(at, pieces.at(below(pieces.size()))); break;
        case 2: text.insert(below(text.size()), text.substr(at, length)); break;
        case 3: text[at] = static_cast<char>(below(256)); break;
        default: text.resize(at + 1); break;
      }
    }
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::mt19937 random_;
};
}  // namespace

TEST_CASE("a damaged file gives problems in the file, or a configuration that can be shown, and nothing else", "[config]") {
  const std::string example = read_text(source_path("config/pgrecall.example.yaml"));
  Mutator mutator(20'261'123);
  int valid = 0;
  int invalid = 0;
  for (int i = 0; i < 4'000; ++i) {
    const std::string text = mutator.mutate(example);
    INFO(text);
    const ConfigCheck check = check_config_text(text, "/etc/test.yaml");
    for (const Problem& problem : check.errors) {
      if (problem.position.line < 1 || problem.position.column < 1 || problem.text.empty() ||
          to_string(problem).find('\n') != std::string::npos) {
        FAIL(to_string(problem));
      }
    }
    (check.errors.empty() ? valid : invalid) += 1;
    // Throws when a message holds half a character.
    if (to_json(check.errors).dump().empty() || to_json(check.warnings).dump().empty()) {
      FAIL("no JSON");
    }
    if (check.errors.empty()) {
      const Config again = check_config_text(to_yaml(check.config), "/etc/test.yaml").config;
      if (to_json(again).dump() != to_json(check.config).dump()) {
        CHECK(to_json(again) == to_json(check.config));
      }
    }
  }
  // Both kinds must come up, or the mutations say nothing.
  CHECK(valid > 100);
  CHECK(invalid > 1'000);
}

}  // namespace mutation_test
