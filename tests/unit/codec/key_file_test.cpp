#include "codec/key_file.h"

#include "fixture.h"

namespace key_file_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
const std::string wrapping_text =
    "pgrecall-key-1 wrapping 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f e44abfb6\n";
const std::string repository_text =
    "pgrecall-key-1 repository 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f b2ff1421\n";
}  // namespace

TEST_CASE("Key files have the text of the format") {
  CHECK(format_key_file({KeyFileKind::wrapping, counting_key()}).reveal() == wrapping_text);
  CHECK(format_key_file({KeyFileKind::repository, counting_key()}).reveal() == repository_text);
}

TEST_CASE("A key file gives back its kind and key") {
  const KeyFile wrapping = parse_key_file(Secret(wrapping_text), "k");
  CHECK(wrapping.kind == KeyFileKind::wrapping);
  CHECK(std::ranges::equal(wrapping.key.reveal(), counting(32)));
  CHECK(parse_key_file(Secret(repository_text), "k").kind == KeyFileKind::repository);
  // An editor may have dropped the line feed.
  CHECK(parse_key_file(Secret(wrapping_text.substr(0, wrapping_text.size() - 1)), "k").kind == KeyFileKind::wrapping);
}

TEST_CASE("Any other text is no key, names its source, and does not say what it held") {
  const auto refused = [](const std::string& text) {
    const Error error = error_of([&] { static_cast<void>(parse_key_file(Secret(text), "/etc/the-key")); });
    return error.kind() == ErrorKind::wrong_key && error.context("key_file") == "/etc/the-key" &&
           std::string_view(error.what()).find("0405060708") == std::string_view::npos;
  };
  for (std::size_t at = 0; at < wrapping_text.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string damaged = wrapping_text;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << bit));
      INFO("byte " << at << " bit " << bit);
      CHECK(refused(damaged));
    }
  }
  for (std::size_t size = 0; size + 1 < wrapping_text.size(); ++size) {
    CHECK(refused(wrapping_text.substr(0, size)));
  }
  CHECK(refused(wrapping_text + "\n"));
  CHECK(refused(wrapping_text + "x"));
  CHECK(refused(" " + wrapping_text));
}

TEST_CASE("A passphrase becomes a key by Argon2id") {
  const PassphraseCost cheap{1, 8192};
  const Secret passphrase("correct horse");
  // Expected: Argon2id of Python's cryptography package, one iteration, one lane, 8 KiB.
  CHECK(to_hex(key_from_passphrase(passphrase, counting(16), cheap).reveal()) ==
        "3bfa796a86260b73457e1290b51695931a17e266f601d0fb45563e282fb6865b");
  CHECK(std::ranges::equal(key_from_passphrase(passphrase, counting(32), cheap).reveal(),
                           key_from_passphrase(passphrase, counting(16), cheap).reveal()));
  CHECK_FALSE(std::ranges::equal(key_from_passphrase(passphrase, counting(16, 1), cheap).reveal(),
                                 key_from_passphrase(passphrase, counting(16), cheap).reveal()));
}

TEST_CASE("Costs that a hostile repository could name are refused") {
  CHECK(acceptable({4, 64U << 20U}));
  CHECK(acceptable({64, 1ULL << 30U}));
  const auto cost = GENERATE(PassphraseCost{0, 64U << 20U}, PassphraseCost{65, 64U << 20U}, PassphraseCost{4, (1ULL << 30U) + 1},
                             PassphraseCost{4, 8191});
  CHECK_FALSE(acceptable(cost));
  CHECK(error_of([&] { static_cast<void>(key_from_passphrase(Secret("p"), counting(16), cost)); }).kind() == ErrorKind::failed);
  CHECK(error_of([&] {
          static_cast<void>(key_from_passphrase(Secret("p"), counting(15), {1, 8192}));
        }).kind() == ErrorKind::failed);
}

}  // namespace key_file_test
