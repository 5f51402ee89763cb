#include <array>

#include "metrics/definition.h"

namespace pgrecall {

namespace {
using prometheus::MetricType;

constexpr std::array<const char*, 6> results{"done", "warnings", "failed", "cancelled", "interrupted", "skipped"};
constexpr std::array<const char*, 8> reasons{"failed",    "configuration", "no_repository",        "held",
                                             "wrong_key", "corruption",    "database_unreachable", "store_unreachable"};

// The counts of all that may be counted: a counter that appears only with its first event hides that event from increase().
template <std::size_t size>
std::map<std::string, std::uint64_t> with_zeros(const std::array<const char*, size>& names,
                                                const std::map<std::string, std::uint64_t>& counts) {
  std::map<std::string, std::uint64_t> all = counts;
  for (const char* name : names) {
    all.try_emplace(name, 0);
  }
  return all;
}

template <typename Call>
void for_each_job(const ServiceFigures& figures, const Call& call) {
  for (const ClusterFigures& each : figures.clusters) {
    for (const JobFigures& job : each.jobs) {
      call(each.cluster, job);
    }
  }
}

// Read by those who ask for metrics, in order.
const std::vector<MetricDefinition>& job_definitions() {
  static const std::vector<MetricDefinition> all{
      {"pgrecall_runs_total",
       MetricType::Counter,
       {"cluster", "job", "result"},
       "Runs that are over, as the journal knows them",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           for (const auto& [key, value] : with_zeros(results, job.runs)) {
             samples.add({cluster, job.job, key}, value);
           }
         });
       }},
      {"pgrecall_run_failures_total",
       MetricType::Counter,
       {"cluster", "job", "reason"},
       "Runs that failed, by the kind of error",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           for (const auto& [key, value] : with_zeros(reasons, job.failures)) {
             samples.add({cluster, job.job, key}, value);
           }
         });
       }},
      {"pgrecall_last_success_timestamp_seconds",
       MetricType::Gauge,
       {"cluster", "job"},
       "When the newest run that did what it should ended, with or without warnings",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           samples.add({cluster, job.job}, job.last_success);
         });
       }},
      {"pgrecall_last_completion_timestamp_seconds",
       MetricType::Gauge,
       {"cluster", "job"},
       "When the newest run that was not broken off ended, well or not",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           samples.add({cluster, job.job}, job.last_completion);
         });
       }},
      {"pgrecall_last_duration_seconds",
       MetricType::Gauge,
       {"cluster", "job"},
       "How long that run took",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           samples.add({cluster, job.job}, job.last_duration_seconds);
         });
       }},
      {"pgrecall_stage_last_duration_seconds",
       MetricType::Gauge,
       {"cluster", "job", "stage"},
       "How long each stage of the newest run that did what it should took",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           for (const auto& [key, value] : job.last_stage_seconds) {
             samples.add({cluster, job.job, key}, value);
           }
         });
       }},
      {"pgrecall_running",
       MetricType::Gauge,
       {"cluster", "job"},
       "Whether a run is under way",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           samples.add({cluster, job.job}, job.running ? 1.0 : 0.0);
         });
       }},
      {"pgrecall_progress_bytes",
       MetricType::Gauge,
       {"cluster", "job"},
       "How much the run under way has dealt with",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           if (job.running) {
             samples.add({cluster, job.job}, job.running->done_bytes);
           }
         });
       }},
      {"pgrecall_expected_bytes",
       MetricType::Gauge,
       {"cluster", "job"},
       "How much the run under way will have dealt with in the end, where that is known; an estimate",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           if (job.running && job.running->expected_bytes > 0) {
             samples.add({cluster, job.job}, job.running->expected_bytes);
           }
         });
       }},
      {"pgrecall_progress_timestamp_seconds",
       MetricType::Gauge,
       {"cluster", "job"},
       "When the run under way last made progress",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           if (job.running) {
             samples.add({cluster, job.job}, job.running->progress);
           }
         });
       }},
      {"pgrecall_next_run_timestamp_seconds",
       MetricType::Gauge,
       {"cluster", "job"},
       "When the schedule starts the next run",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           samples.add({cluster, job.job}, job.next);
         });
       }},
      {"pgrecall_missed_runs_total",
       MetricType::Counter,
       {"cluster", "job"},
       "Runs that were due and never started, and that no later one stands for",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           samples.add({cluster, job.job}, job.missed);
         });
       }},
      {"pgrecall_expire_needs_confirmation",
       MetricType::Gauge,
       {"cluster"},
       "Whether expire would remove so much that it waits for somebody to confirm it",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_job(figures, [&](const std::string& cluster, const JobFigures& job) {
           if (job.job == "expire") {
             samples.add({cluster}, job.needs_confirmation ? 1.0 : 0.0);
           }
         });
       }},
  };
  return all;
}
}  // namespace

std::span<const MetricDefinition> job_metrics() { return job_definitions(); }

}  // namespace pgrecall
