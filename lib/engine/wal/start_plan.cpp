#include "engine/wal/start_plan.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

namespace {

Lsn segment_start(const StreamSituation& situation, Lsn lsn) { return Lsn{lsn.value - lsn.value % situation.segment_size}; }

// The timeline that follows `ancestor` on the way to the server's.
Timeline successor(const TimelineHistory& history, Timeline ancestor) {
  for (const TimelineSwitch& one : history.ancestors) {
    if (one.timeline > ancestor) {
      return one.timeline;
    }
  }
  return history.timeline;
}

}  // namespace

StreamStart plan_fresh_stream(const StreamSituation& situation) {
  const Lsn start = segment_start(situation, situation.oldest_on_server);
  return {.timeline = situation.history.timeline_at(situation.oldest_on_server), .lsn = start, .lost = std::nullopt};
}

StreamStart plan_stream(const StreamSituation& situation) {
  if (situation.held.empty()) {
    return plan_fresh_stream(situation);
  }
  const auto& [newest, newest_end] = *situation.held.rbegin();
  if (newest > situation.server_timeline) {
    throw Error(ErrorKind::database_unreachable, "the server is on an older timeline than the WAL that was received",
                "it was replaced by another primary: name that one in the connection, or all of them with "
                "target_session_attrs=primary")
        .with("server", situation.server_timeline)
        .with("received", newest)
        .mark_passing();
  }
  for (auto held = situation.held.rbegin(); held != situation.held.rend(); ++held) {
    const auto& [timeline, end] = *held;
    if (!situation.history.descends_from(timeline)) {
      continue;
    }
    StreamStart start{.timeline = timeline, .lsn = end, .lost = std::nullopt};
    const Lsn left = situation.history.end_of(timeline);
    if (left.valid() && left < end) {
      start.timeline = successor(situation.history, timeline);
      start.lsn = segment_start(situation, left);
    }
    if (timeline != newest) {
      start.lost = StreamStart::Lost{.timeline = newest, .from = {}, .until = newest_end};
    } else if (left.valid() && left < end) {
      start.lost = StreamStart::Lost{.timeline = timeline, .from = left, .until = end};
    }
    return start;
  }
  StreamStart start = plan_fresh_stream(situation);
  start.lost = StreamStart::Lost{.timeline = newest, .from = {}, .until = newest_end};
  return start;
}

}  // namespace pgrecall
