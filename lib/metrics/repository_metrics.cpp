#include <array>

#include "metrics/definition.h"

namespace pgrecall {

namespace {
using prometheus::MetricType;

// Read by those who ask for metrics, in order.
const std::vector<MetricDefinition>& repository_definitions() {
  static const std::vector<MetricDefinition> all{
      {"pgrecall_repository_stored_bytes",
       MetricType::Gauge,
       {"repository"},
       "Size of all objects in the repository, by a listing at most an hour old",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const RepositoryFigures& each : figures.repositories) {
           samples.add({each.repository}, each.stored_bytes);
         }
       }},
      {"pgrecall_repository_free_bytes",
       MetricType::Gauge,
       {"repository"},
       "Free space where the repository is",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const RepositoryFigures& each : figures.repositories) {
           samples.add({each.repository}, each.free_bytes);
         }
       }},
      {"pgrecall_repository_capacity_bytes",
       MetricType::Gauge,
       {"repository"},
       "All space where the repository is",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const RepositoryFigures& each : figures.repositories) {
           samples.add({each.repository}, each.capacity_bytes);
         }
       }},
      {"pgrecall_repository_full_timestamp_seconds",
       MetricType::Gauge,
       {"repository"},
       "When the repository is full if it grows on as in the last week; absent when it does not grow, and before there is a day "
       "of figures",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const RepositoryFigures& each : figures.repositories) {
           samples.add({each.repository}, each.full_at);
         }
       }},
      {"pgrecall_store_request_duration_seconds",
       MetricType::Histogram,
       {"repository", "operation"},
       "Time that requests to the store of the repository took",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const RepositoryFigures& each : figures.repositories) {
           for (const auto& [operation, histogram] : each.request_seconds) {
             samples.add({each.repository, operation}, histogram);
           }
         }
       }},
      {"pgrecall_store_requests_total",
       MetricType::Counter,
       {"repository", "operation", "code"},
       "Requests to the store of the repository since the daemon started; code is ok, or the kind of error",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const RepositoryFigures& each : figures.repositories) {
           for (const auto& [key, count] : each.requests) {
             samples.add({each.repository, key.first, key.second}, count);
           }
         }
       }},
      {"pgrecall_store_transferred_bytes_total",
       MetricType::Counter,
       {"repository", "direction"},
       "Bytes read from (in) and written to (out) the repository since the daemon started",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const RepositoryFigures& each : figures.repositories) {
           samples.add({each.repository, "in"}, each.bytes_in);
           samples.add({each.repository, "out"}, each.bytes_out);
         }
       }},
      {"pgrecall_store_retries_total",
       MetricType::Counter,
       {"repository"},
       "Requests to the store that were tried again since the daemon started",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const RepositoryFigures& each : figures.repositories) {
           samples.add({each.repository}, each.retries);
         }
       }},
  };
  return all;
}
}  // namespace

std::span<const MetricDefinition> repository_metrics() { return repository_definitions(); }

}  // namespace pgrecall
