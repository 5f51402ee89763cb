#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "alert/book.h"
#include "config/config.h"
#include "service/log.h"
#include "status/status.h"

namespace pgrecall {

// Judges the service's figures, on the desk, and keeps the book of what is wrong. Whom to tell what goes on to `deliver`.
class Alerts {
 public:
  struct Surroundings {
    const FiguresBoard& figures;
    AlertBoard& board;
    ServiceLog& log;
    const Clock& clock;
  };
  // May throw; it is called again then.
  using Deliver = std::function<void(const AlertsConfig&, const Notification&)>;
  // The state directory's journal has been opened. All of these outlive it.
  Alerts(const std::string& state_directory, const AlertsConfig& config, const Surroundings& around, Deliver deliver);

  // What holds from the next round on.
  void configure(const AlertsConfig& config) { config_ = config; }
  // Call every few seconds. What fails is logged, and tried again with the next one.
  void round() noexcept;
  // Something that happened once, and is told of for `alerts.remember`. The runbook's address is added.
  void happen(Alert alert);
  // Nobody is told of the cluster's alerts for a while, or of those of one name. Of `wanted`, cluster, alert, who and why.
  Silence silence(Silence wanted, std::chrono::seconds span);
  // `alert` may be empty: of all names.
  std::size_t end_silences(const std::string& cluster, const std::string& alert);
  // Forgets what was over before.
  void forget(Time before) { book_.forget(before); }

  // Why the state directory cannot be written; empty where it can.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  [[nodiscard]] std::vector<AlertEntry> open() const { return book_.open(around_.clock.now()); }
  [[nodiscard]] std::vector<AlertEntry> past(unsigned limit) const { return book_.past(limit); }
  [[nodiscard]] std::vector<Silence> silences() const { return book_.silences(around_.clock.now()); }

 private:
  void tell(const Notification& notification);
  void try_writing();
  void publish();

  AlertsConfig config_;
  Surroundings around_;
  Deliver deliver_;
  const std::string host_;
  AlertBook book_;
  std::string problem_;
  std::optional<std::chrono::steady_clock::time_point> tried_;
};

}  // namespace pgrecall
