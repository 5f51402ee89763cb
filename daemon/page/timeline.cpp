#include "page/timeline.h"

#include <algorithm>
#include <array>
#include <vector>

namespace pgrecall {

namespace {
using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_seconds;
using std::chrono::microseconds;

// Pixels, from the top.
constexpr int backups_bottom = 24;
constexpr int bar_top = 28;
constexpr int bar_height = 18;
constexpr int axis_top = bar_top + bar_height;
constexpr int label_baseline = axis_top + 19;

constexpr double promised_room = 1.12;  // how much more than what is promised is drawn
constexpr double most_room = 1.6;       // the same, where more can be recovered
constexpr auto shortest_axis = hours(6);
constexpr auto axis_without_promise = days(7);
constexpr double narrowest_percent = 0.4;  // what is shorter would not be seen

class Axis {
 public:
  Axis(const ClusterFigures& cluster, Time now) : end_(now) {
    const auto promised = microseconds(static_cast<std::int64_t>(cluster.targets.window_seconds * 1e6));
    microseconds length = promised.count() == 0 ? microseconds(axis_without_promise) : stretched(promised, promised_room);
    if (cluster.recoverable_from && now - *cluster.recoverable_from > length && promised.count() != 0) {
      length = std::min(stretched(promised, most_room), stretched(now - *cluster.recoverable_from, 1.03));
    }
    begin_ = now - std::max<microseconds>(length, shortest_axis);
  }

  [[nodiscard]] Time begin() const noexcept { return begin_; }
  [[nodiscard]] Time end() const noexcept { return end_; }
  [[nodiscard]] double length_seconds() const { return seconds_between(begin_, end_); }
  // Of the width; what lies outside is moved to the ends.
  [[nodiscard]] double percent(Time time) const {
    return 100 * std::clamp(seconds_between(begin_, time) / length_seconds(), 0.0, 1.0);
  }

