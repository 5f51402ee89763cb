#include "repository/varint.h"

#include <catch2/catch.hpp>
#include <limits>

namespace varint_test {

using namespace pgrecall;

namespace {

Bytes bytes(std::initializer_list<unsigned> values) {
  Bytes out;
  for (const unsigned value : values) {
    out.push_back(static_cast<std::byte>(value));
  }
  return out;
}

ErrorKind refusal(const Bytes& payload) {
  try {
    PayloadReader reader(payload, "thing");
    (void)reader.varint();
  } catch (const Error& error) {
    CHECK(error.context("object") == "thing");
    return error.kind();
  }
  return ErrorKind::failed;
}

}  // namespace

TEST_CASE("varints have the bytes of the specification") {
  Bytes out;
  append_varint(out, 0);
  append_varint(out, 127);
  append_varint(out, 128);
  append_varint(out, 300);
  CHECK(out == bytes({0x00, 0x7f, 0x80, 0x01, 0xac, 0x02}));
  out.clear();
  append_varint(out, UINT64_MAX);
  CHECK(out == bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
  out.clear();
  for (const std::int64_t value : {0, -1, 1, -2}) {
    append_zigzag(out, value);
  }
  CHECK(out == bytes({0, 1, 2, 3}));
}

TEST_CASE("varints and zigzag come back") {
  Bytes out;
  for (unsigned bit = 0; bit < 64; ++bit) {
    append_varint(out, 1ULL << bit);
    append_varint(out, (1ULL << bit) - 1);
    append_zigzag(out, static_cast<std::int64_t>(1ULL << bit));
    append_zigzag(out, -static_cast<std::int64_t>((1ULL << bit) / 2));
  }
  PayloadReader reader(out, "thing");
  for (unsigned bit = 0; bit < 64; ++bit) {
    CHECK(reader.varint() == 1ULL << bit);
    CHECK(reader.varint() == (1ULL << bit) - 1);
    CHECK(reader.zigzag() == static_cast<std::int64_t>(1ULL << bit));
    CHECK(reader.zigzag() == -static_cast<std::int64_t>((1ULL << bit) / 2));
  }
  CHECK(reader.done());
}

TEST_CASE("a varint that is cut, longer than needed, or too large is refused") {
  CHECK(refusal(bytes({})) == ErrorKind::corruption);
  CHECK(refusal(bytes({0x80})) == ErrorKind::corruption);
  CHECK(refusal(bytes({0x80, 0x00})) == ErrorKind::corruption);
  CHECK(refusal(bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02})) == ErrorKind::corruption);
  CHECK(refusal(bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x01})) == ErrorKind::corruption);
}

TEST_CASE("a count that the payload cannot hold is refused before memory is asked for") {
  Bytes out;
  append_varint(out, 3);
  append_bytes(out, bytes({1, 2, 3, 4, 5, 6}));
  CHECK(PayloadReader(out, "thing").count(2) == 3);
  CHECK_THROWS_AS(PayloadReader(out, "thing").count(3), Error);
}

}  // namespace varint_test
