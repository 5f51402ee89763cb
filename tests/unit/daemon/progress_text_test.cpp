#include "output/progress_text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "output/text.h"

namespace progress_text_test {

using namespace pgrecall;
using namespace std::chrono_literals;

namespace {
ProgressView half_way() {
  ProgressView view;
  view.at.phase = "copying";
  view.at.done = 1'000'000'000;
  view.at.total = 4'000'000'000;
  view.at.stored = 250'000'000;
  view.bytes_per_second = 500e6;
  view.elapsed = 2s;
  return view;
}
}  // namespace

TEST_CASE("the first rate is what was measured, later ones move slowly") {
  const RateEstimate::Moment start{};
  RateEstimate rate;
  rate.observe(0, start);
  CHECK(rate.bytes_per_second() == 0);
  rate.observe(100, start + 1s);
  CHECK(rate.bytes_per_second() == Approx(100));
  for (int second = 2; second <= 30; ++second) {
    rate.observe(static_cast<std::uint64_t>(second) * 100, start + std::chrono::seconds(second));
  }
  CHECK(rate.bytes_per_second() == Approx(100));
  rate.observe(3000, start + 31s);  // one second of nothing
  CHECK(rate.bytes_per_second() < 90);
  CHECK(rate.bytes_per_second() > 70);
  rate.observe(3000, start + 31s);  // no time passed: nothing to learn
  CHECK(rate.bytes_per_second() > 70);
}

TEST_CASE("percent is never 100 before the end, though the total is an estimate") {
  ProgressView view = half_way();
  CHECK(view.percent() == 25U);
  view.at.done = 3'999'999'999;
  CHECK(view.percent() == 99U);
  view.at.done = 5'000'000'000;
  CHECK(view.percent() == 99U);
  view.at.done = view.at.total;
  CHECK(view.percent() == 100U);
  view.at.total = 0;
  CHECK_FALSE(view.percent());
}

TEST_CASE("time left") {
  ProgressView view = half_way();
  CHECK(view.left() == 6s);
  view.bytes_per_second = 0;
  CHECK_FALSE(view.left());
  view.bytes_per_second = 1;  // centuries say nothing
  CHECK_FALSE(view.left());
  view = half_way();
  view.at.done = view.at.total + 1;
  CHECK_FALSE(view.left());
}

TEST_CASE("progress for logs and for terminals") {
  CHECK(format_progress_text(half_way()) == "copying: 1.00 GB of 4.00 GB, 25%, 500 MB/s, 6.0 s left, stored 250 MB");
  CHECK(format_progress_line(half_way(), 120) ==
        "copying  [=====>              ]  1.00 GB of 4.00 GB  25%  500 MB/s  6.0 s left  stored 250 MB");
  CHECK(format_progress_line(half_way(), 80) == "copying  1.00 GB of 4.00 GB  25%  500 MB/s  6.0 s left  stored 250 MB");
  CHECK(display_width(format_progress_line(half_way(), 30)) == 30);
}

TEST_CASE("a phase without bytes tells how long it has been") {
  ProgressView view;
  view.at.phase = "waiting for the checkpoint";
  view.elapsed = 3s;
  CHECK(format_progress_text(view) == "waiting for the checkpoint: 3.0 s");
}

TEST_CASE("progress as JSON is one line with the documented members") {
  const std::string line = format_progress_json(half_way());
  CHECK(line.find('\n') == std::string::npos);
  const auto progress = nlohmann::json::parse(line).at("progress");
  CHECK(progress.at("bytes_done") == 1'000'000'000);
  CHECK(progress.at("bytes_total") == 4'000'000'000);
  CHECK(progress.at("percent") == 25);
  CHECK(progress.at("seconds_left") == 6.0);
  CHECK(nlohmann::json::parse(format_progress_json({})).at("progress").at("percent").is_null());
}

}  // namespace progress_text_test
