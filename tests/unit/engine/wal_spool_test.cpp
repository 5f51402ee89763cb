#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/all_zero.h"
#include "base/error.h"
#include "engine/wal/spool_writer.h"
#include "unit/io/temporary_directory.h"
#include "unit/postgres/wal_builder.h"

namespace wal_spool_test {

using namespace pgrecall;
using pgrecall::testing::built_segment_size;
using pgrecall::testing::built_system_identifier;
using pgrecall::testing::WalBuilder;

namespace {

const WalSegment first{1, 5, built_segment_size};

// More than a segment of WAL, from the start of `first` on.
std::string some_wal() {
  WalBuilder builder(first.start().value);
  while (builder.bytes.size() < built_segment_size + 300'000) {
    builder.add_heap(5000);
  }
  return builder.bytes;
}

struct Fixture {
  test::TemporaryDirectory directory;
  const std::string wal = some_wal();
  std::optional<WalSpool> spool;
  std::optional<ReceivedWal> received;
  std::optional<SpoolWriter> writer;

  Fixture() { restart(); }

  // As a new process would find things.
  void restart() {
    writer.reset();
    received.emplace();
    spool.emplace(directory / "spool", built_segment_size);
    writer.emplace(*spool, *received, built_system_identifier, 15);
    writer->recover();
  }
  void begin() { writer->go_on_at({.timeline = 1, .lsn = first.start()}); }
  void write(std::size_t from, std::size_t to) {
    writer->write(Lsn{first.start().value + from}, bytes_of(std::string_view(wal).substr(from, to - from)));
  }
  [[nodiscard]] std::uint64_t offset(Lsn lsn) const { return lsn.value - first.start().value; }
  [[nodiscard]] std::string partial() const { return spool->partial_path_of(first); }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "What is written is durable once it is synced, and not before") {
  begin();
  write(0, 10'000);
  CHECK_FALSE(writer->durable().valid());
  CHECK(writer->unsynced() == 10'000);
  writer->sync();
  CHECK(offset(writer->durable()) == 10'000);
  CHECK(received->durable() == writer->durable());
  write(10'000, 10'001);
  CHECK(offset(writer->durable()) == 10'000);
}

TEST_CASE_METHOD(Fixture, "A segment that is complete is synced, renamed and handed on; the next one begins") {
  begin();
  write(0, wal.size());
  CHECK(offset(writer->durable()) == built_segment_size);
  CHECK(std::filesystem::exists(spool->path_of(first)));
  const auto item = received->take();
  REQUIRE(item);
  CHECK(item->kind == SpoolItem::Kind::segment);
  CHECK(item->segment == first);
  CHECK(spool->used() == wal.size());
  spool->remove(spool->path_of(first));
  CHECK(spool->used() == wal.size() - built_segment_size);
}

TEST_CASE_METHOD(Fixture, "The end of a segment is durable only once its name says so, and nothing goes on before") {
  begin();
  write(0, built_segment_size - 1);
  writer->sync();
  const std::string in_the_way = spool->path_of(first) + "/x";
  std::filesystem::create_directories(in_the_way);
  CHECK_THROWS_AS(write(built_segment_size - 1, built_segment_size), Error);
  writer->sync();
  CHECK(offset(writer->durable()) == built_segment_size - 1);
  CHECK_THROWS_AS(writer->fall_back(), Error);
  CHECK_THROWS_AS(writer->fall_back(), Error);
  CHECK(offset(writer->durable()) == built_segment_size - 1);
  std::filesystem::remove_all(spool->path_of(first));
  writer->fall_back();
  CHECK(offset(writer->durable()) == built_segment_size);
  CHECK(offset(writer->position()->lsn) == built_segment_size);
  REQUIRE(received->take()->segment == first);
  CHECK_FALSE(std::filesystem::exists(partial()));
  writer->go_on_at(*writer->position());
  write(built_segment_size, wal.size());
}

TEST_CASE_METHOD(Fixture, "A whole segment under its partial name is whole when the next one is there") {
  begin();
  write(0, wal.size());
  writer->sync();
  std::filesystem::rename(spool->path_of(first), partial());
  restart();
  const auto item = received->take();
  REQUIRE(item);
  CHECK(item->kind == SpoolItem::Kind::segment);
  CHECK(item->segment == first);
  CHECK(std::filesystem::exists(spool->path_of(first)));
  CHECK(writer->position()->lsn > first.end());
}

TEST_CASE_METHOD(Fixture, "What is no WAL of this system is set aside, and the rest goes on") {
  begin();
  write(0, wal.size());
  writer->sync();
  const auto put = [](const std::string& path, const std::string& content) { std::ofstream(path) << content; };
  const WalSegment far{1, 0xFF, built_segment_size};
  put(spool->path_of(far), std::string(built_segment_size, 'x'));
  put(spool->path_of(WalSegment{1, 2, built_segment_size}), "abc");
  put(spool->partial_path_of(WalSegment{1, 0xFE, built_segment_size}), std::string(9000, 'x'));
  restart();
  CHECK(writer->set_aside().size() == 3);
  CHECK(spool->used() == wal.size());
  for (const auto& file : writer->set_aside()) {
    CHECK(std::filesystem::exists(file.path));
    CHECK_FALSE(file.why.empty());
  }
  CHECK(writer->position()->lsn > first.end());
  CHECK(writer->position()->lsn.value <= first.start().value + wal.size());
  restart();
  CHECK(writer->set_aside().empty());
}

TEST_CASE_METHOD(Fixture, "A new process goes on behind the last record that is whole") {
  begin();
  write(0, 40'000);
  restart();
  const std::uint64_t goes_on = offset(writer->position()->lsn);
  CHECK(goes_on > 40'000 - 8192);
  CHECK(goes_on <= 40'000);
  CHECK(writer->durable() == writer->position()->lsn);
  writer->go_on_at(*writer->position());
  write(goes_on, built_segment_size);
  CHECK(read_file(spool->path_of(first), UINT32_MAX) == Bytes(bytes_of(wal).begin(), bytes_of(wal).begin() + built_segment_size));
}

TEST_CASE_METHOD(Fixture, "Small pieces have zeros ahead of them, which are no WAL and never make a file look whole") {
  begin();
  std::uint64_t growths = 0;
  std::uint64_t size = 0;
  for (std::uint64_t at = 0; at < built_segment_size - 1; at += 8192) {
    write(at, std::min<std::uint64_t>(at + 8192, built_segment_size - 1));
    writer->sync();
    CHECK(offset(writer->durable()) == std::min<std::uint64_t>(at + 8192, built_segment_size - 1));
    const std::uint64_t now = std::filesystem::file_size(partial());
    growths += now > size ? 1U : 0U;
    size = now;
    CHECK(spool->used() == size);
    CHECK(size < built_segment_size);
  }
  CHECK(growths < built_segment_size / 8192 / 4);
  restart();
  CHECK(spool->used() == size);
  CHECK(offset(writer->position()->lsn) > built_segment_size - 2 * 8192);
  writer->go_on_at(*writer->position());
  write(offset(writer->position()->lsn), built_segment_size);
  CHECK(read_file(spool->path_of(first), UINT32_MAX) == Bytes(bytes_of(wal).begin(), bytes_of(wal).begin() + built_segment_size));
  CHECK(spool->used() == built_segment_size);
}

TEST_CASE_METHOD(Fixture, "Zeros ahead of the WAL are not handed on where another process goes on") {
  begin();
  write(0, 10'000);
  writer->sync();
  CHECK(std::filesystem::file_size(partial()) > 100'000);
  restart();
  CHECK(offset(writer->position()->lsn) <= 10'000);
  CHECK(offset(writer->position()->lsn) > 10'000 - 8192);
}

TEST_CASE_METHOD(Fixture, "Bytes that a power loss left behind the WAL do not count, and are not cut off with it") {
  begin();
  write(0, 40'000);
  writer->sync();
  std::filesystem::resize_file(partial(), 200'000);  // zeros where nothing was written
  restart();
  CHECK(offset(writer->position()->lsn) <= 40'000);
  CHECK(std::filesystem::file_size(partial()) == 200'000);
  writer->go_on_at(*writer->position());
  write(offset(writer->position()->lsn), 60'000);
  writer->sync();
  CHECK(offset(writer->durable()) == 60'000);
}

TEST_CASE_METHOD(Fixture, "A page of another place is refused, and what came before it stays") {
  begin();
  write(0, 8192);
  writer->sync();
  CHECK_THROWS_AS(writer->write(Lsn{first.start().value + 8192}, bytes_of(std::string_view(wal).substr(16'384, 8192))), Error);
  writer->fall_back();
  CHECK(offset(writer->position()->lsn) == 8192);
  CHECK(std::filesystem::file_size(partial()) == 8192);
  writer->go_on_at(*writer->position());
  write(8192, 20'000);
  writer->sync();
  CHECK(offset(writer->durable()) == 20'000);
}

TEST_CASE_METHOD(Fixture, "Falling back keeps what is synced and drops what is not") {
  begin();
  write(0, 10'000);
  writer->sync();
  write(10'000, 30'000);
  writer->fall_back();
  CHECK(offset(writer->position()->lsn) == 10'000);
  CHECK(std::filesystem::file_size(partial()) == 10'000);
  CHECK(spool->used() == 10'000);
}

TEST_CASE_METHOD(Fixture, "A partial segment that is not gone on with is handed on as it is") {
  begin();
  write(0, 30'000);
  writer->go_on_at({.timeline = 2, .lsn = first.start()});
  const auto item = received->take();
  REQUIRE(item);
  CHECK(item->kind == SpoolItem::Kind::rest);
  CHECK(item->length == 30'000);
  CHECK_FALSE(writer->durable().valid());
}

TEST_CASE_METHOD(Fixture, "WAL that comes again is written over itself") {
  begin();
  write(0, 30'000);
  writer->sync();
  writer->go_on_at({.timeline = 1, .lsn = first.start()});
  write(0, 35'000);
  writer->sync();
  CHECK(offset(writer->durable()) == 35'000);
  const Bytes file = read_file(partial(), UINT32_MAX);
  CHECK(std::ranges::equal(ByteView(file).first(35'000), bytes_of(wal).first(35'000)));
  CHECK(all_zero(ByteView(file).subspan(35'000)));
}

TEST_CASE_METHOD(Fixture, "One process has the spool") {
  const SpoolLock mine(directory / "spool");
  try {
    const SpoolLock other(directory / "spool");
    FAIL("two receivers in one spool");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::held);
  }
}

TEST_CASE("The repository's WAL ends where the first segment is missing, whichever was stored first") {
  ReceivedWal received;
  received.begin(first, ReceivedWal::Tails::none_yet);
  CHECK(received.stored_until() == first.start());
  received.complete(first);
  received.begin(first.next(), ReceivedWal::Tails::none_yet);
  received.complete(first.next());
  const auto one = received.take();
  const auto two = received.take();
  REQUIRE(one);
  REQUIRE(two);
  received.stored(*two);
  CHECK(received.stored_until() == first.start());
  received.stored(*one);
  CHECK(received.stored_until() == first.next().end());
}

TEST_CASE("Tails count as stored, also while their segment waits to be stored as a whole") {
  ReceivedWal received;
  received.begin(first, ReceivedWal::Tails::none_yet);
  const Lsn tail{first.start().value + 5000};
  received.tail_stored(first, tail);
  CHECK(received.stored_until() == tail);
  received.complete(first);
  CHECK(received.stored_until() == tail);
}

TEST_CASE("While WAL of an older timeline waits, nothing of the new one is in the repository") {
  ReceivedWal received;
  received.begin(first, ReceivedWal::Tails::none_yet);
  received.give_up(first, 5000);
  received.begin({2, first.number, first.size}, ReceivedWal::Tails::none_yet);
  CHECK_FALSE(received.stored_until().valid());
  const auto rest = received.take();
  REQUIRE(rest);
  received.stored(*rest);
  CHECK(received.stored_until() == first.start());
}

TEST_CASE("A time counts once the repository has the WAL up to its position") {
  using namespace std::chrono_literals;
  ReceivedWal received;
  received.begin(first, ReceivedWal::Tails::none_yet);
  const Time noon{std::chrono::hours(500'000)};
  const auto at = [](std::uint64_t offset) { return Lsn{first.start().value + offset}; };
  received.add_time({.timeline = 1, .lsn = at(1000), .time = noon});
  received.add_time({.timeline = 1, .lsn = at(2000), .time = noon + 1s});
  received.add_time({.timeline = 1, .lsn = at(9000), .time = noon + 2s});
  CHECK_FALSE(received.take_time());
  received.set_durable(at(2000));
  CHECK(received.durable_time() == noon + 1s);
  received.tail_stored(first, at(2500));
  REQUIRE(received.take_time());
  received.tail_stored(first, at(9000));
  CHECK(received.take_time() == WalTime{.timeline = 1, .lsn = at(9000), .time = noon + 2s});
  received.add_time({.timeline = 1, .lsn = at(9000), .time = noon + 60s});  // idle
  CHECK(received.take_time() == WalTime{.timeline = 1, .lsn = at(9000), .time = noon + 60s});
}

}  // namespace wal_spool_test
