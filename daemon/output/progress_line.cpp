#include "output/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

namespace pgrecall {

namespace {
using namespace std::chrono_literals;

constexpr auto look_every = 200ms;
constexpr auto quiet_at_first = 1s;  // what is over sooner needs no progress
constexpr auto json_every = 1s;
constexpr auto text_every = 10s;

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) {
    return 79;
  }
  return size.ws_col - 1U;  // the last column makes some terminals wrap
}
}  // namespace

ProgressLine::ProgressLine(const Progress& progress, Console& console)
    : progress_(progress),
      console_(console),
      terminal_(isatty(STDERR_FILENO) == 1 && !console.json()),
      started_(std::chrono::steady_clock::now()) {
  if (console_.shows_progress()) {
    thread_.emplace([this](const std::stop_token& stop) { run(stop); });
  }
}

ProgressLine::~ProgressLine() {
  if (thread_) {
    thread_->request_stop();
    thread_->join();
    if (terminal_) {
      console_.transient("");
    }
  }
}

void ProgressLine::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  // The predicate is never true: only the token ends the wait before its time.
  while (!wake_.wait_for(lock, stop, look_every, [&] { return stop.stop_requested(); })) {
    show(std::chrono::steady_clock::now());
  }
}

void ProgressLine::show(Moment now) {
  ProgressView view;
  view.at = progress_.snapshot();
  rate_.observe(view.at.done, now);
  view.bytes_per_second = rate_.bytes_per_second();
  view.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
  if (view.at.phase.empty()) {
    return;
  }
  if (!terminal_) {
    show_line(view, now);
  } else if (view.elapsed >= quiet_at_first) {
    console_.transient(format_progress_line(view, terminal_width()));
  }
}

void ProgressLine::show_line(const ProgressView& view, Moment now) {
  const auto every = console_.json() ? std::chrono::milliseconds(json_every) : std::chrono::milliseconds(text_every);
  const bool due = view.at.phase != shown_phase_ || !shown_at_ || now - *shown_at_ >= every;
  if (!due || (!console_.json() && view.elapsed < quiet_at_first)) {
    return;
  }
  shown_phase_ = view.at.phase;
  shown_at_ = now;
  console_.message(console_.json() ? format_progress_json(view) : format_progress_text(view));
}

}  // namespace pgrecall
