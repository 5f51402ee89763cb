#include "postgres/wal_record_parts.h"

#include <lz4.h>
#include <zstd.h>

#include "unit/postgres/fixture.h"
#include "unit/postgres/wal_builder.h"

namespace wal_record_parts_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

constexpr std::size_t page_size = 8192;

std::string relation_bytes(std::uint32_t relation) {
  return little(std::uint32_t{1663}) + little(std::uint32_t{5}) + little(relation);
}

WalRecordParts parsed(const std::string& body, unsigned major = 15) {
  WalRecordParts parts;
  parts.parse(bytes_of(body), static_cast<std::uint32_t>(body.size()), major);
  return parts;
}

// A page with a hole from 100 to 7000, in text that compresses.
std::string page_with_hole() {
  std::string page;
  for (std::size_t i = 0; i < page_size; ++i) {
    page += static_cast<char>('a' + (i / 7) % 5 + i % 3);
  }
  return page.replace(100, 6900, std::string(6900, '\0'));
}
std::string without_hole(const std::string& page) { return page.substr(0, 100) + page.substr(7000); }

std::string restored(const WalPageImage& image) {
  std::string page(page_size, '?');
  restore_page_image(image, MutableByteView(reinterpret_cast<std::byte*>(page.data()), page.size()));
  return page;
}

}  // namespace

TEST_CASE("blocks, their data and the main data are told apart", "[wal_record_parts]") {
  const std::string body = std::string("\0\x20", 2) + little(std::uint16_t{3}) + relation_bytes(16384) +
                           little(std::uint32_t{77}) + std::string("\2\xA0", 2) + little(std::uint16_t{2}) +
                           little(std::uint32_t{78}) + "\xFDoo" + "\xFCtttt" + "\xFF\x04" + "one" + "2!" + "main";
  const WalRecordParts parts = parsed(body);
  REQUIRE(parts.blocks().size() == 2);
  CHECK(parts.block(0)->relation == RelationNode{1663, 5, 16384});
  CHECK(parts.block(0)->number == 77);
  CHECK(text_of(parts.block(0)->data) == "one");
  CHECK(parts.block(1) == nullptr);
  CHECK(parts.block(2)->relation == RelationNode{1663, 5, 16384});
  CHECK(parts.block(2)->number == 78);
  CHECK(text_of(parts.block(2)->data) == "2!");
  CHECK(text_of(parts.main_data()) == "main");
}

TEST_CASE("a body that goes on behind what is kept loses its end", "[wal_record_parts]") {
  const std::string body = '\xFE' + little(std::uint32_t{100}) + std::string(100, 'm');
  WalRecordParts parts;
  parts.parse(bytes_of(body).first(50), static_cast<std::uint32_t>(body.size()), 15);
  CHECK(parts.main_data().size() == 45);
}

TEST_CASE("what makes no body is refused", "[wal_record_parts]") {
  const std::string good = std::string("\0\x20", 2) + little(std::uint16_t{3}) + relation_bytes(1) + little(std::uint32_t{7}) +
                           "\xFF\x01" + "one" + "m";
  parsed(good);
  for (const std::string& body :
       {good + "x", good.substr(0, good.size() - 1), std::string("\x21\x20", 2), std::string("\0\xA0", 2) + std::string(6, '\0'),
        good.substr(0, 20) + good, std::string("\xFE", 1)}) {
    corruption_of([&] { parsed(body); });
  }
}

TEST_CASE("page images are restored however they were compressed", "[wal_record_parts]") {
  const std::string page = page_with_hole();
  const std::string plain = without_hole(page);
  WalPageImage image{.bytes = bytes_of(plain), .hole_offset = 100, .hole_length = 0, .has_hole = true};
  CHECK(restored(image) == page);
  image = {.bytes = bytes_of(page)};
  CHECK(restored(image) == page);

  std::string packed(8192, '\0');
  packed.resize(static_cast<std::size_t>(
      LZ4_compress_default(plain.data(), packed.data(), static_cast<int>(plain.size()), static_cast<int>(packed.size()))));
  image = {.bytes = bytes_of(packed),
           .hole_offset = 100,
           .hole_length = 6900,
           .has_hole = true,
           .compression = WalImageCompression::lz4};
  CHECK(restored(image) == page);
  packed.resize(8192);
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1));
  image.bytes = bytes_of(packed);
  image.compression = WalImageCompression::zstd;
  CHECK(restored(image) == page);
  image.hole_length = 6901;
  corruption_of([&] { restored(image); });
  image.hole_offset = 8000;
  corruption_of([&] { restored(image); });
  corruption_of([&] { restored({.bytes = bytes_of(plain)}); });
}

TEST_CASE("pglz is decompressed, and refused where it is none", "[wal_record_parts]") {
  const auto unpacked = [](const std::string& input, std::size_t size) -> std::optional<std::string> {
    std::string out(size, '?');
    const bool good = decompress_pglz(bytes_of(input), MutableByteView(reinterpret_cast<std::byte*>(out.data()), out.size()));
    return good ? std::optional(out) : std::nullopt;
  };
  CHECK(unpacked(std::string("\0abc", 4), 3) == "abc");
  // Three literals, then nine bytes from three back, which overlap themselves.
  CHECK(unpacked(std::string("\x08"
                             "abc"
                             "\x06\x03"),
                 12) == "abcabcabcabc");
  // Of length 18 and more, a third byte tells.
  CHECK(unpacked(std::string("\x02"
                             "a"
                             "\x0F\x01\x02",
                             5),
                 21) == std::string(21, 'a'));
  CHECK_FALSE(unpacked(std::string("\x02"
                                   "a"
                                   "\x0F\x02\x02",
                                   5),
                       21));  // from before the beginning
  CHECK_FALSE(unpacked(std::string("\0abc", 4), 4));
  CHECK_FALSE(unpacked(std::string("\0abc", 4), 2));
  CHECK_FALSE(unpacked(std::string("\x02"
                                   "a"
                                   "\x0F",
                                   3),
                       21));
}

TEST_CASE("what applies and what is compressed is told by the version", "[wal_record_parts]") {
  const auto image_of = [](unsigned major, char info, bool hole_length) {
    const std::string body = std::string("\0\x10", 2) + little(std::uint16_t{0}) + little(std::uint16_t{4}) +
                             little(std::uint16_t{9}) + info + std::string(hole_length ? "\x11\x01" : "") + relation_bytes(1) +
                             little(std::uint32_t{7}) + "page";
    return *parsed(body, major).block(0)->image;
  };
  CHECK(image_of(14, '\x07', true).compression == WalImageCompression::pglz);
  CHECK(image_of(14, '\x07', true).hole_length == 0x111);
  CHECK(image_of(14, '\x07', true).applies);
  CHECK_FALSE(image_of(14, '\x03', true).applies);
  CHECK(image_of(15, '\x03', false).applies);
  CHECK(image_of(15, '\x03', false).compression == WalImageCompression::none);
  CHECK(image_of(15, '\x07', true).compression == WalImageCompression::pglz);
  CHECK(image_of(15, '\x0B', true).compression == WalImageCompression::lz4);
  CHECK(image_of(15, '\x13', true).compression == WalImageCompression::zstd);
  CHECK_FALSE(image_of(15, '\x01', false).applies);
}

}  // namespace wal_record_parts_test
