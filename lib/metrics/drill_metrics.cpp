#include "metrics/definition.h"

namespace pgrecall {

namespace {
using prometheus::MetricType;

// No sample where no drill has told it yet.
template <auto member>
void collect_drill(const ServiceFigures& figures, Samples& samples) {
  for (const ClusterFigures& each : figures.clusters) {
    samples.add({each.cluster}, each.drill.*member);
  }
}

const std::vector<MetricDefinition>& drill_definitions() {
  static const std::vector<MetricDefinition> all{
      {"pgrecall_proven_recoverable_until_timestamp_seconds",
       MetricType::Gauge,
       {"cluster"},
       "The latest moment that a drill has really reached",
       collect_drill<&DrillFigures::proven_until>},
      {"pgrecall_drill_last_success_timestamp_seconds",
       MetricType::Gauge,
       {"cluster"},
       "When the newest drill that passed ended",
       collect_drill<&DrillFigures::last_success>},
      {"pgrecall_drill_last_restore_seconds",
       MetricType::Gauge,
       {"cluster"},
       "How long restoring took in the newest drill that passed",
       collect_drill<&DrillFigures::last_restore_seconds>},
      {"pgrecall_drill_last_replay_seconds",
       MetricType::Gauge,
       {"cluster"},
       "How long replaying WAL took in it, the server's start included",
       collect_drill<&DrillFigures::last_replay_seconds>},
      {"pgrecall_recovery_estimate_seconds",
       MetricType::Gauge,
       {"cluster"},
       "How long bringing back the newest moment would take, by what drills took",
       collect_drill<&DrillFigures::recovery_seconds>},
      {"pgrecall_drill_max_age_seconds",
       MetricType::Gauge,
       {"cluster"},
       "How long ago the newest drill that passed may be; 0: none is scheduled",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           samples.add({each.cluster}, each.targets.drill_max_age_seconds);
         }
       }},
  };
  return all;
}
}  // namespace

std::span<const MetricDefinition> drill_metrics() { return drill_definitions(); }

}  // namespace pgrecall
