#pragma once

#include <prometheus/collectable.h>

#include <string>
#include <vector>

#include "status/status.h"

namespace pgrecall {

// What one metric is, as docs/metrics.md lists it.
struct MetricInfo {
  std::string name;  // "pgrecall_cluster_up"
  std::string type;  // "gauge", "counter", "histogram"
  std::vector<std::string> labels;
  std::string help;
};
// All that there are.
[[nodiscard]] std::vector<MetricInfo> all_metrics();

// All metrics, made from the figures that are on the board when they are asked for: what is not in them has no series, so that
// nothing outlives its cluster. Nothing before the first figures. Safe for many threads; costs nothing while nobody asks.
class FiguresCollectable final : public prometheus::Collectable {
 public:
  // `board` outlives it.
  explicit FiguresCollectable(const FiguresBoard& board) : board_(board) {}
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const FiguresBoard& board_;
};

// In the text format that Prometheus reads (version 0.0.4).
[[nodiscard]] std::string metrics_text(const ServiceFigures& figures);
[[nodiscard]] std::string metrics_text(const FiguresBoard& board);
inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace pgrecall
