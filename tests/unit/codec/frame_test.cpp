#include "codec/frame.h"

#include "fixture.h"

namespace frame_test {

using namespace pgrecall;
using namespace pgrecall::test;

// Expected bytes were computed with Python's hashlib and cryptography package from the text of docs/repository-format.md.

namespace {

ObjectHeader known_header() {
  const Bytes bytes = from_hex(
      "5047524543414c4c0100030100000000409855c2f1b0a2889fd079b35e028bc2202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c"
      "3d3e"
      "3f");
  ObjectHeader header;
  std::copy(bytes.begin(), bytes.end(), header.begin());
  return header;
}

constexpr std::string_view known_sealed_frame =
    "0500000035000000000100000700000064674e2f147d6b9ee76a2e3aa07f8958f0c2d94e8ae562d01654a8c721ee3eb8649eabb8a3da748e7748521559b7"
    "5d5b"
    "61954737d0";

// One lz4 block put together by hand: a literal, a match of 58 bytes, five literals, all of them 'a'.
constexpr std::string_view known_lz4_block = "1f61010027506161616161";
constexpr std::string_view known_lz4_frame =
    "400000002b00000002016b7400000000ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb1f61010027506161616161";

}  // namespace

TEST_CASE("A sealed frame has the bytes of the format") {
  const Key key = counting_key();
  const ByteView raw = bytes_of("hello");
  FrameWriter writer(known_header(), &key);
  REQUIRE(writer.frame_size(5) == 16 + 32 + 5 + 16);
  Bytes frame(writer.frame_size(5));
  writer.write({CompressionMethod::none, raw}, 5, sha256(raw), 7, FrameWriter::Position::last, frame);
  CHECK(to_hex(frame) == known_sealed_frame);

  FrameReader reader("x", known_header(), &key);
  const FrameHeader header = reader.parse_header(frame, 64);
  CHECK(header.number == 7);
  CHECK(header.last);
  Bytes back(header.raw_size);
  CHECK(reader.read(header, ByteView(frame).first(16), ByteView(frame).subspan(16), 64, back) == sha256(raw));
  CHECK(text_of(back) == "hello");
}

TEST_CASE("A compressed frame that is not sealed has the bytes of the format") {
  const std::string raw(64, 'a');
  const Bytes block = from_hex(known_lz4_block);
  const ObjectHeader object = make_object_header(ObjectKind::pack, "x", false);
  FrameWriter writer(object, nullptr);
  Bytes frame(writer.frame_size(block.size()));
  writer.write({CompressionMethod::lz4, block}, 64, sha256(bytes_of(raw)), 0, FrameWriter::Position::last, frame);
  CHECK(to_hex(frame) == known_lz4_frame);

  FrameReader reader("x", object, nullptr);
  const FrameHeader header = reader.parse_header(frame, 64);
  Bytes back(header.raw_size);
  CHECK(reader.read(header, ByteView(frame).first(16), ByteView(frame).subspan(16), 64, back) == sha256(bytes_of(raw)));
  CHECK(text_of(back) == raw);
}

TEST_CASE("Lengths are bounded before memory is asked for") {
  const Key key = counting_key();
  const FrameReader sealed("x", known_header(), &key);
  const FrameReader plain("x", make_object_header(ObjectKind::pack, "x", false), nullptr);
  const auto parse = [&](const FrameReader& reader, std::uint32_t raw, std::uint32_t body, CompressionMethod method) {
    Bytes header(16);
    store_little(header.data(), raw);
    store_little(header.data() + 4, body);
    header[8] = static_cast<std::byte>(method);
    return reader.parse_header(header, 100);
  };
  const auto refused = [&](const FrameReader& reader, std::uint32_t raw, std::uint32_t body, CompressionMethod method) {
    const Error error = error_of([&] { static_cast<void>(parse(reader, raw, body, method)); });
    return error.kind() == ErrorKind::corruption && error.context("object") == "x" && error.context("offset").starts_with("10");
  };
  using enum CompressionMethod;
  const std::uint32_t most = max_frame_raw_size;
  CHECK(parse(plain, most, most + 32, none).raw_size == most);
  CHECK(parse(sealed, most, most + 48, none).raw_size == most);
  CHECK(parse(plain, most, most + 31, zstd).raw_size == most);
  CHECK(refused(plain, most + 1, most + 33, none));
  CHECK(refused(plain, most + 1, 40, zstd));
  CHECK(refused(plain, 0xffffffffU, 0xffffffffU, zstd));
  CHECK(refused(plain, 0xffffffffU, 31, none));  // 2^32 - 1 + 32 wraps to 31 where sums have 32 bits
  CHECK(refused(plain, 100, 133, none));
  CHECK(refused(plain, 100, 131, none));
  CHECK(refused(plain, 100, 132, zstd));
  CHECK(refused(plain, 100, 32, zstd));
  CHECK(refused(plain, 100, 5, lz4));
  CHECK(refused(sealed, 100, 132, none));
  CHECK(refused(sealed, 100, 148, lz4));
  CHECK(refused(sealed, 100, 48, lz4));
}

TEST_CASE("The writer refuses frames that no reader would take") {
  const ObjectHeader object = make_object_header(ObjectKind::pack, "x", false);
  FrameWriter writer(object, nullptr);
  const Bytes raw(10);
  Bytes frame(writer.frame_size(raw.size()));
  const auto write = [&](std::uint32_t raw_size, MutableByteView out) {
    writer.write({CompressionMethod::none, raw}, raw_size, sha256(raw), 0, FrameWriter::Position::inside, out);
  };
  CHECK(error_of([&] { write(9, frame); }).kind() == ErrorKind::failed);
  CHECK(error_of([&] { write(max_frame_raw_size + 1, frame); }).kind() == ErrorKind::failed);
  CHECK(error_of([&] { write(10, MutableByteView(frame).first(20)); }).kind() == ErrorKind::failed);
}

}  // namespace frame_test
