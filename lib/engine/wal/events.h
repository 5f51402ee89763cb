#pragma once

#include <string>
#include <string_view>

#include "base/lsn.h"

namespace pgrecall {

// What happens while WAL is received that somebody should know of.
enum class WalEventKind {
  connected,
  disconnected,       // tried again by itself
  slot_made,          // there was none: the first start, or a new primary
  slot_lost,          // the server cut it off, and removed WAL that nobody had received; made anew
  timeline_switched,  // a standby was promoted, and its WAL follows on ours
  timeline_lost,      // WAL that we hold, `from` to `until`, is no part of the new timeline: the old primary alone had it
  gap,                // WAL from `from` to `until` is on no server any more: the window is broken until the next backup
  spool_full,         // by its limit; receiving waits
  spool_failing,      // disk full or broken; receiving waits
  spool_recovered,    // from either
  store_failing,      // the repository cannot be written to; WAL stays in the spool
  store_recovered,
  refused,  // the repository holds other bytes under this name; ours stay in the spool
};
[[nodiscard]] std::string_view name(WalEventKind kind) noexcept;

struct WalEvent {
  WalEventKind kind = WalEventKind::connected;
  std::string text;  // for people
  std::string hint;  // may be empty
  Timeline timeline = 0;
  Lsn from;
  Lsn until;

  // For what nobody needs to do anything about.
  [[nodiscard]] bool harmless() const noexcept;
};

class WalEvents {
 public:
  virtual ~WalEvents() = default;
  // For any thread, several at once. Must not throw, and return soon: receiving waits for it.
  virtual void on_event(const WalEvent& event) noexcept = 0;
};

}  // namespace pgrecall
