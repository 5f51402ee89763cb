#include "metrics/metrics.h"

#include <prometheus/text_serializer.h>

#include <sstream>

#include "metrics/definition.h"

namespace pgrecall {

namespace {
template <typename Call>
void for_each_definition(const Call& call) {
  for (const auto group : {service_metrics(), cluster_metrics(), backup_metrics(), drill_metrics(), wal_metrics(), job_metrics(),
                           repository_metrics()}) {
    for (const MetricDefinition& definition : group) {
      call(definition);
    }
  }
}

const char* name_of(prometheus::MetricType type) noexcept {
  switch (type) {
    case prometheus::MetricType::Counter: return "counter";
    case prometheus::MetricType::Histogram: return "histogram";
    default: return "gauge";
  }
}

std::vector<prometheus::MetricFamily> collect(const ServiceFigures& figures) {
  std::vector<prometheus::MetricFamily> families;
  for_each_definition([&](const MetricDefinition& definition) {
    prometheus::MetricFamily family{definition.name, definition.help, definition.type, {}};
    Samples samples(definition, family);
    definition.collect(figures, samples);
    if (!family.metric.empty()) {
      families.push_back(std::move(family));
    }
  });
  return families;
}

std::string text_of(const std::vector<prometheus::MetricFamily>& families) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}
}  // namespace

prometheus::ClientMetric& Samples::add_metric(std::initializer_list<std::string> labels) {
  prometheus::ClientMetric& metric = family_.metric.emplace_back();
  auto name = definition_.labels.begin();
  for (const std::string& value : labels) {
    metric.label.push_back({*name++, value});
  }
  return metric;
}

void Samples::add(std::initializer_list<std::string> labels, double value) {
  prometheus::ClientMetric& metric = add_metric(labels);
  if (definition_.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

void Samples::add(std::initializer_list<std::string> labels, const Histogram& histogram) {
  if (histogram.counts.size() != histogram.bounds.size() + 1) {
    return;  // nothing was measured
  }
  prometheus::ClientMetric& metric = add_metric(labels);
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
    count += histogram.counts[i];
    metric.histogram.bucket.push_back({count, histogram.bounds[i]});
  }
  metric.histogram.sample_count = count + histogram.counts.back();
  metric.histogram.sample_sum = histogram.sum;
}

std::vector<MetricInfo> all_metrics() {
  std::vector<MetricInfo> metrics;
  for_each_definition([&](const MetricDefinition& definition) {
    metrics.push_back(
        {definition.name, name_of(definition.type), {definition.labels.begin(), definition.labels.end()}, definition.help});
  });
  return metrics;
}

std::vector<prometheus::MetricFamily> FiguresCollectable::Collect() const {
  const auto figures = board_.read();
  return figures ? collect(*figures) : std::vector<prometheus::MetricFamily>();
}

std::string metrics_text(const ServiceFigures& figures) { return text_of(collect(figures)); }

std::string metrics_text(const FiguresBoard& board) { return text_of(FiguresCollectable(board).Collect()); }

}  // namespace pgrecall
