#include "engine/wal/window.h"
#include "repository/names.h"
#include "repository/wal_archive.h"
#include "unit/repository/scratch_repository.h"

namespace wal_window_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

constexpr std::uint32_t megabyte = 1U << 20U;
constexpr std::uint64_t this_system = 7'000'000'000'000'000'001;

Time at(const std::string& clock) { return parse_time("2026-11-23T" + clock + "Z").value(); }
Lsn megabytes(std::uint64_t count, std::uint64_t more = 0) { return Lsn{count * megabyte + more}; }

// One cluster's backups and WAL, by their names and sizes alone.
class Story {
 public:
  // What follows is of that one.
  Story& of(std::uint64_t system) {
    system_ = system;
    return *this;
  }
  Story& record(const std::string& clock) {
    record_system(*scratch_, "prod", {system_, 170'002, 8192, megabyte, true, at(clock)});
    return *this;
  }
  Story& backup(const std::string& clock, Timeline timeline, Lsn start, Lsn stop) {
    BackupSummary summary;
    summary.id = BackupId::make(at(clock), BackupKind::full);
    summary.cluster = "prod";
    summary.system_identifier = system_;
    summary.server_version = 150'012;
    summary.started = at(clock);
    summary.finished = at(clock) + std::chrono::seconds(10);
    summary.start_lsn = start;
    summary.stop_lsn = stop;
    summary.timeline = timeline;
    summary.page_size = 8192;
    summary.wal_segment_size = megabyte;
    summary.relation_segment_blocks = 131'072;
    put_summary(*scratch_, summary);
    return *this;
  }
  Story& segments(Timeline timeline, std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t number = first; number <= last; ++number) {
      put({timeline, number, megabyte}, 0, megabyte);
    }
    return *this;
  }
  Story& tail(Timeline timeline, std::uint64_t number, std::uint32_t from, std::uint32_t to) {
    put({timeline, number, megabyte}, from, to - from);
    return *this;
  }
  Story& mark(Timeline timeline, Lsn lsn, const std::string& clock) {
    put_wal_time(*scratch_, "prod", system_, {timeline, lsn, at(clock)});
    return *this;
  }
  Story& promotion(Timeline old, Lsn lsn, Timeline timeline) {
    const std::string history = std::to_string(old) + "\t" + lsn.to_string() + "\tno recovery target specified\n";
    (void)put_history(*scratch_, {"prod", system_}, timeline, bytes_of(history));
    return *this;
  }
  [[nodiscard]] RecoveryWindow window() const { return compute_window(*scratch_, "prod"); }
  [[nodiscard]] std::vector<RecoveryWindow> windows() const { return compute_windows(*scratch_, "prod"); }

 private:
  void put(const WalSegment& segment, std::uint32_t from, std::uint64_t length) {
    const WalDescription description{
        .system_identifier = system_, .segment = segment, .from = from, .length = length, .major_version = 15, .digest = {}};
    (void)put_wal(
        *scratch_, "prod", description,
        [](std::uint64_t, MutableByteView out) { std::fill(out.begin(), out.end(), std::byte{7}); }, Compression{});
  }

  ScratchRepository scratch_{Repository::Sealing::none};
  std::uint64_t system_ = this_system;
};

}  // namespace

TEST_CASE("A window begins at the end of the first backup and ends with its WAL") {
  const auto window = Story().backup("02:00:00", 1, megabytes(3), megabytes(3, 4096)).segments(1, 3, 5).window();
  REQUIRE(window.spans.size() == 1);
  const RecoverySpan& span = window.spans.front();
  CHECK(span.timeline == 1);
  CHECK(span.from_lsn == megabytes(3, 4096));
  CHECK(span.from_time == at("02:00:11"));  // 02:00:10 and a fraction that the summary does not have
  CHECK(span.until_lsn == megabytes(6));
  CHECK(span.until_time == at("02:00:10"));
  CHECK(window.gaps.empty());
}

