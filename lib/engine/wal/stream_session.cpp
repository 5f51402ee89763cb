#include "engine/wal/stream_session.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "postgres/timeline_history.h"
#include "repository/wal_inventory.h"

namespace pgrecall {

namespace {

constexpr std::chrono::seconds farewell_limit{2};

// While it lives, the stream is told whenever the repository has more.
class StoredNotice {
 public:
  StoredNotice(ReceivedWal& received, WalStream& stream) : received_(received) {
    received_.on_stored([&stream] { stream.durable_position_advanced(); });
  }
  ~StoredNotice() { received_.on_stored({}); }
  StoredNotice(const StoredNotice&) = delete;
  StoredNotice& operator=(const StoredNotice&) = delete;

 private:
  ReceivedWal& received_;
};

constexpr std::uint64_t compared_before_start = 256U << 10U;  // bytes

std::string range_text(Lsn from, Lsn until) { return from.to_string() + " to " + until.to_string(); }

}  // namespace

StreamSession::StreamSession(Connection& connection, const ServerInfo& server, const Repository& repository,
                             const WalReceptionOptions& options, WalPipeline& pipeline, StoreHealth& health, WalEvents& events,
                             WalStatusBoard& board, std::function<void()> on_progress)
    : connection_(connection),
      server_(server),
      repository_(repository),
      options_(options),
      pipeline_(pipeline),
      health_(health),
      events_(events),
      board_(board),
      on_progress_(std::move(on_progress)) {}

void StreamSession::tell(WalEventKind kind, std::string text, std::string hint, Timeline timeline, Lsn from, Lsn until) {
  events_.on_event(
      {.kind = kind, .text = std::move(text), .hint = std::move(hint), .timeline = timeline, .from = from, .until = until});
}

StreamSession::End StreamSession::run(Start mode) {
  const auto slot = ensure_slot(mode);
  const TimelineHistory history = fetch_history(server_.identity.timeline);
  const StreamSituation situation = look_around(slot, history);
  const StreamStart start = mode == Start::fresh ? plan_fresh_stream(situation) : plan_stream(situation);
  if (mode == Start::fresh) {
    report_gap(slot, situation, start);
  }
  if (start.lost) {
    report_lost(*start.lost);
  }
  Timeline timeline = start.timeline;
  Lsn lsn = start.lsn;
  const auto& position = pipeline_.writer().position();
  Lsn parted = position ? history.end_of(position->timeline) : Lsn{};
  while (true) {
    go_on_at(timeline, lsn, parted);
    const WalStreamOutcome outcome = stream(timeline, lsn);
    if (outcome.end != WalStreamEnd::timeline_ended) {
      return outcome.end == WalStreamEnd::reached_end ? End::no_room : End::server_shutdown;
    }
    static_cast<void>(fetch_history(outcome.next->timeline));
    timeline = outcome.next->timeline;
    parted = outcome.next->lsn;
    lsn = Lsn{outcome.next->lsn.value - outcome.next->lsn.value % server_.wal_segment_size};
  }
}

std::optional<ReplicationSlot> StreamSession::ensure_slot(Start start) {
  std::optional<ReplicationSlot> slot;
  const bool can_read = can_read_slots(connection_);
  if (can_read) {
    slot = read_physical_slot(connection_, options_.slot);
  }
  const bool was_missing = can_read && !slot;
  // On a server that has removed WAL we need, a slot that does not tell where it keeps WAL from was cut off too; and one that
  // stands where we broke off keeps nothing: a slot goes to where we say that we are, also backwards, and we may have said so
  // before the server found that WAL gone.
  if ((slot && slot->lost()) || (start == Start::fresh && (!can_read || (slot && !keeps_more_than_refused(*slot))))) {
    drop_slot(connection_, options_.slot);
    slot.reset();
    tell(WalEventKind::slot_lost, "the server has cut the replication slot " + options_.slot + " off; it is made anew",
         "raise max_slot_wal_keep_size, or find out why WAL was not received for so long");
  }
  if (!slot && create_physical_slot(connection_, options_.slot) == SlotMade::made) {
    tell_slot_made(was_missing);
  }
  return can_read ? read_physical_slot(connection_, options_.slot) : std::nullopt;
}

// PostgreSQL does not start with wal_level minimal while there is a physical slot: so a slot that somebody has dropped on the
// server we know may be the only trace of that.
void StreamSession::tell_slot_made(bool was_missing) {
  const auto& position = pipeline_.writer().position();
  if (was_missing && position && position->timeline == server_.identity.timeline) {
    tell(
        WalEventKind::slot_made, "the replication slot " + options_.slot + " was gone; it is made anew",
        "if wal_level was minimal meanwhile, recovery cannot pass that; take a backup then: pgrecall backup " + options_.cluster);
  } else {
    tell(WalEventKind::slot_made, "made the replication slot " + options_.slot);
  }
}

bool StreamSession::keeps_more_than_refused(const ReplicationSlot& slot) const {
  const auto& position = pipeline_.writer().position();
  return slot.restart &&
         (!position || slot.restart->value / server_.wal_segment_size > position->lsn.value / server_.wal_segment_size);
}

TimelineHistory StreamSession::fetch_history(Timeline timeline) {
  if (timeline <= 1) {
    return {.timeline = timeline, .ancestors = {}};
  }
  const auto file = timeline_history(connection_, timeline);
  if (!file) {
    throw connection_.error("the server has lost the history of its timeline").with("timeline", timeline).mark_passing();
  }
  TimelineHistory history = parse_timeline_history(timeline, file->content);
  for (const TimelineSwitch& ancestor : history.ancestors) {
    if (ancestor.timeline > 1 && !pipeline_.knows_history(ancestor.timeline)) {
      if (const auto older = timeline_history(connection_, ancestor.timeline)) {
        pipeline_.keep_history(ancestor.timeline, older->content);
      }
    }
  }
  pipeline_.keep_history(timeline, file->content);
  return history;
}

StreamSituation StreamSession::look_around(const std::optional<ReplicationSlot>& slot, const TimelineHistory& history) {
  StreamSituation situation{.server_timeline = server_.identity.timeline,
                            .history = history,
                            .held = {},
                            .oldest_on_server = oldest_on_server(slot),
                            .segment_size = server_.wal_segment_size};
  const auto& position = pipeline_.writer().position();
  if (position) {
    require_same_history(*position);
    situation.held[position->timeline] = position->lsn;
  }
  if (!position || !history.descends_from(position->timeline)) {
    for (const auto& [timeline, end] : held_in_repository(slot)) {
      situation.held.emplace(timeline, end);
    }
  }
  return situation;
}

// A server sends what it has flushed, and never has less afterwards, unless it was taken back: by a snapshot of its disk, or by a
// restore that stays on the timeline. What it writes from then on is another history under the same names.
void StreamSession::require_same_history(const SpoolWriter::Position& held) const {
  if (held.timeline == server_.identity.timeline && server_.in_recovery == false && held.lsn > server_.identity.flushed) {
    throw Error(ErrorKind::failed, "the server's WAL ends before what it had sent: it was taken back to an earlier state",
                another_history_hint)
        .with("timeline", held.timeline)
        .with("received", held.lsn.to_string())
        .with("server", server_.identity.flushed.to_string());
  }
}

Lsn StreamSession::oldest_on_server(const std::optional<ReplicationSlot>& slot) const {
  const Lsn known = slot && slot->restart ? *slot->restart : server_.identity.flushed;
  return Lsn{known.value - known.value % server_.wal_segment_size};
}

// Backups store the WAL that they need by themselves: islands behind a hole that only the receiver can fill. So what counts is
// the run of segments at which the slot stands.
std::map<Timeline, Lsn> StreamSession::held_in_repository(const std::optional<ReplicationSlot>& slot) {
  std::map<Timeline, Lsn> held;
  WalInventory inventory;
  try {
    inventory = list_wal(repository_, {options_.cluster, server_.identity.system_identifier}, server_.wal_segment_size);
    health_.worked();
  } catch (const Error& error) {
    health_.failed(error);
    throw Error(ErrorKind::failed, "the repository cannot tell how far its WAL reaches").caused_by(error).mark_passing();
  }
  for (const auto& [timeline, wal] : inventory.timelines) {
    std::optional<std::uint64_t> next;  // number of the first segment that is missing
    for (const TimelineWal::Range& range : wal.ranges) {
      const Lsn first{range.first * server_.wal_segment_size};
      if (!slot || !slot->restart || first <= *slot->restart || !next) {
        next = range.last + 1;
      }
    }
    for (const TimelineWal::Tail& tail : wal.tails) {
      if (!next) {
        next = tail.segment.number;
      }
    }
    if (next) {
      const Lsn end{*next * server_.wal_segment_size};
      // What the server has not written yet cannot be its WAL, whoever stored it: the comparison when ours is stored tells.
      held[timeline] = timeline == server_.identity.timeline && end > server_.identity.flushed ? oldest_on_server(slot) : end;
    }
  }
  return held;
}

void StreamSession::report_gap(const std::optional<ReplicationSlot>& slot, const StreamSituation& situation,
                               const StreamStart& start) {
  const auto& position = pipeline_.writer().position();
  const auto held = situation.held.find(start.timeline);
  Lsn from = held != situation.held.end() ? held->second : Lsn{};
  if (position && position->timeline == start.timeline && position->lsn < start.lsn) {
    // With a spool that was left behind, as by a host that takes over again, the repository has what others stored since.
    const std::map<Timeline, Lsn> stored = held_in_repository(slot);
    const auto there = stored.find(start.timeline);
    from = there == stored.end() ? position->lsn : std::max(position->lsn, there->second);
  }
  if (from.valid() && start.lsn <= from) {
    return;
  }
  tell(WalEventKind::gap,
       "the server has removed WAL that was not received: the recovery window is broken" +
           (from.valid() ? " from " + range_text(from, start.lsn) : " before " + start.lsn.to_string()) + " on timeline " +
           std::to_string(start.timeline),
       "take a backup now: pgrecall backup " + options_.cluster, start.timeline, from, start.lsn);
}

void StreamSession::report_lost(const StreamStart::Lost& lost) {
  tell(WalEventKind::timeline_lost,
       "WAL on timeline " + std::to_string(lost.timeline) +
           (lost.from.valid() ? " from " + range_text(lost.from, lost.until) : " up to " + lost.until.to_string()) +
           " was acknowledged to a primary that the present one does not follow: what was committed there is not on the new "
           "timeline",
       "it is kept, and can be recovered to with --timeline " + std::to_string(lost.timeline), lost.timeline, lost.from,
       lost.until);
}

void StreamSession::go_on_at(Timeline timeline, Lsn lsn, Lsn parted) {
  SpoolWriter& writer = pipeline_.writer();
  if (writer.position() && writer.position()->timeline != timeline) {
    tell(WalEventKind::timeline_switched,
         "the server is on timeline " + std::to_string(timeline) + " now, from " + (parted.valid() ? parted : lsn).to_string(),
         {}, timeline, parted.valid() ? parted : lsn);
  }
  writer.go_on_at({.timeline = timeline, .lsn = lsn});
}

void StreamSession::started(Timeline timeline, Lsn lsn) {
  if (!std::exchange(told_connected_, true)) {
    tell(WalEventKind::connected, "receiving WAL from " + lsn.to_string() + " on timeline " + std::to_string(timeline), {},
         timeline, lsn);
  }
  const Error about_connection = connection_.error({});
  board_.change([&](WalReceiverStatus& status) {
    status.host = about_connection.context("host");
    status.state = WalReceiverState::streaming;
    status.timeline = timeline;
    status.last_error.clear();
  });
}

WalStreamOutcome StreamSession::stream(Timeline timeline, Lsn lsn) {
  // What we hold right before is sent again, and compared: see require_same_history().
  const std::uint64_t in_segment = lsn.value % server_.wal_segment_size;
  const Lsn from{lsn.value - std::min(in_segment, compared_before_start)};
  WalStream stream(connection_, {.slot = options_.slot, .start = from, .timeline = timeline, .farewell = farewell_limit});
  WalReceiver receiver(pipeline_.spool(), pipeline_.writer(), pipeline_.received(), timeline,
                       {.acknowledge = options_.acknowledge,
                        .spool_limit = options_.spool_limit,
                        .started = [&] { started(timeline, lsn); },
                        .end_at = [&stream](Lsn end) { stream.end_at(end); },
                        .seen =
                            [this](const ServerPosition& server) {
                              board_.change([&](WalReceiverStatus& status) {
                                status.server_end = server.end;
                                status.server_time = server.time;
                              });
                              on_progress_();
                            },
                        .counters = options_.counters});
  std::optional<StoredNotice> notice;
  if (options_.acknowledge == WalAcknowledge::repository) {
    notice.emplace(pipeline_.received(), stream);
  }
  return stream.run(receiver);
}

}  // namespace pgrecall
