#pragma once

#include <prometheus/metric_family.h>

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "status/status.h"

// How metrics are told. Within lib/metrics alone.

namespace pgrecall {

class Samples;

struct MetricDefinition {
  const char* name;
  prometheus::MetricType type;
  std::vector<const char*> labels;
  const char* help;
  void (*collect)(const ServiceFigures& figures, Samples& samples);
};

// Takes the samples of one metric.
class Samples {
 public:
  Samples(const MetricDefinition& definition, prometheus::MetricFamily& family) : definition_(definition), family_(family) {}

  // As many label values as the definition has labels.
  void add(std::initializer_list<std::string> labels, double value);
  void add(std::initializer_list<std::string> labels, std::uint64_t value) { add(labels, static_cast<double>(value)); }
  // Seconds since 1970.
  void add(std::initializer_list<std::string> labels, Time time) {
    add(labels, std::chrono::duration<double>(time.time_since_epoch()).count());
  }
  void add(std::initializer_list<std::string> labels, const Histogram& histogram);
  // No sample where nothing is known.
  template <typename Value>
  void add(std::initializer_list<std::string> labels, const std::optional<Value>& value) {
    if (value) {
      add(labels, *value);
    }
  }

 private:
  prometheus::ClientMetric& add_metric(std::initializer_list<std::string> labels);

  const MetricDefinition& definition_;
  prometheus::MetricFamily& family_;
};

[[nodiscard]] std::span<const MetricDefinition> service_metrics();
[[nodiscard]] std::span<const MetricDefinition> cluster_metrics();
[[nodiscard]] std::span<const MetricDefinition> backup_metrics();
[[nodiscard]] std::span<const MetricDefinition> drill_metrics();
[[nodiscard]] std::span<const MetricDefinition> wal_metrics();
[[nodiscard]] std::span<const MetricDefinition> job_metrics();
[[nodiscard]] std::span<const MetricDefinition> repository_metrics();

}  // namespace pgrecall
