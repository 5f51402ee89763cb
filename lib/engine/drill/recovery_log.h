#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

// What a server's log says of its recovery: src/backend/access/transam/xlog.c and xlogrecovery.c, with lc_messages=C. Pure.

namespace pgrecall {

// "recovery stopping before commit of transaction 742, time 2026-11-23 02:30:00.123456+00": that it stopped at its target, and
// not for another reason (settings that are too low for a hot standby pause it just the same).
struct RecoveryStop {
  std::string text;          // from "before" or "after" on
  std::optional<Time> time;  // of the transaction or restore point, where the line tells it; needs timezone=UTC
};
// The last such line.
[[nodiscard]] std::optional<RecoveryStop> find_recovery_stop(std::string_view log);

// Why a server that was to recover has ended, from its log: `ended` is what start_server() threw.
[[nodiscard]] Error explain_failed_recovery(std::string_view log, const Error& ended);

}  // namespace pgrecall
