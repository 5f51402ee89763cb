#pragma once

#include <functional>

#include "engine/wal/pipeline.h"
#include "engine/wal/start_plan.h"
#include "postgres/replication.h"
#include "postgres/replication_slot.h"

namespace pgrecall {

// What one connection is for: from the slot to the end of the stream, over changes of the timeline.
class StreamSession {
 public:
  enum class Start {
    go_on,  // behind what we hold
    fresh,  // the server has no longer what follows on that: as early as it can
  };
  enum class End { no_room, server_shutdown };

  StreamSession(Connection& connection, const ServerInfo& server, const Repository& repository,
                const WalReceptionOptions& options, WalPipeline& pipeline, StoreHealth& health, WalEvents& events,
                WalStatusBoard& board, std::function<void()> on_progress);

  // Error{database_unreachable} with sqlstate 58P01 when the server has removed WAL that is asked for.
  [[nodiscard]] End run(Start start);

 private:
  [[nodiscard]] std::optional<ReplicationSlot> ensure_slot(Start start);
  // Of a slot on a server that refused the segment in which we stand.
  [[nodiscard]] bool keeps_more_than_refused(const ReplicationSlot& slot) const;
  [[nodiscard]] TimelineHistory fetch_history(Timeline timeline);
  [[nodiscard]] StreamSituation look_around(const std::optional<ReplicationSlot>& slot, const TimelineHistory& history);
  [[nodiscard]] std::map<Timeline, Lsn> held_in_repository(const std::optional<ReplicationSlot>& slot);
  // The start of the segment from which on the server surely has all.
  [[nodiscard]] Lsn oldest_on_server(const std::optional<ReplicationSlot>& slot) const;
  void report_gap(const std::optional<ReplicationSlot>& slot, const StreamSituation& situation, const StreamStart& start);
  void tell_slot_made(bool was_missing);
  void report_lost(const StreamStart::Lost& lost);
  void require_same_history(const SpoolWriter::Position& held) const;
  // `parted`: where this timeline left the one before; 0/0 where that is not known.
  void go_on_at(Timeline timeline, Lsn lsn, Lsn parted);
  void started(Timeline timeline, Lsn lsn);
  [[nodiscard]] WalStreamOutcome stream(Timeline timeline, Lsn lsn);
  void tell(WalEventKind kind, std::string text, std::string hint = {}, Timeline timeline = 0, Lsn from = {}, Lsn until = {});

  Connection& connection_;
  const ServerInfo& server_;
  const Repository& repository_;
  const WalReceptionOptions& options_;
  WalPipeline& pipeline_;
  StoreHealth& health_;
  WalEvents& events_;
  WalStatusBoard& board_;
  bool told_connected_ = false;
  const std::function<void()> on_progress_;  // WAL or a sign of life came, and was taken in
};

}  // namespace pgrecall
