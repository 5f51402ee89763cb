#include "jobs/retention.h"

#include "schedule/time_zone.h"

namespace pgrecall {

RetentionPolicy retention_policy(const ClusterConfig& configured) {
  return retention_policy(configured.retention, configured.schedule.timezone);
}

RetentionPolicy retention_policy(const RetentionConfig& retention, const std::string& timezone) {
  return {.daily = retention.daily,
          .weekly = retention.weekly,
          .monthly = retention.monthly,
          .window = retention.window,
          .local_day = [zone = TimeZone::named(timezone)](Time time) {
            return std::chrono::floor<std::chrono::days>(zone.local(time));
          }};
}

std::map<BackupId, Verdict> verdicts_by_time(const Catalog& catalog, const RetentionPolicy& policy, Time now) {
  std::vector<PolicyBackup> views;
  for (const ListedBackup& backup : catalog.backups) {
    views.push_back(policy_view(backup));
  }
  const Time reference = reference_time(views, policy, now, std::nullopt);
  std::map<BackupId, Verdict> verdicts;
  for (Verdict& verdict : judge_backups(views, policy, bases_by_time(views, policy, reference))) {
    const BackupId id = verdict.id;
    verdicts.emplace(id, std::move(verdict));
  }
  return verdicts;
}

}  // namespace pgrecall
