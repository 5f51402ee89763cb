#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/expire/policy.h"
#include "repository/catalog.h"

// How list, show, backup, restore and verify name the same things of a backup.

namespace pgrecall {

[[nodiscard]] std::chrono::milliseconds duration_of(const BackupSummary& summary);
// The same for people: summaries in a repository have whole seconds, so that 0 is "< 1 s".
[[nodiscard]] std::string took_text(const BackupSummary& summary);
// True when the newest mark says damaged.
[[nodiscard]] bool is_damaged(const ListedBackup& backup) noexcept;
// "pinned", "until removed" (manual), "about 2026-11-30", "while needed" (by the recovery window, say), "next expire"; "by
// policy" where no retention is known (null).
[[nodiscard]] std::string kept_until(const ListedBackup& backup, const Verdict* verdict);
// "2026-11-23", "never", "DAMAGED".
[[nodiscard]] std::string verified_text(const ListedBackup& backup);
// First and last segment that recovery needs.
[[nodiscard]] WalSegment first_segment(const BackupSummary& summary) noexcept;
[[nodiscard]] WalSegment last_segment(const BackupSummary& summary) noexcept;

// The members that list gives for each backup; docs/json-output.md, "Backup".
[[nodiscard]] nlohmann::ordered_json backup_json(const ListedBackup& backup);
// The same and everything else that the summary says; docs/json-output.md, "Backup in detail".
[[nodiscard]] nlohmann::ordered_json backup_detail_json(const ListedBackup& backup);
// Its member `companions`.
[[nodiscard]] nlohmann::ordered_json companions_json(const BackupSummary& summary);

}  // namespace pgrecall
