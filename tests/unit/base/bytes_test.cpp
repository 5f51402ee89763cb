#include "base/bytes.h"

#include <array>
#include <catch2/catch.hpp>

namespace bytes_test {

using namespace pgrecall;

TEST_CASE("hexadecimal goes both ways", "[bytes]") {
  const std::array<std::byte, 4> bytes{std::byte{0x00}, std::byte{0x9f}, std::byte{0xa0}, std::byte{0xff}};
  CHECK(to_hex(bytes) == "009fa0ff");
  CHECK(to_hex({}).empty());
  std::array<std::byte, 4> back{};
  CHECK(from_hex("009fa0ff", back));
  CHECK(back == bytes);
}

TEST_CASE("hexadecimal is lower case and of exact length", "[bytes]") {
  std::array<std::byte, 2> out{};
  for (const char* text : {"", "00f", "00ff0", "00ff00", "00FF", "00fg", "0 ff", "-1ff", "00f/", "00f:"}) {
    INFO(text);
    CHECK_FALSE(from_hex(text, out));
  }
}

TEST_CASE("base64 known answers (RFC 4648, section 10)", "[bytes]") {
  const std::array<std::pair<const char*, const char*>, 7> vectors{{{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, encoded] : vectors) {
    CHECK(to_base64(bytes_of(plain)) == encoded);
    Bytes out;
    CHECK(from_base64(encoded, out));
    CHECK(text_of(out) == plain);
  }
  const std::array<std::byte, 3> high{std::byte{0xfb}, std::byte{0xff}, std::byte{0xfe}};
  CHECK(to_base64(high) == "+//+");
}

TEST_CASE("base64 that nobody wrote is refused", "[bytes]") {
  Bytes out;
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zg==\n", " Zg=", "Zm9v\r\nZm9",
                           "Z*==", "Z=g=", "Zg==Zg==", "====", "Z===", "=Zm9", "Zm9v====", "Zm-_", "Zh=="}) {
    INFO(text);
    CHECK_FALSE(from_base64(text, out));
  }
}

TEST_CASE("integers of fixed width are stored in the order that the name says", "[bytes]") {
  std::array<std::byte, 8> at{};
  store_little<std::uint32_t>(at.data(), 0x01020304U);
  CHECK(to_hex(ByteView(at).first(4)) == "04030201");
  CHECK(load_little<std::uint32_t>(at.data()) == 0x01020304U);
  store_big<std::uint32_t>(at.data(), 0x01020304U);
  CHECK(to_hex(ByteView(at).first(4)) == "01020304");
  CHECK(load_big<std::uint32_t>(at.data()) == 0x01020304U);
  store_little<std::uint64_t>(at.data(), 0xF102030405060708ULL);
  CHECK(to_hex(at) == "08070605040302f1");
  CHECK(load_little<std::uint64_t>(at.data()) == 0xF102030405060708ULL);
  CHECK(load_big<std::uint64_t>(at.data()) == 0x08070605040302F1ULL);
  store_big<std::uint16_t>(at.data(), 0xABCDU);
  CHECK(to_hex(ByteView(at).first(2)) == "abcd");
  CHECK(load_little<std::uint16_t>(at.data()) == 0xCDABU);
  store_big<std::uint8_t>(at.data(), 7);
  CHECK(load_big<std::uint8_t>(at.data()) == 7);
}

}  // namespace bytes_test
