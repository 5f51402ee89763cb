#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>

#include "engine/wal/counters.h"
#include "engine/wal/received.h"
#include "engine/wal/spool_writer.h"
#include "postgres/wal_stream.h"

namespace pgrecall {

// What must have happened to WAL before the server is told that it is safe.
enum class WalAcknowledge {
  spool,       // synced on this host
  repository,  // and read back from the repository
};

// What the server said last.
struct ServerPosition {
  Lsn end;  // of its WAL
  Time time{};
};

// The WAL of one connection on its way into the spool. The receiving thread.
class WalReceiver final : public WalSink {
 public:
  struct Options {
    WalAcknowledge acknowledge = WalAcknowledge::spool;
    std::uint64_t spool_limit = 0;  // bytes
    std::function<void()> started;
    std::function<void(Lsn)> end_at;                  // WalStream::end_at: no room behind this segment
    std::function<void(const ServerPosition&)> seen;  // about twice a second
    WalCounters* counters = nullptr;
  };
  WalReceiver(WalSpool& spool, SpoolWriter& writer, ReceivedWal& received, Timeline timeline, Options options);

  void on_started() override { options_.started(); }
  void on_wal(Lsn start, ByteView bytes, Time server_time) override;
  void on_keepalive(Lsn server_end, Time server_time) override;
  void on_farewell() override { leaving_ = true; }
  void on_batch_end() override;
  [[nodiscard]] Lsn durable_position() const override;

  // Whether a segment fits in beside what waits.
  [[nodiscard]] static bool has_room(const WalSpool& spool, std::uint64_t limit) noexcept;

 private:
  // A run of WAL that is synced as one.
  struct Batch {
    std::chrono::steady_clock::time_point received;  // its first bytes
    Lsn end;
  };
  void sync();

  WalSpool& spool_;
  SpoolWriter& writer_;
  ReceivedWal& received_;
  const Timeline timeline_;
  const Options options_;
  Lsn room_until_;
  std::optional<Lsn> end_;  // behind it there is no room
  Lsn server_end_;
  Time last_message_{};
  Time last_noted_{};
  bool leaving_ = false;
  std::optional<Batch> batch_;  // grows
  // Synced, and not acknowledged yet. The stream asks durable_position() when it is about to acknowledge: that is when their time
  // is over.
  mutable std::deque<Batch> unacknowledged_;
};

}  // namespace pgrecall
