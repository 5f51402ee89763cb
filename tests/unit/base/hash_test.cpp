#include "base/hash.h"

#include <catch2/catch.hpp>
#include <set>
#include <thread>

namespace hash_test {

using namespace pgrecall;

namespace {
Bytes hex(std::string_view text) {
  Bytes bytes(text.size() / 2);
  REQUIRE(from_hex(text, bytes));
  return bytes;
}

constexpr auto abc_digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr auto empty_digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr auto long_digest = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
constexpr auto million_digest = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
}  // namespace

TEST_CASE("SHA-256 known answers (FIPS 180-2)", "[hash]") {
  CHECK(sha256(bytes_of("")).to_string() == empty_digest);
  CHECK(sha256(bytes_of("abc")).to_string() == abc_digest);
  CHECK(sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).to_string() == long_digest);
  CHECK(sha256(bytes_of(std::string(1'000'000, 'a'))).to_string() == million_digest);
}

TEST_CASE("SHA-256 in pieces equals SHA-256 at once, and the object can be used again", "[hash]") {
  Sha256 hash;
  CHECK(hash.finish().to_string() == empty_digest);
  hash.update(bytes_of("a"));
  hash.update(bytes_of(""));
  hash.update(bytes_of("bc"));
  CHECK(hash.finish().to_string() == abc_digest);
  hash.update(bytes_of("abc"));
  CHECK(hash.finish().to_string() == abc_digest);
}

TEST_CASE("SHA-256 in several threads at once", "[hash]") {
  std::array<std::string, 4> digests;
  {
    std::vector<std::jthread> threads;
    for (auto& digest : digests) {
      threads.emplace_back([&digest] {
        for (int i = 0; i < 200; ++i) {
          digest = sha256(bytes_of("abc")).to_string();
        }
      });
    }
  }
  for (const auto& digest : digests) {
    CHECK(digest == abc_digest);
  }
}

// The first 32 of the 42 or 82 bytes that the RFC lists: HKDF's output is a stream, and shorter ones are its beginning.
TEST_CASE("HKDF-SHA256 known answers (RFC 5869, appendix A)", "[hash]") {
  CHECK(to_hex(hkdf_sha256(hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), hex("000102030405060708090a0b0c"),
                           hex("f0f1f2f3f4f5f6f7f8f9"))) == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  Bytes key(80);
  Bytes salt(80);
  Bytes info(80);
  for (unsigned i = 0; i < 80; ++i) {
    key[i] = static_cast<std::byte>(i);
    salt[i] = static_cast<std::byte>(0x60U + i);
    info[i] = static_cast<std::byte>(0xb0U + i);
  }
  CHECK(to_hex(hkdf_sha256(key, salt, info)) == "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c");
  CHECK(to_hex(hkdf_sha256(hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), {}, {})) ==
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST_CASE("random bytes differ each time", "[hash]") {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string text = random_hex(8);
    CHECK(text.size() == 16);
    CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
    seen.insert(text);
  }
  CHECK(seen.size() == 100);
  CHECK(random_hex(0).empty());
}

}  // namespace hash_test
