#include "repository/wal_archive.h"

#include <algorithm>

#include "repository/names.h"
#include "repository/wal_object.h"
#include "scratch_repository.h"

namespace wal_archive_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

constexpr std::uint32_t megabyte = 1U << 20U;
const WalSegment small_segment{2, 0x305, megabyte};
const ClusterSystem prod("prod", 7'000'000'000'000'000'001);

WalSource source_of(const Bytes& bytes) {
  return [&bytes](std::uint64_t offset, MutableByteView out) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  };
}

struct Fixture {
  ScratchRepository scratch{GENERATE(Repository::Sealing::none, Repository::Sealing::sealed)};
  const Repository& repository = *scratch;
  Random random{11};

  [[nodiscard]] WalDescription describe(const WalSegment& segment, std::uint32_t from, std::uint64_t length) const {
    WalDescription description;
    description.system_identifier = prod.identifier;
    description.segment = segment;
    description.from = from;
    description.length = length;
    description.major_version = 15;
    return description;
  }
  WalStored put(const WalDescription& description, const Bytes& bytes) const {
    return put_wal(repository, "prod", description, source_of(bytes), Compression{});
  }
  [[nodiscard]] Bytes read(const std::string& name, ObjectKind kind) const {
    Bytes all;
    const auto description =
        read_wal(repository, name, kind, [&](ByteView piece) { all.insert(all.end(), piece.begin(), piece.end()); });
    REQUIRE(description);
    return all;
  }
};

}  // namespace

TEST_CASE("A description of WAL has the bytes of the format") {
  WalDescription description;
  description.system_identifier = 0x0102030405060708;
  description.segment = {2, 0x305, megabyte};
  description.from = 0x2000;
  description.length = 0x300;
  description.major_version = 15;
  description.digest.bytes.fill(std::byte{0xee});
  const auto bytes = encode_wal_description(description);
  CHECK(to_hex(bytes) ==
        "0807060504030201"
        "02000000"
        "00001000"
        "0020503000000000"
        "0003000000000000"
        "0f000000" +
            [] {
              std::string digest;
              for (int i = 0; i < 32; ++i) {
                digest += "ee";
              }
              return digest;
            }());
  const WalDescription back = decode_wal_description(bytes, "x");
  CHECK(back.segment == description.segment);
  CHECK(back.from == 0x2000);
  CHECK(back.length == 0x300);
}

TEST_CASE("Descriptions of WAL that cannot be are corruption") {
  WalDescription description;
  description.segment = {1, 5, megabyte};
  description.from = 10;
  description.length = 100;
  const auto good = encode_wal_description(description);
  const auto refused = [&](std::size_t at, std::uint8_t value) {
    auto bytes = good;
    bytes[at] = std::byte{value};
    return error_of([&] { static_cast<void>(decode_wal_description(bytes, "x")); }).kind() == ErrorKind::corruption;
  };
  CHECK(refused(8, 0));       // timeline 0
  CHECK(refused(13, 1));      // a segment size that is no power of two
  CHECK(refused(14, 8 + 1));  // likewise
  CHECK(refused(26, 0x10));   // longer than the segment
  CHECK(refused(31, 0xff));   // a length that would wrap
  CHECK(refused(24, 0));      // no bytes
  CHECK(error_of([&] { static_cast<void>(decode_wal_description(ByteView(good).first(67), "x")); }).kind() ==
        ErrorKind::corruption);
}

TEST_CASE_METHOD(Fixture, "A segment comes back as it was, and again is already there") {
  const std::uint32_t size = GENERATE(as<std::uint32_t>(), megabyte, 4 * megabyte, 64 * megabyte);
  const WalSegment segment{2, 0x305, size};
  const Bytes bytes = half_random(random, size);
  const WalStored stored = put(describe(segment, 0, size), bytes);
  CHECK(stored.result == WalPutResult::stored);
  const std::string name = wal_segment_name(prod, segment);
  CHECK(stored.object_size == scratch.content(name).size());
  CHECK(stored.object_size < size * 3ULL / 4);
  CHECK(read(name, ObjectKind::wal_segment) == bytes);

  const WalStored again = put(describe(segment, 0, size), bytes);
  CHECK(again.result == WalPutResult::already_there);
  CHECK(again.object_size == stored.object_size);
}

TEST_CASE_METHOD(Fixture, "Other bytes under a taken name are refused, and nothing is overwritten") {
  Bytes bytes = half_random(random, megabyte);
  static_cast<void>(put(describe(small_segment, 0, megabyte), bytes));
  const Bytes before = bytes;
  bytes.back() ^= std::byte{1};
  const std::string name = wal_segment_name(prod, small_segment);
  const Error error = error_of([&] { put(describe(small_segment, 0, megabyte), bytes); });
  CHECK(error.kind() == ErrorKind::corruption);
  CHECK(error.context("object") == name);
  CHECK(read(name, ObjectKind::wal_segment) == before);
  WalDescription other_server = describe(small_segment, 0, megabyte);
  other_server.system_identifier = 1;
  CHECK(put(other_server, before).result == WalPutResult::stored);  // beside the other's, of the same name
  CHECK(read(wal_segment_name({"prod", other_server.system_identifier}, small_segment), ObjectKind::wal_segment) == before);
}

