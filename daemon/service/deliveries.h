#pragma once

#include <set>
#include <string>

#include "alert/deliveries.h"
#include "alert/heartbeats.h"
#include "config/config.h"
#include "service/log.h"

namespace pgrecall {

// Who is told by the service: the delivery of what is in the outbox, and heartbeats; what becomes of both is logged. Its threads
// end when it is destroyed. Apart from construction and destruction for any thread.
class ServiceDeliveries final : private DeliveryListener {
 public:
  // All outlive it. Nothing is sent before configure().
  ServiceDeliveries(Outbox& outbox, const Clock& clock, ServiceLog& log);
  ~ServiceDeliveries() override = default;

  void configure(const AlertsConfig& config);
  // Into `receivers` and `heartbeats` of the figures.
  void add_figures(ServiceFigures& figures) const;

  [[nodiscard]] Heartbeats& heartbeats() noexcept { return heartbeats_; }

 private:
  void on_taken(const std::string& receiver, const Notification& notification, const std::string& answer) noexcept override;
  void on_failing(const std::string& receiver, const std::string& problem, std::chrono::milliseconds next_try) noexcept override;
  void on_given_up(const std::string& receiver, const Notification& notification, const std::string& problem) noexcept override;
  void on_trouble(const std::string& text) noexcept override;

  ServiceLog& log_;
  Heartbeats heartbeats_;
  Deliveries deliveries_;
};

// Whether each cluster of the configuration meets its targets: its state is known and fresh, this daemon (or another one) looks
// after it, and nothing critical is open about it, nor about the daemon as a whole. `critical` has clusters with an open critical
// alert, "" for the daemon.
[[nodiscard]] Health health_of(const ServiceFigures& figures, const std::set<std::string>& critical, Time now);

}  // namespace pgrecall
