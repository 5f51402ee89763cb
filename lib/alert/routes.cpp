#include "alert/routes.h"

#include <algorithm>
#include <set>

#include "alert/conditions.h"

namespace pgrecall {

namespace {
bool fits(const std::vector<std::string>& listed, const std::string& name) {
  return listed.empty() || std::find(listed.begin(), listed.end(), name) != listed.end();
}

bool fits(const RouteConfig& route, const Alert& alert) {
  const bool severe =
      !route.severity || (*route.severity == RouteConfig::Severities::critical) == (alert.severity == Severity::critical);
  return severe && fits(route.clusters, alert.cluster) && fits(route.alerts, alert.name);
}

std::set<std::string> all_receivers(const AlertsConfig& config) {
  std::set<std::string> all;
  for (const auto& [name, receiver] : config.receivers) {
    all.insert(name);
  }
  return all;
}
}  // namespace

std::vector<std::string> routes_of(const AlertsConfig& config, const Alert& alert) {
  std::set<std::string> chosen;
  for (const auto& [name, route] : config.routes) {
    if (fits(route, alert)) {
      chosen.insert(route.receivers.begin(), route.receivers.end());
    }
  }
  if (chosen.empty()) {
    chosen = all_receivers(config);
  }
  if (alert.name == condition::receiver_failing) {
    chosen.erase(alert.subject);
    if (chosen.empty()) {
      chosen = all_receivers(config);
      chosen.erase(alert.subject);
    }
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace pgrecall
