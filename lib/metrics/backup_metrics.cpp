#include <algorithm>
#include <array>

#include "metrics/definition.h"

namespace pgrecall {

namespace {
using prometheus::MetricType;

// Of each kind of backup the newest.
template <typename Call>
void for_each_newest_backup(const ServiceFigures& figures, const Call& call) {
  for (const ClusterFigures& each : figures.clusters) {
    std::map<std::string, const BackupFigures*> newest;
    for (const BackupFigures& backup : each.backups) {
      newest[backup.keep] = &backup;
    }
    for (const auto& [kind, backup] : newest) {
      call(each.cluster, *backup);
    }
  }
}

// Read by those who ask for metrics, in order.
const std::vector<MetricDefinition>& backup_definitions() {
  static const std::vector<MetricDefinition> all{
      {"pgrecall_backups",
       MetricType::Gauge,
       {"cluster", "kind"},
       "Backups in the repository",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (!each.window_computed) {
             continue;
           }
           std::map<std::string, std::uint64_t> counts{{"daily", 0}, {"weekly", 0}, {"monthly", 0}, {"manual", 0}};
           for (const auto& [kind, count] : each.backups_by_keep) {
             counts[kind] = count;
           }
           for (const auto& [kind, count] : counts) {
             samples.add({each.cluster, kind}, count);
           }
         }
       }},
      {"pgrecall_backup_last_logical_bytes",
       MetricType::Gauge,
       {"cluster", "kind"},
       "Size of the files of the newest backup",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_newest_backup(figures, [&](const std::string& cluster, const BackupFigures& backup) {
           samples.add({cluster, backup.keep}, backup.logical_bytes);
         });
       }},
      {"pgrecall_backup_last_stored_bytes",
       MetricType::Gauge,
       {"cluster", "kind"},
       "What the newest backup added to the repository",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_newest_backup(figures, [&](const std::string& cluster, const BackupFigures& backup) {
           samples.add({cluster, backup.keep}, backup.stored_bytes);
         });
       }},
      {"pgrecall_backup_last_timestamp_seconds",
       MetricType::Gauge,
       {"cluster", "kind"},
       "When the newest backup began",
       [](const ServiceFigures& figures, Samples& samples) {
         for_each_newest_backup(figures, [&](const std::string& cluster, const BackupFigures& backup) {
           samples.add({cluster, backup.keep}, backup.started);
         });
       }},
      {"pgrecall_page_checksum_errors",
       MetricType::Gauge,
       {"cluster"},
       "Pages of the server whose checksum was wrong when the newest backup read them",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (!each.backups.empty()) {
             samples.add({each.cluster}, each.backups.back().page_failures);
           }
         }
       }},
      {"pgrecall_backup_companions_missing",
       MetricType::Gauge,
       {"cluster"},
       "Companions that the newest backup is without, the key of a Supabase's Vault among them where none has it",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (!each.backups.empty()) {
             const auto missing = std::ranges::count_if(each.backups.back().companions,
                                                        [](const CompanionFigures& one) { return !one.problem.empty(); });
             samples.add({each.cluster}, static_cast<std::uint64_t>(missing) + (each.lacks_vault_key() ? 1 : 0));
           }
         }
       }},
      {"pgrecall_verify_damaged_objects",
       MetricType::Gauge,
       {"cluster"},
       "Damage in the repository that the newest verification found",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ClusterFigures& each : figures.clusters) {
           if (each.window_computed) {
             samples.add({each.cluster}, each.damaged_objects);
           }
         }
       }},
  };
  return all;
}
}  // namespace

std::span<const MetricDefinition> backup_metrics() { return backup_definitions(); }

}  // namespace pgrecall
