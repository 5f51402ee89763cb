#include "postgres/timeline_history.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "postgres/decimal.h"

namespace pgrecall {

namespace {

constexpr std::string_view blanks = " \t\r\v\f";

std::string_view trim_front(std::string_view text) { return text.substr(std::min(text.find_first_not_of(blanks), text.size())); }

// Up to the next blank; `text` loses it and the blanks behind it.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text = trim_front(text.substr(word.size()));
  return word;
}

TimelineSwitch parse_line(std::string_view line) {
  const auto timeline = parse_decimal<Timeline>(take_word(line));
  const auto lsn = Lsn::parse(take_word(line));
  if (!timeline || *timeline == 0 || !lsn || !lsn->valid()) {
    throw Error(ErrorKind::corruption, "malformed line in a timeline history");
  }
  while (!line.empty() && blanks.find(line.back()) != std::string_view::npos) {
    line.remove_suffix(1);
  }
  return {*timeline, *lsn, std::string(line)};
}

// A history that turns back would send whoever follows it round in circles. The positions may well turn back: recovery that
// follows timeline 2 but stops before 2 began still makes 2 the parent of the new timeline.
void verify_order(const TimelineHistory& history, const TimelineSwitch& next) {
  const bool rises = history.ancestors.empty() || next.timeline > history.ancestors.back().timeline;
  if (!rises || next.timeline >= history.timeline) {
    throw Error(ErrorKind::corruption, "timeline history out of order").with("timeline", next.timeline);
  }
}

}  // namespace

Timeline TimelineHistory::timeline_at(Lsn lsn) const noexcept {
  // Newest first: a timeline that ended before it began (see verify_order) then never matches.
  Timeline present = timeline;
  for (auto ancestor = ancestors.rbegin(); ancestor != ancestors.rend(); ++ancestor) {
    if (lsn >= ancestor->switch_lsn) {
      break;
    }
    present = ancestor->timeline;
  }
  return present;
}

Lsn TimelineHistory::end_of(Timeline ancestor) const noexcept {
  for (const TimelineSwitch& one : ancestors) {
    if (one.timeline == ancestor) {
      return one.switch_lsn;
    }
  }
  return Lsn{};
}

bool TimelineHistory::descends_from(Timeline ancestor) const noexcept { return ancestor == timeline || end_of(ancestor).valid(); }

TimelineHistory parse_timeline_history(Timeline timeline, std::string_view text) {
  TimelineHistory history{timeline, {}};
  for (std::uint64_t number = 1; !text.empty(); ++number) {
    const std::size_t newline = text.find('\n');
    const std::string_view line = trim_front(text.substr(0, newline));
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    if (line.empty() || line.front() == '#') {
      continue;
    }
    try {
      TimelineSwitch next = parse_line(line);
      verify_order(history, next);
      history.ancestors.push_back(std::move(next));
    } catch (Error& error) {
      throw std::move(error).with("file", timeline_history_name(timeline)).with("line", number);
    }
  }
  return history;
}

std::string timeline_history_name(Timeline timeline) { return timeline_name(timeline) + ".history"; }

}  // namespace pgrecall