TEST_CASE_METHOD(Fixture, "Tails and segments are found, in order") {
  const Bytes bytes = half_random(random, megabyte);
  CHECK(find_wal(repository, prod, small_segment).tails.empty());
  static_cast<void>(put(describe(small_segment, 0x3000, 0x500), bytes));
  static_cast<void>(put(describe(small_segment, 0, 0x3000), bytes));
  static_cast<void>(put(describe(small_segment.next(), 0, megabyte), bytes));
  const WalObjects found = find_wal(repository, prod, small_segment);
  CHECK_FALSE(found.whole);
  REQUIRE(found.tails.size() == 2);
  CHECK(found.tails[0].from == 0);
  CHECK(found.tails[0].to == 0x3000);
  CHECK(found.tails[1].from == 0x3000);
  CHECK(found.tails[1].to == 0x3500);
  CHECK(read(found.tails[1].object_name, ObjectKind::wal_tail) == Bytes(bytes.begin(), bytes.begin() + 0x500));
  CHECK(find_wal(repository, prod, small_segment.next()).whole);
  CHECK_FALSE(read_wal(repository, wal_segment_name(prod, small_segment), ObjectKind::wal_segment, [](ByteView) {}));
}

TEST_CASE_METHOD(Fixture, "WAL outside of its segment is not stored") {
  const Bytes bytes(64);
  CHECK(error_of([&] { put(describe(small_segment, 0, 0), bytes); }).kind() == ErrorKind::failed);
  CHECK(error_of([&] { put(describe(small_segment, megabyte - 63, 64), bytes); }).kind() == ErrorKind::failed);
  CHECK(error_of([&] { put(describe({0, 5, megabyte}, 0, 64), bytes); }).kind() == ErrorKind::failed);
  CHECK(error_of([&] { put(describe({1, 5, 12345}, 0, 64), bytes); }).kind() == ErrorKind::failed);
}

TEST_CASE_METHOD(Fixture, "Every changed byte and every truncation of WAL objects is corruption") {
  const Bytes zeros(megabyte);
  const Bytes some = half_random(random, 700);
  static_cast<void>(put(describe(small_segment, 0, megabyte), zeros));
  static_cast<void>(put(describe(small_segment, 0x2000, some.size()), some));
  CHECK(put_history(repository, prod, 2, bytes_of("1\t0/3000000\tno recovery target specified\n")) == PutResult::created);
  const auto read_any = [&](const std::string& name) {
    switch (parse_object_name(name).kind) {
      case NameKind::wal_segment: static_cast<void>(read_wal(repository, name, ObjectKind::wal_segment, [](ByteView) {})); break;
      case NameKind::wal_tail: static_cast<void>(read_wal(repository, name, ObjectKind::wal_tail, [](ByteView) {})); break;
      default: static_cast<void>(read_history(repository, prod, 2));
    }
  };
  for (const std::string& name :
       {wal_segment_name(prod, small_segment), wal_tail_name(prod, small_segment, 0x2000, 0x22bc), history_name(prod, 2)}) {
    const Bytes whole = scratch.content(name);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      INFO(name << " byte " << at);
      Bytes damaged = whole;
      damaged[at] ^= static_cast<std::byte>(1U << (at % 8));
      scratch.overwrite(name, damaged);
      const Error error = error_of([&] { read_any(name); });
      REQUIRE(error.kind() == ErrorKind::corruption);
      REQUIRE(error.context("object") == name);
      scratch.overwrite(name, ByteView(whole).first(at));
      REQUIRE(error_of([&] { read_any(name); }).kind() == ErrorKind::corruption);
    }
    scratch.overwrite(name, whole);
    read_any(name);
  }
}

TEST_CASE_METHOD(Fixture, "A WAL object whose description is of other WAL than its name is corruption") {
  const Bytes bytes = half_random(random, 700);
  const std::string name = wal_tail_name(prod, small_segment, 0x100, 0x100 + 700);
  // Well formed in all else: header, frames and digest fit.
  const WalObject object(repository, ObjectKind::wal_tail, name, describe(small_segment, 0x200, 700), source_of(bytes),
                         Compression{});
  REQUIRE(scratch.store().put(name, object) == PutResult::created);
  CHECK(error_of([&] { static_cast<void>(read(name, ObjectKind::wal_tail)); }).kind() == ErrorKind::corruption);
}

TEST_CASE_METHOD(Fixture, "A history file is kept, and not replaced by another") {
  const ByteView history = bytes_of("1\t0/3000000\tno recovery target specified\n");
  CHECK(put_history(repository, prod, 2, history) == PutResult::created);
  CHECK(put_history(repository, prod, 2, history) == PutResult::already_exists);
  CHECK(error_of([&] { static_cast<void>(put_history(repository, prod, 2, bytes_of("1\t0/4000000\tx\n"))); }).kind() ==
        ErrorKind::corruption);
  CHECK(text_of(read_history(repository, prod, 2).value()) == text_of(history));
  CHECK_FALSE(read_history(repository, prod, 3));
}

}  // namespace wal_archive_test
