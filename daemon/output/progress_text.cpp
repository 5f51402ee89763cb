#include "output/progress_text.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/units.h"
#include "output/text.h"

namespace pgrecall {

namespace {
constexpr std::chrono::duration<double> smoothing{5.0};

std::vector<std::string> parts_of(const ProgressView& view) {
  std::vector<std::string> parts;
  const Progress::Snapshot& at = view.at;
  if (at.done > 0 || at.total > 0) {
    parts.push_back(at.total > 0 ? format_size(at.done) + " of " + format_size(std::max(at.total, at.done))
                                 : format_size(at.done));
  }
  if (const auto percent = view.percent()) {
    parts.push_back(std::to_string(*percent) + "%");
  }
  if (view.bytes_per_second >= 1) {
    parts.push_back(format_rate(view.bytes_per_second));
  }
  if (const auto left = view.left()) {
    parts.push_back(format_duration(*left) + " left");
  }
  if (at.stored > 0) {
    parts.push_back("stored " + format_size(at.stored));
  }
  if (parts.empty()) {
    parts.push_back(format_duration(view.elapsed));
  }
  return parts;
}

std::string join(const std::string& head, const std::vector<std::string>& parts, std::string_view after_head,
                 std::string_view between) {
  std::string out = head;
  std::string_view separator = after_head;
  for (const std::string& part : parts) {
    out.append(separator).append(part);
    separator = between;
  }
  return out;
}

std::string bar(unsigned percent) {
  constexpr std::size_t cells = 20;
  const std::size_t full = percent * cells / 100;
  return "[" + std::string(full, '=') + (full < cells ? ">" : "") + std::string(full < cells ? cells - full - 1 : 0, ' ') + "]";
}
}  // namespace

void RateEstimate::observe(std::uint64_t done, Moment now) {
  if (last_ && now > *last_ && done >= last_done_) {
    const std::chrono::duration<double> step = now - *last_;
    observed_ += step;
    const double current = static_cast<double>(done - last_done_) / step.count();
    // The mean over all that was seen at first, later a moving one: a start from zero would show too little for long.
    const double weight = 1 - std::exp(-step / std::min(smoothing, observed_));
    rate_ = observed_ == step ? current : rate_ + weight * (current - rate_);
  }
  if (!last_ || now > *last_) {
    last_ = now;
    last_done_ = done;
  }
}

std::optional<unsigned> ProgressView::percent() const noexcept {
  if (at.total == 0) {
    return std::nullopt;
  }
  if (at.done == at.total) {
    return 100;
  }
  const double fraction = static_cast<double>(at.done) / static_cast<double>(at.total);
  return std::min(99U, static_cast<unsigned>(std::min(fraction, 1.0) * 100));
}

std::optional<std::chrono::milliseconds> ProgressView::left() const noexcept {
  if (at.total <= at.done || bytes_per_second < 1 || elapsed < std::chrono::seconds(1)) {
    return std::nullopt;
  }
  const double seconds = static_cast<double>(at.total - at.done) / bytes_per_second;
  constexpr double longest = 100.0 * 24 * 3600;  // beyond this it says nothing, and would overflow at last
  if (seconds > longest) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

std::string format_progress_line(const ProgressView& view, std::size_t width) {
  std::string head = printable(view.at.phase);
  const auto parts = parts_of(view);
  if (const auto percent = view.percent()) {
    const std::string with_bar = join(head + "  " + bar(*percent), parts, "  ", "  ");
    if (display_width(with_bar) <= width) {
      return with_bar;
    }
  }
  return shorten(join(head, parts, "  ", "  "), width);
}

std::string format_progress_text(const ProgressView& view) { return join(printable(view.at.phase), parts_of(view), ": ", ", "); }

std::string format_progress_json(const ProgressView& view) {
  nlohmann::ordered_json progress;
  progress["phase"] = view.at.phase;
  progress["bytes_done"] = view.at.done;
  progress["bytes_total"] = view.at.total;
  progress["bytes_stored"] = view.at.stored;
  progress["files_done"] = view.at.files;
  progress["bytes_per_second"] = static_cast<std::uint64_t>(std::max(0.0, view.bytes_per_second));
  progress["percent"] = nullptr;
  if (const auto percent = view.percent()) {
    progress["percent"] = *percent;
  }
  progress["seconds_elapsed"] = static_cast<double>(view.elapsed.count()) / 1000;
  progress["seconds_left"] = nullptr;
  if (const auto left = view.left()) {
    progress["seconds_left"] = static_cast<double>(left->count()) / 1000;
  }
  return nlohmann::ordered_json{{"progress", progress}}.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace pgrecall