 private:
  static microseconds stretched(microseconds length, double by) {
    return microseconds(static_cast<std::int64_t>(static_cast<double>(length.count()) * by));
  }
  Time begin_{};
  Time end_{};
};

Time promised_from(const ClusterFigures& cluster, Time now) {
  return now - microseconds(static_cast<std::int64_t>(cluster.targets.window_seconds * 1e6));
}

Html bar(const Axis& axis, Time from, Time until, const char* kind, const std::string& title) {
  const double left = axis.percent(from);
  const double width = std::max(narrowest_percent, axis.percent(until) - left);
  return html(R"(<rect class="{}" x="{:.2f}%" y="{}" width="{:.2f}%" height="{}" rx="3"><title>{}</title></rect>)", kind,
              std::min(left, 100 - width), bar_top, width, bar_height, title);
}

std::vector<SpanFigures> spans_of(const ClusterFigures& cluster) {
  if (!cluster.spans.empty() || !cluster.recoverable_from || !cluster.recoverable_until) {
    return cluster.spans;
  }
  return {{*cluster.recoverable_from, *cluster.recoverable_until}};
}

Html spans(const ClusterFigures& cluster, const Axis& axis, const Moments& moments, const std::string& missing) {
  Html drawn;
  std::optional<Time> before;
  for (const SpanFigures& span : spans_of(cluster)) {
    if (before && span.from > *before && span.from > axis.begin()) {
      drawn += bar(axis, std::max(*before, axis.begin()), span.from, missing.c_str(),
                   "No recovery to a moment between " + moments.both(*before) + " and " + moments.both(span.from));
    }
    before = before ? std::max(*before, span.until) : span.until;
    if (span.until > axis.begin()) {
      drawn += bar(axis, span.from, span.until, "real",
                   "Recoverable from " + moments.both(span.from) + " until " + moments.both(span.until));
    }
  }
  return drawn;
}

int height_of(const std::string& keep) { return keep == "monthly" ? 18 : (keep == "weekly" ? 13 : 8); }

Html backups(const ClusterFigures& cluster, const Axis& axis, const Moments& moments) {
  Html drawn;
  for (const BackupFigures& backup : cluster.backups) {
    if (backup.finished < axis.begin()) {
      continue;
    }
    const bool bad = backup.damaged || backup.page_failures > 0;
    const std::string title =
        fmt::format("{} backup of {}{}", backup.keep, moments.both(backup.finished), bad ? ", damaged" : "");
    const int height = height_of(backup.keep);
    const double left = axis.percent(backup.finished);
    drawn +=
        html(R"x(<g><title>{}</title><rect class="reach" x="{:.2f}%" y="2" width="12" height="{}" transform="translate(-6)"/>)x",
             title, left, backups_bottom);
    drawn += html(R"x(<rect class="{}" x="{:.2f}%" y="{}" width="3" height="{}" rx="1.5" transform="translate(-1.5)"/></g>)x",
                  bad ? "tick damaged" : "tick", left, backups_bottom - height, height);
  }
  return drawn;
}

struct Label {
  Time time{};
  std::string text;
};

std::string text_of(local_seconds local, std::chrono::seconds step) {
  static constexpr std::array<const char*, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<days>(local);
  const std::chrono::year_month_day date(day);
  if (step < days(1)) {
    const std::chrono::hh_mm_ss<std::chrono::seconds> of_day(local - day);
    return fmt::format("{:02}:{:02}", of_day.hours().count(), of_day.minutes().count());
  }
  if (step <= days(2)) {
    return fmt::format("{} {}", weekdays.at(std::chrono::weekday(day).c_encoding()), static_cast<unsigned>(date.day()));
  }
  return fmt::format("{} {}", static_cast<unsigned>(date.day()), months.at(static_cast<unsigned>(date.month()) - 1));
}

// Round times of the zone's clock, at most eight.
std::vector<Label> labels(const Axis& axis, const TimeZone& zone) {
  static constexpr std::array<std::int64_t, 13> steps_hours{1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 744, 1464, 2952};
  constexpr double most_labels = 8;
  const auto found = std::ranges::find_if(
      steps_hours, [&](std::int64_t each) { return axis.length_seconds() / (3600 * static_cast<double>(each)) <= most_labels; });
  const std::chrono::seconds step = hours(found == steps_hours.end() ? 366 * 24 : *found);
  std::vector<Label> found_labels;
  local_seconds local = std::chrono::floor<days>(zone.local(axis.begin()));
  while (true) {
    local += step;
    const Time time = zone.meaning(local).first;
    if (time >= axis.end()) {
      return found_labels;
    }
    if (time > axis.begin()) {
      found_labels.push_back({time, text_of(local, step)});
    }
  }
}

Html scale(const Axis& axis, const Moments& moments) {
  constexpr double near_edge_percent = 6;
  Html drawn;
  const std::vector<Label> all = labels(axis, moments.zone());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double left = axis.percent(all[i].time);
    drawn += html(R"(<line class="mark" x1="{:.2f}%" x2="{:.2f}%" y1="{}" y2="{}"/>)", left, left, bar_top, axis_top + 5);
    if (left > near_edge_percent && left < 100 - near_edge_percent) {
      drawn += html(R"(<text class="{}" x="{:.2f}%" y="{}">{}</text>)", (all.size() - i) % 2 == 0 ? "day" : "day alt", left,
                    label_baseline, all[i].text);
    }
  }
  drawn += html(R"(<text class="now" x="100%" y="{}">now</text>)", label_baseline);
  return drawn;
}

// Where what is promised begins: seen on what is drawn over it, too.
Html promise_mark(const ClusterFigures& cluster, const Axis& axis) {
  if (cluster.targets.window_seconds <= 0) {
    return {};
  }
  const double left = axis.percent(promised_from(cluster, axis.end()));
  return html(R"(<line class="promise" x1="{:.2f}%" x2="{:.2f}%" y1="{}" y2="{}"><title>Promised: {}</title></line>)", left, left,
              bar_top - 3, axis_top + 3, rough_span(cluster.targets.window_seconds));
}

std::string description(const ClusterFigures& cluster, const Moments& moments) {
  if (!cluster.recoverable_from || !cluster.recoverable_until) {
    return "Recovery window: unknown";
  }
  return "Recoverable from " + moments.both(*cluster.recoverable_from) + " until " + moments.both(*cluster.recoverable_until);
}
}  // namespace

Html timeline_svg(const ClusterFigures& cluster, const Moments& moments, Freshness freshness) {
  const Axis axis(cluster, moments.now());
  const std::string missing = "missing";
  Html svg = html(R"(<svg class="timeline{}" width="100%" height="{}" role="img" aria-label="{}">)",
                  freshness == Freshness::stale ? " stale" : "", label_baseline + 5, description(cluster, moments));
  svg += html(R"(<rect class="ground" x="0" y="{}" width="100%" height="{}" rx="3"/>)", bar_top, bar_height);
  if (cluster.targets.window_seconds > 0) {
    svg += bar(axis, promised_from(cluster, moments.now()), moments.now(), "promised",
               "Promised: " + rough_span(cluster.targets.window_seconds));
  }
  svg += spans(cluster, axis, moments, missing);
  svg += promise_mark(cluster, axis);
  svg += backups(cluster, axis, moments);
  svg += scale(axis, moments);
  svg.text += "</svg>";
  return svg;
}

}  // namespace pgrecall
