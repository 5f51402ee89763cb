#pragma once

#include <chrono>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alert/alert.h"
#include "status/status.h"

// What is wrong, judged from the figures alone. Pure; safe for many threads. docs/alerts.md has one line on each condition,
// docs/runbooks/ a page.

namespace pgrecall {

namespace condition {
inline constexpr const char* run_failed = "PgrecallRunFailed";
inline constexpr const char* backup_too_old = "PgrecallBackupTooOld";
inline constexpr const char* drill_too_old = "PgrecallDrillTooOld";
inline constexpr const char* window_too_short = "PgrecallWindowTooShort";
inline constexpr const char* window_broken = "PgrecallWindowBroken";
inline constexpr const char* rpo_exceeded = "PgrecallRpoExceeded";
inline constexpr const char* wal_stalled = "PgrecallWalStalled";
inline constexpr const char* slot_retention = "PgrecallSlotRetention";
inline constexpr const char* slot_lost = "PgrecallSlotLost";
inline constexpr const char* wal_gap = "PgrecallWalGap";
inline constexpr const char* verify_damage = "PgrecallVerifyDamage";
inline constexpr const char* page_checksum_errors = "PgrecallPageChecksumErrors";
inline constexpr const char* backup_size_unusual = "PgrecallBackupSizeUnusual";
inline constexpr const char* companion_missing = "PgrecallCompanionMissing";
inline constexpr const char* repository_filling = "PgrecallRepositoryFilling";
inline constexpr const char* repository_space_low = "PgrecallRepositorySpaceLow";
inline constexpr const char* runs_missed = "PgrecallRunsMissed";
inline constexpr const char* receiver_failing = "PgrecallReceiverFailing";
inline constexpr const char* config_reload_failed = "PgrecallConfigReloadFailed";
inline constexpr const char* credential_expiring = "PgrecallCredentialExpiring";
inline constexpr const char* clock_jump = "PgrecallClockJump";
inline constexpr const char* cluster_unguarded = "PgrecallClusterUnguarded";
inline constexpr const char* expire_waits = "PgrecallExpireWaits";
inline constexpr const char* journal_rebuilt = "PgrecallJournalRebuilt";
inline constexpr const char* state_unwritable = "PgrecallStateUnwritable";
}  // namespace condition

// Every name that an alert of the daemon may have.
[[nodiscard]] std::span<const std::string_view> all_conditions() noexcept;

struct Judged {
  Alert alert;
  // What often passes by itself is told only once it has lasted, and is over only once it has stayed away.
  std::chrono::microseconds hold{};
  std::chrono::microseconds settle{};
};

struct JudgeOptions {
  std::string runbook_url;  // what alerts link to is this, a slash, the name and ".md"
  std::chrono::microseconds hold = std::chrono::minutes(2);
  std::chrono::microseconds settle = std::chrono::minutes(5);
  std::chrono::microseconds remember = std::chrono::hours(1);  // how long what happened once is told of
};

struct Judgement {
  std::vector<Judged> conditions;
  // Of these nothing is known yet, as after a start: what was wrong with them is neither over nor begins anew.
  std::set<std::string> unknown_clusters;
  std::set<std::string> unknown_repositories;
};

[[nodiscard]] Judgement judge(const ServiceFigures& figures, const JudgeOptions& options);

// Whether somebody who was told of the one need not be told of the other: it follows from it. As the inhibit_rules of
// config/prometheus/alertmanager.example.yaml.
[[nodiscard]] bool explains(const Alert& one, const Alert& other);
// What may explain others comes first.
[[nodiscard]] int rank(const Alert& alert) noexcept;

// The address of an alert's runbook.
[[nodiscard]] std::string runbook_address(const std::string& runbook_url, std::string_view alert_name);

}  // namespace pgrecall
