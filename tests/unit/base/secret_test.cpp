#include "base/secret.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <new>
#include <sstream>
#include <type_traits>

namespace secret_test {

using namespace pgrecall;

namespace {
template <typename T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};
}  // namespace

// Each of these would let a secret reach a log line or a comparison that leaks its length in time.
static_assert(!Streamable<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<std::string, Secret>);
static_assert(!fmt::is_formattable<Secret>::value);

TEST_CASE("a secret is copied and moved like a value", "[secret]") {
  const std::string text = "canary";
  Secret first(text);
  CHECK(first.reveal() == text);
  CHECK_FALSE(first.empty());
  Secret copy(first);
  CHECK(copy.reveal() == text);
  Secret moved(std::move(first));
  CHECK(moved.reveal() == text);
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): emptied is what is promised
  Secret assigned;
  CHECK(assigned.empty());
  assigned = copy;
  CHECK(assigned.reveal() == text);
  assigned = std::move(copy);
  CHECK(assigned.reveal() == text);
  CHECK(copy.empty());  // NOLINT(bugprone-use-after-move)
  Secret& self = assigned;
  assigned = self;
  CHECK(assigned.reveal() == text);
}

TEST_CASE("a short secret leaves nothing behind in the object's memory", "[secret]") {
  alignas(Secret) std::array<char, sizeof(Secret)> memory{};
  const auto holds = [&memory](std::string_view text) {
    return std::string_view(memory.data(), memory.size()).find(text) != std::string_view::npos;
  };

  auto* secret = new (memory.data()) Secret(std::string("canary"));
  REQUIRE(holds("canary"));
  secret->~Secret();
  CHECK_FALSE(holds("canary"));

  secret = new (memory.data()) Secret(std::string("canary"));
  const Secret elsewhere(std::move(*secret));
  CHECK_FALSE(holds("canary"));
  CHECK(elsewhere.reveal() == "canary");
  secret->~Secret();
}

TEST_CASE("a longer secret is wiped where it stood when a shorter one replaces it", "[secret]") {
  Secret secret(std::string(64, 'x') + "canary");
  const char* where = secret.reveal().data();
  const Secret shorter(std::string("y"));
  secret = shorter;
  // The buffer is kept by the string, so looking at it is still looking at memory that it owns.
  REQUIRE(secret.reveal().data() == where);
  CHECK(std::string_view(where + 2, secret.reveal().capacity() - 2).find("canary") == std::string_view::npos);
}

}  // namespace secret_test
