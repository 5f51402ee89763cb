#include "repository/wal_times.h"

#include "codec/frame.h"
#include "repository/names.h"
#include "repository/wal_archive.h"
#include "repository/wal_inventory.h"
#include "scratch_repository.h"

namespace wal_times_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

constexpr std::uint32_t megabyte = 1U << 20U;
constexpr std::uint64_t system_identifier = 7'000'000'000'000'000'001;
const ClusterSystem prod("prod", system_identifier);
const WalTime at{2, Lsn{0x30'5123}, parse_time("2026-11-23T02:30:00Z").value() + std::chrono::microseconds(123'456)};

void put_bytes(const Repository& repository, const WalSegment& segment, std::uint32_t from, std::uint64_t length) {
  const WalDescription description{.system_identifier = system_identifier,
                                   .segment = segment,
                                   .from = from,
                                   .length = length,
                                   .major_version = 15,
                                   .digest = {}};
  (void)put_wal(
      repository, "prod", description,
      [](std::uint64_t, MutableByteView out) { std::fill(out.begin(), out.end(), std::byte{7}); }, Compression{});
}

}  // namespace

TEST_CASE("A WAL time reads back to the microsecond, sealed or not") {
  ScratchRepository scratch{GENERATE(Repository::Sealing::none, Repository::Sealing::sealed)};
  const std::string name = wal_time_name(prod, at.timeline, at.lsn, at.time);
  CHECK_FALSE(read_wal_time(*scratch, name));
  put_wal_time(*scratch, "prod", system_identifier, at);
  const auto stored = read_wal_time(*scratch, name);
  REQUIRE(stored);
  CHECK(stored->at == at);
  CHECK(stored->system_identifier == system_identifier);
  CHECK(wal_time_of(name) == WalTime{at.timeline, at.lsn, std::chrono::floor<std::chrono::seconds>(at.time)});
  put_wal_time(*scratch, "prod", system_identifier, at);  // already there: nothing to complain about
}

TEST_CASE("A WAL time that says something else than its name is corruption") {
  ScratchRepository scratch{Repository::Sealing::none};
  put_wal_time(*scratch, "prod", system_identifier, at);
  const std::string name = wal_time_name(prod, at.timeline, at.lsn, at.time);
  const Bytes bytes = scratch.content(name);
  const std::string other = wal_time_name(prod, at.timeline, Lsn{at.lsn.value + 1}, at.time);
  REQUIRE(scratch.store().put(other, MemoryBody(bytes)) == PutResult::created);
  CHECK(error_of([&] { static_cast<void>(read_wal_time(*scratch, other)); }).kind() == ErrorKind::corruption);
  const std::string of_other = wal_time_name({"prod", system_identifier + 1}, at.timeline, at.lsn, at.time);
  Bytes renamed = bytes;
  const auto header = make_object_header(ObjectKind::wal_time, of_other, false);
  std::copy(header.begin(), header.end(), renamed.begin());
  REQUIRE(scratch.store().put(of_other, MemoryBody(renamed)) == PutResult::created);
  CHECK(error_of([&] { static_cast<void>(read_wal_time(*scratch, of_other)); }).kind() == ErrorKind::corruption);
}

TEST_CASE("An inventory joins segments into runs, and forgets tails of whole segments") {
  ScratchRepository scratch{Repository::Sealing::none};
  for (const std::uint64_t number : {7U, 5U, 6U, 9U}) {
    put_bytes(*scratch, {1, number, megabyte}, 0, megabyte);
  }
  put_bytes(*scratch, {1, 6, megabyte}, 0, 100);
  put_bytes(*scratch, {1, 10, megabyte}, 0, 100);
  put_bytes(*scratch, {1, 10, megabyte}, 100, 50);
  put_bytes(*scratch, {1, 10, megabyte}, 200, 50);
  put_wal_time(*scratch, "prod", system_identifier, {1, Lsn{0x900000}, at.time});
  put_wal_time(*scratch, "prod", system_identifier, {1, Lsn{0x500000}, at.time});
  (void)put_history(*scratch, prod, 2, bytes_of("1\t0/A00000\tno recovery target specified\n"));

  put_wal_time(*scratch, "prod", system_identifier + 1, {1, Lsn{0x500000}, at.time});  // of another system

  const WalInventory inventory = list_wal(*scratch, prod, megabyte);
  REQUIRE(inventory.timelines.size() == 1);
  const TimelineWal& wal = inventory.timelines.at(1);
  REQUIRE(wal.ranges.size() == 2);
  CHECK(wal.ranges[0].first == 5);
  CHECK(wal.ranges[0].last == 7);
  CHECK(wal.ranges[1].first == 9);
  CHECK(wal.tails.size() == 3);
  REQUIRE(wal.times.size() == 2);
  CHECK(wal.times[0].lsn == Lsn{0x500000});
  CHECK(inventory.histories == std::set<Timeline>{2});

  CHECK(wal.unbroken_until(Lsn{0x500028}, megabyte) == Lsn{0x800000});
  CHECK(wal.unbroken_until(Lsn{0x900000}, megabyte) == Lsn{0xa00000 + 150});  // the tail behind a hole does not count
  CHECK_FALSE(wal.unbroken_until(Lsn{0x800000}, megabyte));
  CHECK_FALSE(wal.unbroken_until(Lsn{0xa00000 + 150}, megabyte));
}

}  // namespace wal_times_test
