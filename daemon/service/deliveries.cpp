#include "service/deliveries.h"

#include "alert/notification_json.h"
#include "base/units.h"

namespace pgrecall {

namespace {
std::string what(const Notification& notification) {
  const Alert& alert = notification.alert;
  return alert.name + (alert.subject.empty() ? "" : " (" + alert.subject + ")") + " is " + std::string(name(notification.state));
}
}  // namespace

ServiceDeliveries::ServiceDeliveries(Outbox& outbox, const Clock& clock, ServiceLog& log)
    : log_(log), heartbeats_(clock), deliveries_(outbox, clock, *this) {}

void ServiceDeliveries::configure(const AlertsConfig& config) {
  deliveries_.configure(config);
  heartbeats_.configure(config);
}

void ServiceDeliveries::add_figures(ServiceFigures& figures) const {
  figures.receivers = deliveries_.figures();
  figures.heartbeats = heartbeats_.figures();
}

void ServiceDeliveries::on_taken(const std::string& receiver, const Notification& notification,
                                 const std::string& remark) noexcept {
  log_.write(remark.empty() ? LogLevel::info : LogLevel::warning, {notification.alert.cluster, {}, notification.alert.run},
             "receiver " + receiver + " was told that " + what(notification) + (remark.empty() ? "" : "; " + remark));
}

void ServiceDeliveries::on_failing(const std::string& receiver, const std::string& problem,
                                   std::chrono::milliseconds next_try) noexcept {
  log_.write(LogLevel::warning, {},
             "receiver " + receiver + " cannot be told: " + problem + "; it is tried again in " + format_duration(next_try));
}

void ServiceDeliveries::on_given_up(const std::string& receiver, const Notification& notification,
                                    const std::string& problem) noexcept {
  log_.write(LogLevel::error, {notification.alert.cluster, {}, notification.alert.run},
             "receiver " + receiver + " was never told that " + what(notification) + ": " + problem);
}

void ServiceDeliveries::on_trouble(const std::string& text) noexcept { log_.write(LogLevel::error, {}, text); }

namespace {
bool meets_targets(const ClusterFigures& cluster, Time now) {
  if (cluster.state == "held_by_another") {
    return true;  // its daemon has a heartbeat of its own
  }
  if (cluster.state != "active" || !cluster.window_problem.empty() || !cluster.newest_backup_started) {
    return false;
  }
  const std::chrono::duration<double> age = now - *cluster.newest_backup_started;
  return cluster.targets.backup_max_age_seconds <= 0 || age.count() <= cluster.targets.backup_max_age_seconds;
}
}  // namespace

Health health_of(const ServiceFigures& figures, const std::set<std::string>& critical, Time now) {
  Health health;
  health.at = now;
  const bool daemon_good = !critical.contains("") && figures.state == "running" && figures.state_problem.empty();
  for (const ClusterFigures& cluster : figures.clusters) {
    health.good[cluster.cluster] = daemon_good && !critical.contains(cluster.cluster) && meets_targets(cluster, now);
  }
  return health;
}

}  // namespace pgrecall
