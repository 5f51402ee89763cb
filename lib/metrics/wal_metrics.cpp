#include <array>

#include "metrics/definition.h"

namespace pgrecall {

namespace {
using prometheus::MetricType;

// Read by those who ask for metrics, in order.
const std::vector<MetricDefinition>& wal_definitions() {
  static const std::vector<MetricDefinition> all{
      {"pgrecall_wal_streaming",
       MetricType::Gauge,
       {"cluster"},
       "Whether WAL is received now",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.state == "streaming" ? 1.0 : 0.0);
           }
         }
       }},
      {"pgrecall_wal_lag_bytes",
       MetricType::Gauge,
       {"cluster"},
       "WAL that the server had written when it last spoke, and that is not safe here",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.lag_bytes);
           }
         }
       }},
      {"pgrecall_wal_lag_seconds",
       MetricType::Gauge,
       {"cluster"},
       "How long ago the server said what is all safe here; up to 10 seconds while nothing is written",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.lag_seconds);
           }
         }
       }},
      {"pgrecall_wal_durable_timestamp_seconds",
       MetricType::Gauge,
       {"cluster"},
       "Until when WAL is safe here, by the clock of the server",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.durable_time);
           }
         }
       }},
      {"pgrecall_wal_received_bytes_total",
       MetricType::Counter,
       {"cluster"},
       "WAL received since the daemon started",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.received_bytes);
           }
         }
       }},
      {"pgrecall_wal_stored_segments_total",
       MetricType::Counter,
       {"cluster"},
       "WAL segments stored in the repository since the daemon started",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.stored_segments);
           }
         }
       }},
      {"pgrecall_wal_failures_total",
       MetricType::Counter,
       {"cluster"},
       "Times that receiving WAL ended by an error since the daemon started",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.failures);
           }
         }
       }},
      {"pgrecall_wal_gaps",
       MetricType::Gauge,
       {"cluster"},
       "Places within the promised recovery window where WAL is missing",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured && each.window_computed) {
             samples.add({each.cluster}, each.wal.gaps);
           }
         }
       }},
      {"pgrecall_wal_gap_open",
       MetricType::Gauge,
       {"cluster"},
       "Whether WAL is missing and no backup began behind it yet",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured && each.window_computed) {
             samples.add({each.cluster}, each.wal.gaps > 0 && !each.wal.gap_repaired ? 1.0 : 0.0);
           }
         }
       }},
      {"pgrecall_wal_slot_retained_bytes",
       MetricType::Gauge,
       {"cluster"},
       "WAL that the server keeps for the replication slot of pgrecall",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured && each.wal.slot && each.wal.slot->exists && each.wal.slot->problem.empty()) {
             samples.add({each.cluster}, each.wal.slot->retained_bytes);
           }
         }
       }},
      {"pgrecall_wal_slot_limit_bytes",
       MetricType::Gauge,
       {"cluster"},
       "At how much retained WAL the server cuts the slot off (max_slot_wal_keep_size); absent without a limit",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured && each.wal.slot) {
             samples.add({each.cluster}, each.wal.slot->limit_bytes);
           }
         }
       }},
      {"pgrecall_wal_slot_lost",
       MetricType::Gauge,
       {"cluster"},
       "Whether the server has cut the replication slot off, or has none",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured && each.wal.slot && each.wal.slot->problem.empty()) {
             samples.add({each.cluster}, !each.wal.slot->exists || each.wal.slot->wal_status == "lost" ? 1.0 : 0.0);
           }
         }
       }},
      {"pgrecall_wal_spool_bytes",
       MetricType::Gauge,
       {"cluster"},
       "WAL in the spool of the host of pgrecall",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.spool_bytes);
           }
         }
       }},
      {"pgrecall_wal_spool_limit_bytes",
       MetricType::Gauge,
       {"cluster"},
       "How much WAL the spool may hold, as configured",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.spool_limit);
           }
         }
       }},
      {"pgrecall_wal_refused",
       MetricType::Gauge,
       {"cluster"},
       "WAL segments that the repository refuses because it holds other bytes under their names",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.refused);
           }
         }
       }},
      {"pgrecall_wal_commit_acknowledge_seconds",
       MetricType::Histogram,
       {"cluster"},
       "From receiving WAL to telling the server that it is safe, which a synchronous commit waits for",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.ours && each.wal.configured) {
             samples.add({each.cluster}, each.wal.acknowledge_seconds);
           }
         }
       }},
  };
  return all;
}
}  // namespace

std::span<const MetricDefinition> wal_metrics() { return wal_definitions(); }

}  // namespace pgrecall
