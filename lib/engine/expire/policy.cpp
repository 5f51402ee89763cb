#include "engine/expire/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace pgrecall {

namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::months;
using std::chrono::year_month_day;

local_days monday_of(local_days day) { return day - (std::chrono::weekday(day) - std::chrono::Monday); }

// ISO 8601: a week belongs to the year that its Thursday is in.
std::string format_week(local_days monday) {
  const local_days thursday = monday + days(3);
  const auto year = year_month_day(thursday).year();
  const local_days first(year / std::chrono::January / 1);
  return fmt::format("{:04}-W{:02}", static_cast<int>(year), (thursday - first).count() / 7 + 1);
}

local_days month_of(local_days day) {
  const year_month_day date(day);
  return local_days(date.year() / date.month() / 1);
}

// One of the three ways to count: which period a day is in (by its first day), and how it is said.
struct Level {
  KeepRule rule;
  Keep keep;
  unsigned count;
  local_days (*period)(local_days day);
  std::string (*text)(local_days period);
  local_days (*later)(local_days period, unsigned count);
};

std::vector<Level> levels(const RetentionPolicy& policy) {
  return {{KeepRule::daily, Keep::daily, policy.daily, [](local_days day) { return day; },
           [](local_days day) { return "daily of " + format_day(day); },
           [](local_days day, unsigned count) { return day + days(count); }},
          {KeepRule::weekly, Keep::weekly, policy.weekly, monday_of,
           [](local_days monday) { return "weekly of " + format_week(monday); },
           [](local_days monday, unsigned count) { return monday + days(7 * count); }},
          {KeepRule::monthly, Keep::monthly, policy.monthly, month_of,
           [](local_days first) { return "monthly of " + format_day(first).substr(0, 7); },
           [](local_days first, unsigned count) { return local_days(year_month_day(first) + months(count)); }}};
}

// Who stands for a period: good before damaged, one taken for that before others, scheduled before manual, then the newest.
struct Rank {
  bool good = false;
  int fit = 0;
  std::size_t index = 0;

  auto operator<=>(const Rank&) const = default;
};

Rank rank(const PolicyBackup& backup, std::size_t index, const Level& level) {
  return {backup.good, backup.keep == level.keep ? 2 : (backup.keep != Keep::manual ? 1 : 0), index};
}

void count_level(const std::vector<PolicyBackup>& backups, const std::vector<local_days>& days_of, const Level& level,
                 std::vector<Verdict>& verdicts) {
  std::map<local_days, Rank, std::greater<>> chosen;  // newest period first
  for (std::size_t i = 0; i < backups.size(); ++i) {
    const Rank candidate = rank(backups[i], i, level);
    const auto [at, first] = chosen.try_emplace(level.period(days_of[i]), candidate);
    if (!first) {
      at->second = std::max(at->second, candidate);
    }
  }
  unsigned good = 0;
  unsigned seen = 0;
  for (const auto& [period, best] : chosen) {
    if (good == level.count) {
      return;
    }
    ++seen;
    good += best.good ? 1 : 0;
    if (best.good || seen <= level.count) {
      // Before its period is over, another backup may come to stand for it, unless this one was taken for that.
      const bool settled = backups[best.index].keep == level.keep || seen > 1;
      verdicts[best.index].reasons.push_back(
          {level.rule, level.text(period), settled ? std::optional(level.later(period, level.count)) : std::nullopt});
    }
  }
}

std::optional<std::size_t> newest_good(const std::vector<PolicyBackup>& backups) {
  for (std::size_t i = backups.size(); i-- > 0;) {
    if (backups[i].good) {
      return i;
    }
  }
  return std::nullopt;
}

