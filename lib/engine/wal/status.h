#pragma once

#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/lsn.h"

namespace pgrecall {

enum class WalReceiverState {
  connecting,
  streaming,
  waiting_for_room,  // in the spool: its limit, or its disk
  stopped,
};
[[nodiscard]] std::string_view name(WalReceiverState state) noexcept;

// How one receiver stands. A plain value.
struct WalReceiverStatus {
  std::string cluster;
  WalReceiverState state = WalReceiverState::connecting;
  Time updated{};  // by this host's clock
  std::uint64_t system_identifier = 0;
  std::string slot;
  std::string host;  // of the server it is connected to, or was
  Timeline timeline = 0;
  Lsn durable;          // synced in the spool
  Lsn stored;           // in the repository, with all before it; 0/0 while older WAL waits
  Lsn server_end;       // how far the server's WAL reached
  Time server_time{};   // when it said so, by its clock
  Time heard{};         // when something came from the server, by this host's clock
  Time durable_time{};  // the server's time until which what is durable suffices
  std::uint64_t spool_bytes = 0;
  std::uint64_t spool_limit = 0;
  std::uint64_t waiting_segments = 0;
  std::uint64_t refused = 0;
  std::string last_segment;  // complete; empty while there is none
  std::string last_stored;
  bool store_failing = false;
  std::string last_error;  // empty while connected
};
// docs/json-output.md, "Receiver".
[[nodiscard]] nlohmann::ordered_json to_json(const WalReceiverStatus& status);

// The status of a running receiver, for other threads.
class WalStatusBoard {
 public:
  [[nodiscard]] WalReceiverStatus read() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  template <typename Change>
  void change(const Change& apply) {
    const std::lock_guard lock(mutex_);
    apply(status_);
  }

 private:
  mutable std::mutex mutex_;
  WalReceiverStatus status_;
};

// <spool>/<cluster>/status.json, replaced as a whole, for `wal status` in another process. Not synced: it is of now.
void write_status_file(const std::string& path, const WalReceiverStatus& status);

}  // namespace pgrecall