TEST_CASE("Time marks carry the window on as far as the WAL covers them") {
  Story story;
  story.backup("02:00:00", 1, megabytes(3), megabytes(3, 4096)).segments(1, 3, 4).tail(1, 5, 0, 8192).tail(1, 5, 8192, 20'000);
  story.mark(1, megabytes(4), "02:10:00").mark(1, megabytes(5, 20'000), "02:20:00").mark(1, megabytes(5, 20'001), "02:30:00");
  const auto window = story.window();
  REQUIRE(window.spans.size() == 1);
  CHECK(window.spans.front().until_lsn == megabytes(5, 20'000));
  CHECK(window.spans.front().until_time == at("02:20:00"));
}

TEST_CASE("A gap ends the window, and the next backup begins a new one") {
  Story story;
  story.backup("02:00:00", 1, megabytes(3), megabytes(3, 4096)).segments(1, 3, 4).segments(1, 6, 8);
  story.mark(1, megabytes(7), "02:20:00");
  auto window = story.window();
  REQUIRE(window.spans.size() == 1);
  CHECK(window.spans.front().until_lsn == megabytes(5));
  CHECK(window.spans.front().until_time == at("02:00:10"));
  REQUIRE(window.gaps.size() == 1);
  CHECK(window.gaps.front().from == megabytes(5));
  CHECK(window.gaps.front().until == megabytes(6));
  window = story.backup("03:00:00", 1, megabytes(7, 100), megabytes(7, 4096)).window();
  REQUIRE(window.spans.size() == 2);
  CHECK(window.spans.back().from_lsn == megabytes(7, 4096));
  CHECK(window.spans.back().until_lsn == megabytes(9));
}

TEST_CASE("A later backup joins a window that reaches it") {
  const auto window = Story()
                          .backup("02:00:00", 1, megabytes(3), megabytes(3, 4096))
                          .backup("03:00:00", 1, megabytes(5), megabytes(5, 4096))
                          .segments(1, 3, 5)
                          .window();
  REQUIRE(window.spans.size() == 1);
  REQUIRE(window.spans.front().backups.size() == 2);
  CHECK(window.spans.front().until_time == at("03:00:10"));
}

TEST_CASE("A backup without all of its own WAL is in no window") {
  const auto window = Story().backup("02:00:00", 1, megabytes(3), megabytes(5, 4096)).segments(1, 3, 4).window();
  CHECK(window.spans.empty());
  CHECK(window.latest_timeline() == 0);
}

TEST_CASE("A window goes on over a promotion, and the old timeline keeps its own") {
  Story story;
  story.backup("02:00:00", 1, megabytes(3), megabytes(3, 4096)).segments(1, 3, 5).tail(1, 6, 0, 60'000);
  story.promotion(1, megabytes(5, 500), 2).segments(2, 5, 8);
  story.mark(1, megabytes(6), "02:40:00").mark(2, megabytes(7), "02:30:00");
  const auto window = story.window();
  REQUIRE(window.spans.size() == 2);
  CHECK(window.spans[0].timeline == 1);
  CHECK(window.spans[0].until_lsn == megabytes(6, 60'000));
  CHECK(window.spans[0].until_time == at("02:40:00"));
  CHECK(window.spans[1].timeline == 2);
  CHECK(window.spans[1].until_lsn == megabytes(9));
  CHECK(window.spans[1].until_time == at("02:30:00"));  // what the old server wrote behind the fork says nothing here
  CHECK(window.latest_timeline() == 2);
}

TEST_CASE("A new timeline's first segment stands for the old one's last, and not the other way round") {
  Story story;
  story.backup("02:00:00", 1, megabytes(3), megabytes(3, 4096)).segments(1, 3, 4).promotion(1, megabytes(5, 500), 2);
  story.segments(2, 6, 8);
  CHECK(story.window().latest_timeline() == 1);
  const auto broken = story.window().spans_to(2);
  REQUIRE(broken.size() == 1);
  CHECK(broken.front().until_timeline == 1);
  CHECK(broken.front().until_lsn == megabytes(5));
  const auto window = story.segments(2, 5, 5).window();
  CHECK(window.latest_timeline() == 2);
  CHECK(window.spans.back().until_lsn == megabytes(9));
}

TEST_CASE("A backup of the old server behind the fork does not lead to the new timeline") {
  Story story;
  story.promotion(1, megabytes(5, 500), 2).segments(1, 3, 8).segments(2, 5, 8);
  story.backup("02:00:00", 1, megabytes(6), megabytes(6, 4096));
  const auto window = story.window();
  REQUIRE(window.spans.size() == 1);
  CHECK(window.spans.front().timeline == 1);
  CHECK(window.spans_to(2).empty());
}

TEST_CASE("Each system under a name has a window of its own, the present one's last") {
  constexpr std::uint64_t old_system = this_system + 1;
  Story story;
  story.of(old_system).backup("01:00:00", 1, megabytes(3), megabytes(3, 4096)).segments(1, 3, 9);
  story.mark(1, megabytes(9, 50), "01:45:00");
  story.of(this_system).backup("02:00:00", 1, megabytes(4), megabytes(4, 4096)).segments(1, 4, 5);
  const auto windows = story.windows();
  REQUIRE(windows.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const RecoveryWindow& window = windows[i];
    CHECK(window.system_identifier == (i == 0 ? old_system : this_system));
    REQUIRE(window.spans.size() == 1);
    REQUIRE(window.spans.front().backups.size() == 1);
    CHECK(window.spans.front().backups.front()->summary.system_identifier == window.system_identifier);
    CHECK(window.spans.front().until_lsn == megabytes(i == 0 ? 10 : 6));
  }
  CHECK(windows[0].spans.front().until_time == at("01:45:00"));
  CHECK(windows[1].spans.front().until_time == at("02:00:10"));
  CHECK(story.window().system_identifier == this_system);

  CHECK(choose_window(windows, std::nullopt) == 1);
  CHECK(choose_window(windows, at("02:30:00")) == 1);
  CHECK(choose_window(windows, at("02:00:05")) == 1);  // the old one was gone when the new one's first backup began
  CHECK(choose_window(windows, at("01:59:59")) == 0);
  CHECK(choose_window(windows, at("01:30:00")) == 0);
  CHECK(choose_window(windows, at("00:30:00")) == 1);  // neither; the present one's error tells
  CHECK(choose_window(windows, at("02:30:00"), BackupId::make(at("01:00:00"), BackupKind::full)) == 0);
  CHECK(choose_window(windows, at("02:30:00"), BackupId::make(at("03:00:00"), BackupKind::full)) == 1);

  // The server was taken back, and backed up.
  story.of(old_system).backup("03:00:00", 1, megabytes(9), megabytes(9, 4096));
  CHECK(story.window().system_identifier == old_system);
  CHECK(story.windows().front().system_identifier == this_system);
}

TEST_CASE("A system without a backup is the present one, and the one before is recovered") {
  Story story;
  story.of(this_system + 1).backup("01:00:00", 1, megabytes(3), megabytes(3, 4096)).segments(1, 3, 9);
  story.of(this_system).record("02:00:00").segments(1, 1, 2);
  const auto windows = story.windows();
  CHECK(story.window().system_identifier == this_system);
  CHECK(story.window().spans.empty());
  CHECK(choose_window(windows, std::nullopt) == 0);
}

TEST_CASE("A repository that knows nothing of a cluster has no window of it") {
  const auto window = Story().window();
  CHECK(window.spans.empty());
  CHECK(window.segment_size == 0);
}

}  // namespace wal_window_test
