#include "codec/frame.h"
#include "fixture.h"

namespace frame_damage_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

struct Frame {
  ObjectHeader object;
  Bytes bytes;
  Bytes raw;
};

// Zeros among them: changing where an lz4 or zstd match begins within a run of zeros leaves the decompressed bytes as they were.
Bytes runs_of_zeros() {
  Bytes raw = random_bytes(900, 3);
  std::fill(raw.begin() + 100, raw.begin() + 400, std::byte{0});
  std::fill(raw.begin() + 500, raw.begin() + 880, std::byte{0});
  return raw;
}

Frame make_frame(const Key* key, CompressionMethod method) {
  Frame frame{make_object_header(ObjectKind::pack, "some/pack", key != nullptr), {}, runs_of_zeros()};
  Compressor compressor({method, 1});
  const Compressed compressed = compressor.compress(frame.raw);
  REQUIRE(compressed.method == method);
  FrameWriter writer(frame.object, key);
  frame.bytes.resize(writer.frame_size(compressed.bytes.size()));
  writer.write(compressed, static_cast<std::uint32_t>(frame.raw.size()), sha256(frame.raw), 5, FrameWriter::Position::inside,
               frame.bytes);
  return frame;
}

// As a reader of objects does: takes as many bytes as the header says, if they are there, and knows number and place.
Bytes read_frame(const Frame& frame, ByteView bytes, const Key* key) {
  FrameReader reader("some/pack", frame.object, key);
  const FrameHeader header = reader.parse_header(bytes, 64);
  const std::size_t there = bytes.size() - frame_header_size;
  if (header.body_size != there || header.number != 5 || header.last) {
    throw Error(ErrorKind::corruption, "frame is not what its place says").with("object", "some/pack").with("offset", 64U);
  }
  Bytes raw(header.raw_size);
  static_cast<void>(reader.read(header, bytes.first(frame_header_size), bytes.subspan(frame_header_size), 64, raw));
  return raw;
}

}  // namespace

TEST_CASE("Every flipped bit of a frame is corruption, sealed or not, compressed or not") {
  const bool sealed = GENERATE(false, true);
  const auto method = GENERATE(CompressionMethod::none, CompressionMethod::lz4, CompressionMethod::zstd);
  const Key data_key = counting_key();
  const Key* key = sealed ? &data_key : nullptr;
  const Frame frame = make_frame(key, method);
  REQUIRE(read_frame(frame, frame.bytes, key) == frame.raw);
  for (std::size_t at = 0; at < frame.bytes.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes damaged = frame.bytes;
      damaged[at] ^= static_cast<std::byte>(1U << bit);
      const Error error = error_of([&] { static_cast<void>(read_frame(frame, damaged, key)); });
      REQUIRE(error.kind() == ErrorKind::corruption);
      REQUIRE(error.context("object") == "some/pack");
    }
  }
}

TEST_CASE("Every truncation of a frame is corruption") {
  const bool sealed = GENERATE(false, true);
  const Key data_key = counting_key();
  const Key* key = sealed ? &data_key : nullptr;
  const Frame frame = make_frame(key, CompressionMethod::zstd);
  FrameReader reader("some/pack", frame.object, key);
  for (std::size_t size = 0; size < frame_header_size; ++size) {
    const auto cut = ByteView(frame.bytes).first(size);
    REQUIRE(error_of([&] { static_cast<void>(reader.parse_header(cut, 64)); }).kind() == ErrorKind::corruption);
  }
  const ByteView header_bytes = ByteView(frame.bytes).first(frame_header_size);
  const FrameHeader header = reader.parse_header(header_bytes, 64);
  Bytes raw(header.raw_size);
  for (std::size_t size = 0; size < header.body_size; ++size) {
    const auto body = ByteView(frame.bytes).subspan(frame_header_size, size);
    REQUIRE(error_of([&] { static_cast<void>(reader.read(header, header_bytes, body, 64, raw)); }).kind() ==
            ErrorKind::corruption);
  }
}

TEST_CASE("A changed salt of a sealed object shows in its frames") {
  const Key key = counting_key();
  const Frame frame = make_frame(&key, CompressionMethod::none);
  for (std::size_t at = 32; at < object_header_size; ++at) {
    Frame damaged = frame;
    damaged.object[at] ^= std::byte{1};
    REQUIRE(error_of([&] { static_cast<void>(read_frame(damaged, damaged.bytes, &key)); }).kind() == ErrorKind::corruption);
  }
}

TEST_CASE("A sealed frame does not open in another object or by another key") {
  const Key key = counting_key();
  const Key other = Key(counting(32, 1));
  const Frame frame = make_frame(&key, CompressionMethod::zstd);
  Frame moved = frame;
  moved.object = make_object_header(ObjectKind::pack, "some/pack", true);
  CHECK(error_of([&] { static_cast<void>(read_frame(moved, moved.bytes, &key)); }).kind() == ErrorKind::corruption);
  CHECK(error_of([&] { static_cast<void>(read_frame(frame, frame.bytes, &other)); }).kind() == ErrorKind::corruption);
}

}  // namespace frame_damage_test
