#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/lsn.h"
#include "postgres/connection.h"
#include "postgres/replication_messages.h"

namespace pgrecall {

// Takes WAL as it arrives. Called in the thread of WalStream::run(). What a call throws ends the stream and reaches the
// caller. A call that takes longer than the server's wal_sender_timeout (60 s) makes the server end the stream.
class WalSink {
 public:
  virtual ~WalSink() = default;
  // The server has begun to stream.
  virtual void on_started() {}
  // The next bytes, from `start` on, without a gap from where the stream started. Valid during the call only. Cut
  // anywhere, also in the middle of a segment or a page.
  virtual void on_wal(Lsn start, ByteView bytes, Time server_time) = 0;
  // The server's WAL reached `server_end` at `server_time`, as keepalives and, behind on_wal(), messages with WAL say. When that
  // is what is durable here, the cluster is recoverable until `server_time`.
  virtual void on_keepalive(Lsn server_end, Time server_time) = 0;
  // The stream was asked to stop: what comes from now on are the server's last words.
  virtual void on_farewell() {}
  // Called when all that has arrived was handed over and the stream is about to wait, and before a status update: the moment
  // to fsync. Often with nothing new.
  virtual void on_batch_end() = 0;
  // Up to where WAL is durable. The server is told this and nothing more, and may drop its own WAL up to there. Never goes
  // back; 0/0 while nothing is.
  [[nodiscard]] virtual Lsn durable_position() const = 0;
};

struct WalStreamOptions {
  std::string slot;  // empty streams without one
  Lsn start;
  Timeline timeline = 0;
  // At least this often the server is told the durable position, and asked for a sign of life.
  std::chrono::milliseconds status_interval{10'000};
  // A server silent for this long is given up: a peer that vanished without closing the connection.
  std::chrono::milliseconds silence_limit{60'000};
  // When the stream is stopped, so long the server may take to send what it has yet, and to say until when that is all. 0: it is
  // not asked.
  std::chrono::milliseconds farewell{0};
};

enum class WalStreamEnd {
  reached_end,      // everything before end_at was handed over
  timeline_ended,   // the server switched: go on with `next`
  server_shutdown,  // the server ended the stream in an orderly way
};

struct WalStreamOutcome {
  WalStreamEnd end = WalStreamEnd::reached_end;
  Lsn received;                          // the position behind the last byte handed over
  std::optional<TimelinePosition> next;  // with timeline_ended: the next timeline, and the LSN at which it starts
};

// One START_REPLICATION [SLOT ...] PHYSICAL on a connection that the caller keeps alive.
class WalStream {
 public:
  WalStream(Connection& connection, WalStreamOptions options);

  // Streams until the end asked for, the end of the timeline, or the server's shutdown. After reached_end and
  // timeline_ended the connection can be used again. Error{cancelled} when the connection's stop token is stopped (the
  // durable position is told to the server first), Error{database_unreachable} when the server refuses (WAL already
  // removed, slot in use ...), dies, stays silent, or sends WAL with a gap.
  [[nodiscard]] WalStreamOutcome run(WalSink& sink);

  // Ends run() with reached_end once all WAL before `position` was handed over; at once where it was already. For any
  // thread; a backup learns its stop LSN only while its WAL is streaming.
  void end_at(Lsn position) noexcept;
  // Tells the server the sink's durable position now instead of at the next status update. For any thread.
  void durable_position_advanced() noexcept;

 private:
  Connection& connection_;
  WalStreamOptions options_;
  std::atomic<std::uint64_t> end_at_;
};

}  // namespace pgrecall
