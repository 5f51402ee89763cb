#include <array>

#include "metrics/definition.h"

namespace pgrecall {

namespace {
using prometheus::MetricType;

// Read by those who ask for metrics, in order.
const std::vector<MetricDefinition>& cluster_definitions() {
  static const std::vector<MetricDefinition> all{
      {"pgrecall_cluster_up",
       MetricType::Gauge,
       {"cluster"},
       "Whether this daemon works on the cluster: its repository opens and no other daemon holds it",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           samples.add({each.cluster}, each.ours ? 1.0 : 0.0);
         }
       }},
      {"pgrecall_recoverable_from_timestamp_seconds",
       MetricType::Gauge,
       {"cluster"},
       "From when on the cluster can be brought back to any moment without a gap",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           samples.add({each.cluster}, each.recoverable_from);
         }
       }},
      {"pgrecall_recoverable_until_timestamp_seconds",
       MetricType::Gauge,
       {"cluster"},
       "Until when the cluster can be brought back, by what is stored and what is safe in the spool",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           samples.add({each.cluster}, each.recoverable_until);
         }
       }},
      {"pgrecall_rpo_target_seconds",
       MetricType::Gauge,
       {"cluster"},
       "The most recent work that may be lost, as configured",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           samples.add({each.cluster}, each.targets.rpo_seconds);
         }
       }},
      {"pgrecall_backup_max_age_seconds",
       MetricType::Gauge,
       {"cluster"},
       "How old the newest backup may become, as configured or as the schedule promises; 0 when nothing is promised",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           samples.add({each.cluster}, each.targets.backup_max_age_seconds);
         }
       }},
      {"pgrecall_window_target_seconds",
       MetricType::Gauge,
       {"cluster"},
       "How far back recovery is to reach, as configured",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           samples.add({each.cluster}, each.targets.window_seconds);
         }
       }},
      {"pgrecall_window_broken",
       MetricType::Gauge,
       {"cluster"},
       "Whether a gap lies within the recovery window that is promised",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.window_computed) {
             samples.add({each.cluster}, each.window_broken ? 1.0 : 0.0);
           }
         }
       }},
      {"pgrecall_window_timestamp_seconds",
       MetricType::Gauge,
       {"cluster"},
       "When the recovery window was last worked out from the repository",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           samples.add({each.cluster}, each.window_computed);
         }
       }},
      {"pgrecall_first_backup_timestamp_seconds",
       MetricType::Gauge,
       {"cluster"},
       "When the first backup that is known of began; it may be gone since",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           samples.add({each.cluster}, each.first_backup_started);
         }
       }},
      {"pgrecall_credential_expiry_timestamp_seconds",
       MetricType::Gauge,
       {"cluster", "credential"},
       "When what pgrecall connects with ends, where that is known",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           for (const CredentialFigures& credential : each.credentials) {
             samples.add({each.cluster, credential.credential}, credential.expires);
           }
         }
       }},
  };
  return all;
}
}  // namespace

std::span<const MetricDefinition> cluster_metrics() { return cluster_definitions(); }

}  // namespace pgrecall
