#include <array>

#include "metrics/definition.h"

namespace pgrecall {

namespace {
using prometheus::MetricType;

// Read by those who ask for metrics, in order.
const std::vector<MetricDefinition>& service_definitions() {
  static const std::vector<MetricDefinition> all{
      {"pgrecall_build_info",
       MetricType::Gauge,
       {"version"},
       "1, with the version of the daemon that runs",
       [](const ServiceFigures& figures, Samples& samples) { samples.add({figures.version}, 1.0); }},
      {"pgrecall_start_timestamp_seconds",
       MetricType::Gauge,
       {},
       "When the daemon started",
       [](const ServiceFigures& figures, Samples& samples) { samples.add({}, figures.started); }},
      {"pgrecall_figures_timestamp_seconds",
       MetricType::Gauge,
       {},
       "When these metrics were worked out, by the clock of the host of pgrecall",
       [](const ServiceFigures& figures, Samples& samples) { samples.add({}, figures.taken); }},
      {"pgrecall_config_last_reload_successful",
       MetricType::Gauge,
       {},
       "Whether the configuration was valid when it was read last, and all of it is in force",
       [](const ServiceFigures& figures, Samples& samples) {
         samples.add({}, figures.reload_good && figures.web_problem.empty() ? 1.0 : 0.0);
       }},
      {"pgrecall_config_last_reload_success_timestamp_seconds",
       MetricType::Gauge,
       {},
       "When a valid configuration was read last",
       [](const ServiceFigures& figures, Samples& samples) { samples.add({}, figures.reload_success); }},
      {"pgrecall_clock_jump_timestamp_seconds",
       MetricType::Gauge,
       {},
       "When the clock of the host of pgrecall jumped last, by its new time",
       [](const ServiceFigures& figures, Samples& samples) { samples.add({}, figures.clock_jumped); }},
      {"pgrecall_journal_rebuilt_timestamp_seconds",
       MetricType::Gauge,
       {},
       "When the journal was found damaged and made anew from the repository",
       [](const ServiceFigures& figures, Samples& samples) { samples.add({}, figures.journal_rebuilt); }},
      {"pgrecall_state_writable",
       MetricType::Gauge,
       {},
       "Whether the daemon can write its own state (daemon.state); otherwise it goes on in memory",
       [](const ServiceFigures& figures, Samples& samples) { samples.add({}, figures.state_problem.empty() ? 1.0 : 0.0); }},
      {"pgrecall_alerts_open",
       MetricType::Gauge,
       {"severity"},
       "Alerts of the daemon that fire now",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const auto& [severity, count] : figures.alerts_open) {
           samples.add({severity}, count);
         }
       }},
      {"pgrecall_notifications_total",
       MetricType::Counter,
       {"receiver"},
       "Messages that a receiver of alerts took",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ReceiverFigures& each : figures.receivers) {
           samples.add({each.receiver}, each.delivered);
         }
       }},
      {"pgrecall_notification_failures_total",
       MetricType::Counter,
       {"receiver", "reason"},
       "Tries to tell a receiver of alerts that failed",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ReceiverFigures& each : figures.receivers) {
           for (const auto& [reason, count] : each.failures) {
             samples.add({each.receiver, reason}, count);
           }
         }
       }},
      {"pgrecall_notifications_waiting",
       MetricType::Gauge,
       {"receiver"},
       "Messages that a receiver of alerts has not taken yet",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const ReceiverFigures& each : figures.receivers) {
           samples.add({each.receiver}, each.waiting);
         }
       }},
      {"pgrecall_heartbeat_last_success_timestamp_seconds",
       MetricType::Gauge,
       {"heartbeat"},
       "When a heartbeat was last taken by the address that it goes to",
       [](const ServiceFigures& figures, Samples& samples) {
         for (const HeartbeatFigures& each : figures.heartbeats) {
           samples.add({each.heartbeat}, each.last_success);
         }
       }},
  };
  return all;
}
}  // namespace

std::span<const MetricDefinition> service_metrics() { return service_definitions(); }

}  // namespace pgrecall
