#include "repository/verify_ledger.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "unit/repository/scratch_repository.h"

namespace verify_ledger_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

PackId pack_of(std::uint8_t first) {
  PackId id;
  id.bytes.fill(static_cast<std::byte>(first));
  return id;
}

Time at(std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); }

VerifyLedger some_ledger() {
  return {.packs = {{pack_of(1), at(100)}, {pack_of(2), at(50)}},
          .segments = {{5, 2, 0, 7, at(9)}, {8, 1, 0, 7, at(10)}, {8, 2, 0, 7, at(1'800'000'000)}, {8, 2, 1, 0, at(11)}}};
}

bool refused(const Bytes& payload, VerifyLedger before = {}) {
  try {
    decode_ledger(payload, before, "some object");
    return false;
  } catch (const Error& error) {
    return error.kind() == ErrorKind::corruption && error.context("object") == "some object";
  }
}

}  // namespace

TEST_CASE("A verification ledger comes back as it was stored, under a name that is known", "[ledger]") {
  const auto sealing = GENERATE(Repository::Sealing::none, Repository::Sealing::sealed);
  const ScratchRepository scratch(sealing);
  CHECK_FALSE(newest_ledger(*scratch, "prod"));
  const Time time = parse_time("2026-11-24T02:30:00Z").value();
  put_ledger(*scratch, "prod", {}, time);
  put_ledger(*scratch, "prod", some_ledger(), time);  // the second is taken
  CHECK(newest_ledger(*scratch, "prod") == "clusters/prod/verified/20261124T023001Z");
  CHECK(parse_object_name("clusters/prod/verified/20261124T023001Z").kind == NameKind::verify_ledger);
  CHECK(parse_object_name("clusters/prod/verified/20261124").kind == NameKind::other);
  CHECK(ledger_time(ledger_name("prod", time)) == time);
  CHECK(read_ledger(*scratch, ledger_name("prod", time)) == VerifyLedger{});
  CHECK(read_ledger(*scratch, newest_ledger(*scratch, "prod").value()) == some_ledger());
  CHECK_FALSE(read_ledger(*scratch, ledger_name("prod", time + std::chrono::hours(1))));
}

TEST_CASE("A large ledger has several frames, and all of it comes back", "[ledger]") {
  const ScratchRepository scratch(Repository::Sealing::none);
  VerifyLedger ledger;
  for (std::uint32_t i = 0; i < 40'000; ++i) {
    ledger.segments.push_back({7, 1, i / 256, i % 256, at(i)});
  }
  CHECK(encode_ledger(ledger).size() == 3);
  put_ledger(*scratch, "prod", ledger, at(0));
  CHECK(read_ledger(*scratch, ledger_name("prod", at(0))) == ledger);
}

TEST_CASE("A payload that is no part of a ledger is refused", "[ledger]") {
  const Bytes packs = encode_ledger(some_ledger()).front();
  CHECK(refused({}));
  CHECK(refused({std::byte{3}}));
  CHECK(refused(Bytes(packs.begin(), packs.end() - 1)));
  CHECK_FALSE(refused(packs));
  const Bytes segments = encode_ledger(some_ledger()).back();
  CHECK_FALSE(refused(segments));
  CHECK(refused(segments, {.packs = {}, .segments = {{8, 1, 0, 7, at(10)}}}));
  // The same once more goes back.
  CHECK(refused(packs, some_ledger()));
}

}  // namespace verify_ledger_test