void add_lasting_reasons(const PolicyBackup& backup, const std::set<BackupId>& window_bases, Verdict& verdict) {
  if (backup.pinned) {
    verdict.reasons.push_back({KeepRule::pinned, "pinned", {}});
  }
  if (backup.keep == Keep::manual) {
    verdict.reasons.push_back({KeepRule::manual, "manual, until removed", {}});
  }
  if (window_bases.contains(backup.id)) {
    verdict.reasons.push_back({KeepRule::window, "the recovery window begins with it", {}});
  }
}

}  // namespace

bool known_damaged(const ListedBackup& backup) noexcept {
  return backup.damaged && (!backup.verified || *backup.damaged > *backup.verified);
}

PolicyBackup policy_view(const ListedBackup& backup) {
  // Summaries leave fractions of a second out.
  return {.id = backup.summary.id,
          .started = backup.summary.started,
          .ended = backup.summary.finished + std::chrono::seconds(1),
          .keep = backup.summary.keep,
          .pinned = backup.pinned,
          .good = !known_damaged(backup)};
}

std::string format_day(local_days day) {
  const year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string_view name(KeepRule rule) noexcept {
  switch (rule) {
    case KeepRule::newest_good: return "newest_good";
    case KeepRule::none_good: return "none_good";
    case KeepRule::window: return "window";
    case KeepRule::pinned: return "pinned";
    case KeepRule::manual: return "manual";
    case KeepRule::daily: return "daily";
    case KeepRule::weekly: return "weekly";
    case KeepRule::monthly: return "monthly";
  }
  return "unknown";
}

std::optional<local_days> Verdict::about_until() const {
  std::optional<local_days> latest;
  for (const KeepReason& reason : reasons) {
    latest = std::max(latest, reason.about_until);
  }
  return latest;
}

std::vector<Verdict> judge_backups(const std::vector<PolicyBackup>& backups, const RetentionPolicy& policy,
                                   const std::set<BackupId>& window_bases) {
  std::vector<Verdict> verdicts(backups.size());
  std::vector<local_days> days_of;
  const auto newest = newest_good(backups);
  for (std::size_t i = 0; i < backups.size(); ++i) {
    verdicts[i].id = backups[i].id;
    days_of.push_back(policy.local_day(backups[i].started));
    if (i == newest) {
      verdicts[i].reasons.push_back({KeepRule::newest_good, "the newest good backup", {}});
    }
    if (!newest) {
      verdicts[i].reasons.push_back({KeepRule::none_good, "no backup is known to be good", {}});
    }
    add_lasting_reasons(backups[i], window_bases, verdicts[i]);
  }
  for (const Level& level : levels(policy)) {
    count_level(backups, days_of, level, verdicts);
  }
  for (std::size_t i = 0; i < backups.size(); ++i) {
    if (!verdicts[i].stays()) {
      verdicts[i].why_not = backups[i].good ? "newer or better fitting backups stand for its day, week and month"
                                            : "it is damaged, and good backups stand for its day, week and month";
    }
  }
  return verdicts;
}

std::set<BackupId> bases_by_time(const std::vector<PolicyBackup>& backups, const RetentionPolicy& policy, Time reference) {
  const Time from = reference - policy.window;
  const PolicyBackup* base = nullptr;
  if (policy.window.count() == 0) {
    return {};
  }
  for (const PolicyBackup& backup : backups) {
    if (backup.good && (base == nullptr || backup.ended <= from)) {
      base = &backup;
    }
  }
  return base == nullptr ? std::set<BackupId>() : std::set<BackupId>{base->id};
}

Time reference_time(const std::vector<PolicyBackup>& backups, const RetentionPolicy& policy, Time now,
                    std::optional<Time> server_time) {
  const auto newest = newest_good(backups);
  if (!newest) {
    return now;
  }
  Time known = std::min(now, backups[*newest].ended);
  for (std::size_t i = *newest; i-- > 0;) {
    if (backups[i].good) {
      known = std::min<Time>(known, backups[i].ended + policy.window);
      break;
    }
  }
  return server_time ? std::min(known, std::max(*server_time, Time{})) : known;
}

}  // namespace pgrecall
