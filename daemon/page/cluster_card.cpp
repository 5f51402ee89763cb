#include <algorithm>

#include "base/units.h"
#include "page/parts.h"
#include "page/timeline.h"

namespace pgrecall {

namespace {
Html fact(const std::string& term, const Html& value, const Html& note, const char* kind = "") {
  return html(R"(<div><dt>{}</dt><dd class="{}">{}</dd><dd class="note">{}</dd></div>)", term, kind, value, note);
}

Html unknown_fact(const std::string& term, const std::string& note) {
  return fact(term, {"unknown"}, html("{}", note), "unknown");
}

Html window_fact(const ClusterFigures& cluster) {
  const std::string promised =
      cluster.targets.window_seconds > 0 ? rough_span(cluster.targets.window_seconds) + " promised" : "none promised";
  const std::optional<double> window = window_seconds(cluster);
  if (!window) {
    return cluster.window_computed && cluster.window_problem.empty()
               ? fact("Recovery window", {"none"}, html("{}", promised), "over")
               : unknown_fact("Recovery window", promised);
  }
  return fact("Recovery window", html("{}", rough_span(*window)), html("{}", promised));
}

Html rpo_fact(const ClusterFigures& cluster, const PageView& view) {
  const double target = cluster.targets.rpo_seconds;
  const std::string promised = target > 0 ? "at most " + rough_span(target) + " promised" : "none promised";
  const std::optional<double> rpo = rpo_seconds(cluster, *view.figures);
  if (!rpo || too_old(view)) {
    return unknown_fact("RPO now", promised);
  }
  const std::string behind = cluster.wal.lag_bytes > 0 ? format_size(cluster.wal.lag_bytes) + " behind, " : "";
  return fact("RPO now", html("{}", rough_span(*rpo)), html("{}", behind + promised), target > 0 && *rpo > target ? "over" : "");
}

Html backup_fact(const ClusterFigures& cluster, const Moments& moments) {
  if (cluster.backups.empty()) {
    const bool known = cluster.window_computed && cluster.window_problem.empty();
    return known ? fact("Last backup", {"never"}, {"there is none"}, "over") : unknown_fact("Last backup", "");
  }
  const BackupFigures& backup = cluster.backups.back();
  const double allowed = cluster.targets.backup_max_age_seconds;
  const bool old = allowed > 0 && seconds_between(backup.started, moments.now()) > allowed;
  return fact("Last backup", moments.relative(backup.finished),
              html("{}, {}, {} stored", backup.keep, format_size(backup.logical_bytes), format_size(backup.stored_bytes)),
              old ? "over" : "");
}

const JobFigures* next_job(const ClusterFigures& cluster) {
  const JobFigures* found = nullptr;
  for (const JobFigures& job : cluster.jobs) {
    const bool backup = job.job == "daily" || job.job == "weekly" || job.job == "monthly";
    if (backup && job.next && (found == nullptr || *job.next < *found->next)) {
      found = &job;
    }
  }
  return found;
}

Html next_fact(const ClusterFigures& cluster, const Moments& moments) {
  const JobFigures* job = next_job(cluster);
  if (job == nullptr) {
    return fact("Next backup", {"none"}, {"none is scheduled"});
  }
  if (*job->next <= moments.now()) {
    return fact("Next backup", {"due"}, html("{}, {}", job->job, moments.clock(*job->next)));
  }
  return fact("Next backup", moments.relative(*job->next), html("{}, {}", job->job, moments.clock(*job->next)));
}

Html running(const ClusterFigures& cluster, const Moments& moments) {
  Html shown;
  for (const JobFigures& job : cluster.jobs) {
    if (!job.running) {
      continue;
    }
    const JobFigures::Running& run = *job.running;
    const bool known = run.expected_bytes > 0;
    const double part = known ? std::min(1.0, static_cast<double>(run.done_bytes) / static_cast<double>(run.expected_bytes)) : 0;
    const std::string amount =
        known ? fmt::format("{:.0f}%, {} of {}", 100 * part, format_size(run.done_bytes), format_size(run.expected_bytes))
              : (run.done_bytes > 0 ? format_size(run.done_bytes) : std::string());
    shown +=
        html(R"(<div class="run"><p class="words"><span><b>{}</b> is running{}</span><span>{}{}begun {}</span></p>)", job.job,
             run.phase.empty() ? "" : ": " + run.phase, amount, amount.empty() ? "" : ", ", moments.relative(run.started));
    shown += known ? gauge(part, 0, amount) : Html();
    shown.text += "</div>";
  }
  return shown;
}

// What became of the newest run, and when.
Html last_of(const JobFigures& job, const Moments& moments) {
  if (!job.last_completion) {
    return {R"(<span class="soft">never</span>)"};
  }
  const Html when = moments.relative(*job.last_completion);
  if (job.last_result == "failed") {
    return html(R"(<span class="failed">failed</span> {}{})", when,
                job.tried_again ? Html{R"(<span class="soft">, is tried again</span>)"} : Html());
  }
  if (job.last_result == "warnings") {
    return html(R"(<span class="unknown-value">with warnings</span> {})", when);
  }
  return html(R"(<span class="soft">{}</span> {})",
              job.last_result.empty() || job.last_result == "done" ? "done" : job.last_result, when);
}

Html why_failed(const JobFigures& job) {
  if (job.last_result != "failed" || (job.last_error_message.empty() && job.last_error_kind.empty())) {
    return {};
  }
  return html(R"(<tr><td></td><td class="failed" colspan="3">{}</td></tr>)",
              job.last_error_message.empty() ? job.last_error_kind : job.last_error_message);
}

Html jobs(const ClusterFigures& cluster, const Moments& moments) {
  if (cluster.jobs.empty()) {
    return {};
  }
  Html table{
      R"(<table class="jobs"><thead><tr><th>Job</th><th>Last run</th><th class="optional">Took</th><th>Next</th></tr></thead><tbody>)"};
  const Html none{R"(<span class="soft">–</span>)"};
  for (const JobFigures& job : cluster.jobs) {
    const Html took = job.last_duration_seconds ? html("{}", rough_span(*job.last_duration_seconds)) : none;
    const Html next = job.running ? Html{"running"} : (job.next ? moments.bare_clock(*job.next) : none);
    table += html(R"(<tr><td class="name">{}</td><td>{}</td><td class="optional">{}</td><td>{}</td></tr>)", job.job,
                  last_of(job, moments), took, next);
    table += why_failed(job);
  }
  table.text += "</tbody></table>";
  return table;
}
}  // namespace

Html cluster_card(const ClusterFigures& cluster, const ClusterStanding& standing, const PageView& view) {
  const Moments moments(cluster.timezone, view.now);
  const Freshness freshness = standing.standing == Standing::unknown ? Freshness::stale : Freshness::fresh;
  Html card = html(R"(<article class="card {}" id="cluster-{}"><header>{}<h3>{}</h3><span class="pill {}">{}</span>)",
                   name(standing.standing), cluster.cluster, sign(standing.standing), cluster.cluster, name(standing.standing),
                   standing.label);
  card += html(R"(<span class="where">repository {}, times in {}</span></header>)", cluster.repository, moments.zone().name());
  if (!standing.reason.empty()) {
    card += html(R"(<p class="reason">{}</p>)", standing.reason);
  }
  if (cluster.lacks_vault_key()) {
    card += html(R"(<p class="reason">{}</p>)",
                 "The newest backup lacks pgsodium_root.key: nothing that Supabase's Vault holds can be decrypted without it.");
  }
  if (standing.standing != Standing::elsewhere) {
    card += html(R"(<dl class="facts">{}{}{}{}</dl>)", window_fact(cluster), rpo_fact(cluster, view),
                 backup_fact(cluster, moments), next_fact(cluster, moments));
    card += timeline_svg(cluster, moments, freshness);
    card += running(cluster, moments);
    card += jobs(cluster, moments);
  }
  card.text += "</article>\n";
  return card;
}

}  // namespace pgrecall
