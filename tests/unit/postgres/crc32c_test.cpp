#include "postgres/crc32c.h"

#include <catch2/catch.hpp>
#include <string>

namespace crc32c_test {

using namespace pgrecall;

TEST_CASE("CRC-32C has the published values", "[crc32c]") {
  CHECK(crc32c(bytes_of("")) == 0);
  CHECK(crc32c(bytes_of("123456789")) == 0xE3069283);
  // RFC 3720, appendix B.4.
  CHECK(crc32c(bytes_of(std::string(32, '\0'))) == 0x8A9136AA);
  CHECK(crc32c(bytes_of(std::string(32, '\xFF'))) == 0x62A8AB43);
}

TEST_CASE("CRC-32C is the same without the CPU's instruction and in pieces", "[crc32c]") {
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text.push_back(static_cast<char>(i * 7 + i / 256));
  }
  for (std::size_t size = 0; size < 40; ++size) {
    CHECK(crc32c_portable(bytes_of(text).subspan(size, size)) == crc32c(bytes_of(text).subspan(size, size)));
  }
  const std::uint32_t first = crc32c_extend(0, bytes_of(text).first(333));
  CHECK(crc32c_extend(first, bytes_of(text).subspan(333)) == crc32c(bytes_of(text)));
  CHECK(crc32c_portable(bytes_of("123456789")) == 0xE3069283);
}

}  // namespace crc32c_test
