#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "postgres/connection.h"
#include "repository/drill_record.h"

namespace pgrecall {

// The canary: one row on the primary, pgrecall.heartbeat, that is written anew every minute, so that a copy of the cluster tells
// by itself which minute it is of. What was written when stands in a file beside the daemon's state, too.

struct Heartbeat {
  std::uint64_t beat = 0;  // 1, 2, 3 ...
  Time at{};               // by the server's clock, a moment before it was committed

  bool operator==(const Heartbeat&) const = default;
};

// Writes the next one, and makes schema and table where they are missing. Error{database_unreachable} when the role may not, or
// the server is a standby.
[[nodiscard]] Heartbeat write_heartbeat(Connection& connection);
// The one that a database holds; nothing where there is no such table.
[[nodiscard]] std::optional<Heartbeat> read_heartbeat(Connection& connection);

// Heartbeats that were written, oldest first: 16 bytes each, both numbers little-endian, the time in microseconds since 1970. The
// file may be lost: then less can be proved.
class HeartbeatLedger {
 public:
  explicit HeartbeatLedger(std::string path) : path_(std::move(path)) {}
  // <state>/canary/<cluster>
  [[nodiscard]] static std::string path_in(const std::string& state, const std::string& cluster);

  void add(const Heartbeat& heartbeat) const;
  // All of them; empty where there is no file.
  [[nodiscard]] std::vector<Heartbeat> read() const;

 private:
  std::string path_;
};

// Whether a copy that is to hold everything that was committed until `moment`, and nothing later, does so by its heartbeat. A
// beat that was written in the last moments before may be committed behind it: either is right. Pure.
[[nodiscard]] DrillRecord::Check judge_canary(const std::optional<Heartbeat>& found, Time moment,
                                              const std::vector<Heartbeat>& written);

}  // namespace pgrecall
