#include "codec/frame.h"
#include "fixture.h"

namespace object_header_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
constexpr std::string_view summary_object = "clusters/prod/backups/20261123T023000Z-full/summary";
}

TEST_CASE("An object header has the bytes of the format") {
  const ObjectHeader plain = make_object_header(ObjectKind::summary, summary_object, false);
  CHECK(to_hex(plain) == "5047524543414c4c0100030000000000409855c2f1b0a2889fd079b35e028bc2" + std::string(64, '0'));
  const ObjectHeader sealed = make_object_header(ObjectKind::summary, summary_object, true);
  CHECK(to_hex(ByteView(sealed).first(32)) == "5047524543414c4c0100030100000000409855c2f1b0a2889fd079b35e028bc2");
  CHECK(make_object_header(ObjectKind::summary, summary_object, true) != sealed);  // the salt is random
  check_object_header(plain, ObjectKind::summary, summary_object, false);
  check_object_header(sealed, ObjectKind::summary, summary_object, true);
}

TEST_CASE("Every changed byte of a header that is not sealed is corruption, and the object is named") {
  const ObjectHeader header = make_object_header(ObjectKind::pack, "a/b", false);
  for (std::size_t at = 0; at < header.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      ObjectHeader damaged = header;
      damaged[at] ^= static_cast<std::byte>(1U << bit);
      const Error error = error_of([&] { check_object_header(damaged, ObjectKind::pack, "a/b", false); });
      REQUIRE(error.kind() == ErrorKind::corruption);
      REQUIRE(error.context("object") == "a/b");
      REQUIRE_FALSE(error.context("offset").empty());
    }
  }
}

TEST_CASE("Every changed byte of a sealed header but its salt is corruption at once") {
  const ObjectHeader header = make_object_header(ObjectKind::pack, "a/b", true);
  for (std::size_t at = 0; at < 32; ++at) {
    ObjectHeader damaged = header;
    damaged[at] ^= std::byte{1};
    REQUIRE(error_of([&] { check_object_header(damaged, ObjectKind::pack, "a/b", true); }).kind() == ErrorKind::corruption);
  }
}

TEST_CASE("A header of another kind, name or sealing, or cut short, is refused") {
  const ObjectHeader header = make_object_header(ObjectKind::mark, "a/b", false);
  const auto kind_of = [&](ObjectKind kind, std::string_view name, bool sealed, std::size_t size) {
    return error_of([&] { check_object_header(ByteView(header).first(size), kind, name, sealed); }).kind();
  };
  CHECK(kind_of(ObjectKind::system, "a/b", false, 64) == ErrorKind::corruption);
  CHECK(kind_of(ObjectKind::mark, "a/c", false, 64) == ErrorKind::corruption);
  CHECK(kind_of(ObjectKind::mark, "a/b", true, 64) == ErrorKind::corruption);
  for (std::size_t size = 0; size < 64; ++size) {
    CHECK(kind_of(ObjectKind::mark, "a/b", false, size) == ErrorKind::corruption);
  }
}

}  // namespace object_header_test
