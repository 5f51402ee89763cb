#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

// What the Management API of Supabase answers, read from its JSON. Shapes: https://api.supabase.com/api/v1. Members that are not
// known are passed over; what is needed and missing, or of another type, is an Error{failed} that names it: an answer that is not
// understood must never look healthy. Pure.

namespace pgrecall {

struct PlatformBackup {
  // "COMPLETED", "FAILED", "PENDING", "REMOVED", "ARCHIVED", "CANCELLED", or what the platform may call it later.
  std::string status;
  bool physical = false;
  Time inserted{};
};

struct PlatformBackups {
  std::string region;
  std::optional<bool> walg_enabled;
  std::optional<bool> pitr_enabled;
  std::vector<PlatformBackup> backups;  // newest first
  // Any moment between can be recovered by the platform; nothing where it says nothing, or 0.
  std::optional<Time> earliest;
  std::optional<Time> latest;

  // The newest of this status.
  [[nodiscard]] std::optional<Time> newest(std::string_view status) const;
};

struct PlatformAddOn {
  std::string variant;      // "pitr_7"
  std::string name;         // "7 days"
  std::string description;  // of its price: "$100/month (approx.)"; empty where none is told
};
struct PlatformAddOns {
  std::vector<PlatformAddOn> selected;
  std::vector<PlatformAddOn> available;
};

// "ACTIVE_HEALTHY", "COMING_UP", "RESTORING", "RESTORE_FAILED", "INACTIVE" ...
[[nodiscard]] std::string project_status_of(std::string_view json);
[[nodiscard]] PlatformBackups backups_of(std::string_view json);
[[nodiscard]] PlatformAddOns add_ons_of(std::string_view json);
// The "message" of an error's answer, without control characters and not long; empty where there is none.
[[nodiscard]] std::string message_of(std::string_view json);

// "2026-11-23T02:30:00.123Z", "2026-11-23T02:30:00+00:00" and the like; nothing for what is no time.
[[nodiscard]] std::optional<Time> parse_platform_time(std::string_view text);

}  // namespace pgrecall
