#include "page/standing.h"

#include <fmt/format.h>

#include <algorithm>

#include "page/moments.h"

namespace pgrecall {

namespace {
// The server says something at least every ten seconds.
constexpr double heard_within_seconds = 60;

const AlertEntry* worst_alert(const std::vector<AlertEntry>& alerts, const std::string& cluster) {
  const AlertEntry* worst = nullptr;
  for (const AlertEntry& entry : alerts) {
    if (entry.alert.cluster == cluster && is_open(entry) && (worst == nullptr || entry.alert.severity > worst->alert.severity)) {
      worst = &entry;
    }
  }
  return worst;
}

bool backup_runs(const ClusterFigures& cluster) {
  return std::ranges::any_of(cluster.jobs, [](const JobFigures& job) {
    return job.running && (job.job == "backup" || job.job == "daily" || job.job == "weekly" || job.job == "monthly");
  });
}

// What the figures themselves show, whether or not an alert says so already.
ClusterStanding by_figures(const ClusterFigures& cluster, const ServiceFigures& figures) {
  if (cluster.state == "held_by_another") {
    return {Standing::elsewhere, "looked after elsewhere", "Another daemon works on it; this one waits to take over."};
  }
  if (!cluster.ours) {
    return {Standing::unknown, "not known",
            cluster.problem.empty() ? "The daemon is about to take it up." : "It cannot be looked after: " + cluster.problem};
  }
  if (!cluster.window_problem.empty()) {
    return {Standing::unknown, "not known", "Its recovery window is not known: " + cluster.window_problem};
  }
  if (!cluster.window_computed) {
    return {Standing::unknown, "not known", "Its recovery window is being worked out."};
  }
  if (!cluster.recoverable_from || !cluster.recoverable_until) {
    return backup_runs(cluster) ? ClusterStanding{Standing::warning, "not recoverable yet", "Its first backup is under way."}
                                : ClusterStanding{Standing::bad, "not recoverable", "There is no backup to recover it from."};
  }
  if (cluster.window_broken) {
    return {Standing::bad, "window broken", "WAL is missing within the recovery window."};
  }
  if (cluster.damaged_objects > 0) {
    return {Standing::bad, "damaged", "Something that is stored is damaged."};
  }
  const std::optional<double> rpo = rpo_seconds(cluster, figures);
  if (cluster.wal.configured && cluster.wal.state != "streaming") {
    return {Standing::warning, "WAL not received",
            "WAL is not received" + (cluster.wal.problem.empty() ? "." : ": " + cluster.wal.problem)};
  }
  if (cluster.wal.configured &&
      (!cluster.wal.updated || seconds_between(*cluster.wal.updated, figures.taken) > heard_within_seconds)) {
    return {Standing::warning, "WAL not heard of", "Nothing was heard from the server for over a minute."};
  }
  if (rpo && cluster.targets.rpo_seconds > 0 && *rpo > cluster.targets.rpo_seconds && cluster.wal.lag_bytes > 0) {
    return {Standing::warning, "behind",
            fmt::format("WAL is {} behind; at most {} are promised.", rough_span(*rpo), rough_span(cluster.targets.rpo_seconds))};
  }
  return {Standing::good, "recoverable", {}};
}

std::string count_of(std::size_t count, std::size_t all, const char* one, const char* many) {
  return fmt::format("{} of {} cluster{} {}", count, all, all == 1 ? "" : "s", count == 1 ? one : many);
}

std::size_t count_of(const ServiceVerdict& verdict, Standing standing) {
  return static_cast<std::size_t>(
      std::ranges::count_if(verdict.clusters, [&](const auto& each) { return each.second.standing == standing; }));
}

void name_those(ServiceVerdict& verdict, Standing standing) {
  for (const auto& [cluster, found] : verdict.clusters) {
    if (found.standing == standing) {
      const std::string& what = found.reason.empty() ? found.label : found.reason;
      verdict.details.push_back(what.find(cluster) == std::string::npos ? cluster + ": " + what : what);
    }
  }
}

std::string all_of(const ServiceVerdict& verdict, const std::string& what) {
  const std::size_t all = verdict.clusters.size();
  return all == 1 ? verdict.clusters.begin()->first + " is " + what : fmt::format("All {} clusters are {}", all, what);
}

void tell_good(ServiceVerdict& verdict, const ServiceFigures& figures) {
  std::optional<double> worst_rpo;
  std::optional<double> shortest;
  for (const ClusterFigures& cluster : figures.clusters) {
    if (verdict.clusters.at(cluster.cluster).standing == Standing::good) {
      worst_rpo = std::max(worst_rpo.value_or(0), rpo_seconds(cluster, figures).value_or(0));
      const double window = window_seconds(cluster).value_or(0);
      shortest = std::min(shortest.value_or(window), window);
    }
  }
  if (worst_rpo && shortest) {
    const bool several = count_of(verdict, Standing::good) > 1;
    verdict.details.push_back(fmt::format("{} {}. {} {}.", several ? "Worst RPO" : "RPO", rough_span(*worst_rpo),
                                          several ? "Shortest recovery window" : "Recovery window", rough_span(*shortest)));
  }
}

void tell(ServiceVerdict& verdict, const ServiceFigures& figures) {
  const std::size_t all = verdict.clusters.size();
  const std::size_t good = count_of(verdict, Standing::good);
  const std::size_t elsewhere = count_of(verdict, Standing::elsewhere);
  if (const std::size_t bad = count_of(verdict, Standing::bad); bad > 0) {
    verdict.standing = Standing::bad;
    verdict.headline = all == 1 ? verdict.clusters.begin()->first + " needs you" : count_of(bad, all, "needs you", "need you");
    name_those(verdict, Standing::bad);
  } else if (const std::size_t unknown = count_of(verdict, Standing::unknown); unknown > 0) {
    verdict.standing = Standing::unknown;
    verdict.headline = all == 1 ? "How " + verdict.clusters.begin()->first + " stands is not known"
                                : "How " + count_of(unknown, all, "stands", "stand") + " is not known";
    name_those(verdict, Standing::unknown);
  } else if (const std::size_t warning = count_of(verdict, Standing::warning); warning > 0) {
    verdict.standing = Standing::warning;
    verdict.headline =
        all == 1 ? verdict.clusters.begin()->first + " needs a look" : count_of(warning, all, "needs a look", "need a look");
    name_those(verdict, Standing::warning);
  } else if (good > 0) {
    verdict.standing = Standing::good;
    verdict.headline = elsewhere == 0 ? all_of(verdict, "recoverable")
                                      : fmt::format("{} cluster{} recoverable, {} looked after elsewhere", good,
                                                    good == 1 ? " is" : "s are", elsewhere);
    tell_good(verdict, figures);
  } else {
    verdict.standing = Standing::elsewhere;
    verdict.headline = all_of(verdict, "looked after by another daemon");
    verdict.details.emplace_back("This one waits to take over.");
  }
}

// What concerns no cluster: the daemon itself, its repositories, its receivers.
void tell_of_daemon(ServiceVerdict& verdict, const std::vector<AlertEntry>& alerts) {
  const AlertEntry* worst = worst_alert(alerts, {});
  if (worst == nullptr) {
    return;
  }
  const Standing standing = worst->alert.severity == Severity::critical ? Standing::bad : Standing::warning;
  if (standing > verdict.standing) {
    verdict.standing = standing;
    verdict.headline = standing == Standing::bad ? "The daemon needs you" : "The daemon needs a look";
    verdict.details.clear();
  }
  verdict.details.push_back(worst->alert.summary);
}
}  // namespace

std::string_view name(Standing standing) noexcept {
  switch (standing) {
    case Standing::good: return "good";
    case Standing::elsewhere: return "elsewhere";
    case Standing::unknown: return "unknown";
    case Standing::warning: return "warning";
    case Standing::bad: break;
  }
  return "bad";
}

bool is_open(const AlertEntry& entry) noexcept {
  return entry.state == AlertState::firing || entry.state == AlertState::settling;
}

std::optional<double> too_old(const PageView& view) {
  if (view.figures == nullptr) {
    return std::nullopt;
  }
  const double age = seconds_between(view.figures->taken, view.now);
  return age > figures_old_after_seconds ? std::optional(age) : std::nullopt;
}

std::optional<double> rpo_seconds(const ClusterFigures& cluster, const ServiceFigures& figures) {
  if (!cluster.recoverable_from || !cluster.recoverable_until) {
    return std::nullopt;  // WAL alone brings nothing back
  }
  const Time safe = std::max(*cluster.recoverable_until, cluster.wal.durable_time.value_or(*cluster.recoverable_until));
  return std::max(0.0, seconds_between(safe, figures.taken));
}

std::optional<double> window_seconds(const ClusterFigures& cluster) {
  if (!cluster.recoverable_from || !cluster.recoverable_until) {
    return std::nullopt;
  }
  return std::max(0.0, seconds_between(*cluster.recoverable_from, *cluster.recoverable_until));
}

ClusterStanding standing_of(const ClusterFigures& cluster, const PageView& view) {
  const std::optional<double> age = too_old(view);
  if (age) {
    return {Standing::unknown, "not known", fmt::format("What is shown here held {} ago.", rough_span(*age))};
  }
  ClusterStanding found = by_figures(cluster, *view.figures);
  if (view.alerts == nullptr) {
    if (found.standing == Standing::good) {
      found = {Standing::unknown, "not known", "It has not been judged yet."};
    }
    return found;
  }
  if (const AlertEntry* worst = worst_alert(*view.alerts, cluster.cluster)) {
    const Standing alerted = worst->alert.severity == Severity::critical ? Standing::bad : Standing::warning;
    if (alerted >= found.standing) {
      const bool elsewhere = found.standing == Standing::elsewhere;
      return {elsewhere ? Standing::elsewhere : alerted,
              found.standing == alerted || elsewhere ? found.label : (alerted == Standing::bad ? "needs you" : "needs a look"),
              elsewhere ? found.reason : worst->alert.summary};
    }
  }
  return found;
}

ServiceVerdict verdict_of(const PageView& view) {
  ServiceVerdict verdict;
  if (view.figures == nullptr) {
    verdict.headline = "Nothing is known yet";
    verdict.details.emplace_back("The daemon has only just started.");
    return verdict;
  }
  for (const ClusterFigures& cluster : view.figures->clusters) {
    verdict.clusters[cluster.cluster] = standing_of(cluster, view);
  }
  if (const std::optional<double> age = too_old(view)) {
    verdict.headline = "How things stand is not known";
    verdict.details.push_back("What is shown here held " + rough_span(*age) +
                              " ago. The daemon answers, but works out nothing new: journalctl -u pgrecall says more.");
    return verdict;
  }
  if (verdict.clusters.empty()) {
    verdict.headline = "Nothing is protected";
    verdict.details.emplace_back("No cluster is configured.");
  } else {
    tell(verdict, *view.figures);
  }
  if (view.alerts != nullptr) {
    tell_of_daemon(verdict, *view.alerts);
  }
  if (view.figures->state == "draining") {
    verdict.details.emplace_back("The daemon is about to end.");
  }
  return verdict;
}

}  // namespace pgrecall
