#include "codec/sealing.h"

#include "fixture.h"

namespace sealing_test {

using namespace pgrecall;
using namespace pgrecall::test;

// Expected bytes were computed with Python's cryptography package from the text of docs/repository-format.md.

TEST_CASE("Wrapped bytes open by the right key for the right purpose only") {
  const Bytes known = from_hex("0000000000000000000000006addc1bf9547e6c4c18cc0a5c41c408a43a5336f1b3bea77");
  CHECK(text_of(unwrap(counting_key(), known, "id")) == "data key");
  CHECK(unwrap(counting_key(), known, "other id").empty());
  CHECK(unwrap(Key(counting(32, 1)), known, "id").empty());
  for (std::size_t at = 0; at < known.size(); ++at) {
    Bytes damaged = known;
    damaged[at] ^= std::byte{1};
    CHECK(unwrap(counting_key(), damaged, "id").empty());
    CHECK(unwrap(counting_key(), ByteView(known).first(at), "id").empty());
  }
}

TEST_CASE("Wrapping the same twice gives other bytes, since nonces are random") {
  const Bytes one = wrap(counting_key(), bytes_of("data key"), "id");
  const Bytes other = wrap(counting_key(), bytes_of("data key"), "id");
  CHECK(one.size() == 12 + 8 + 16);
  CHECK(one != other);
  CHECK(text_of(unwrap(counting_key(), one, "id")) == "data key");
  CHECK(text_of(unwrap(counting_key(), other, "id")) == "data key");
}

TEST_CASE("A sealed run opens only with its key, salt, number and associated data") {
  const Bytes salt = counting(32, 0x20);
  Sealer sealer(counting_key(), salt);
  const Bytes first = counting(3);
  const Bytes second = counting(1000, 9);
  const Bytes associated = counting(80);
  Bytes sealed(first.size() + second.size() + seal_overhead);
  sealer.seal(3, {associated}, {first, second}, sealed);

  Bytes plain(first.size() + second.size());
  REQUIRE(sealer.open(3, {ByteView(associated).first(64), ByteView(associated).subspan(64)}, sealed, plain));
  CHECK(std::equal(first.begin(), first.end(), plain.begin()));
  CHECK(std::equal(second.begin(), second.end(), plain.begin() + 3));

  CHECK_FALSE(sealer.open(4, {associated}, sealed, plain));
  CHECK_FALSE(sealer.open(3, {ByteView(associated).first(79)}, sealed, plain));
  Sealer other_salt(counting_key(), counting(32, 0x21));
  CHECK_FALSE(other_salt.open(3, {associated}, sealed, plain));
  Sealer other_key(Key(counting(32, 1)), salt);
  CHECK_FALSE(other_key.open(3, {associated}, sealed, plain));
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    Bytes damaged = sealed;
    damaged[at] ^= std::byte{0x80};
    REQUIRE_FALSE(sealer.open(3, {associated}, damaged, plain));
  }
  // And goes on working.
  CHECK(sealer.open(3, {associated}, sealed, plain));
}

TEST_CASE("Runs too short for a tag, or an output of another size, do not open") {
  Sealer sealer(counting_key(), counting(32));
  Bytes sealed(seal_overhead);
  sealer.seal(0, {}, {}, sealed);
  Bytes none;
  CHECK(sealer.open(0, {}, sealed, none));
  CHECK_FALSE(sealer.open(0, {}, ByteView(sealed).first(15), none));
  Bytes one(1);
  CHECK_FALSE(sealer.open(0, {}, sealed, one));
}

TEST_CASE("Random keys differ, and a key of another size is refused") {
  const Key one = Key::random();
  const Key other = Key::random();
  CHECK_FALSE(std::ranges::equal(one.reveal(), other.reveal()));
  CHECK(error_of([] { Key(counting(31)); }).kind() == ErrorKind::failed);
}

}  // namespace sealing_test
