#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "alert/deliver.h"
#include "alert/outbox.h"
#include "base/clock.h"
#include "config/alerts_config.h"
#include "status/status.h"

namespace pgrecall {

// What the delivery of alerts tells, from threads of its own. Must return soon and not throw.
class DeliveryListener {
 public:
  virtual ~DeliveryListener() = default;
  // `remark`: what of it was not taken, as one recipient of several; mostly empty.
  virtual void on_taken(const std::string& receiver, const Notification& notification, const std::string& remark) noexcept = 0;
  // Called for the first failure in a row, and once an hour while it lasts.
  virtual void on_failing(const std::string& receiver, const std::string& problem,
                          std::chrono::milliseconds next_try) noexcept = 0;
  // It is lost for this receiver.
  virtual void on_given_up(const std::string& receiver, const Notification& notification,
                           const std::string& problem) noexcept = 0;
  // The outbox cannot be read or written.
  virtual void on_trouble(const std::string& text) noexcept = 0;
};

// Takes what waits in the outbox to its receivers: a thread for each, so that a slow one holds back nobody. A message leaves the
// outbox after its receiver has taken it, so that it comes at least once whatever happens in between. Threads start with
// configure(); the destructor ends them within a second or two, and what is not delivered stays in the outbox.
class Deliveries {
 public:
  // All outlive it. Sets Outbox::on_added().
  Deliveries(Outbox& outbox, const Clock& clock, DeliveryListener& listener);
  ~Deliveries();
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  // From now on. Messages for receivers that are not there any more are dropped; those that failed are tried again at once.
  void configure(const AlertsConfig& config);
  // For all receivers, in order of their names.
  [[nodiscard]] std::vector<ReceiverFigures> figures() const;

 private:
  class Queue;

  Outbox& outbox_;
  const Clock& clock_;
  DeliveryListener& listener_;
  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, std::unique_ptr<Queue>> queues_;
  std::vector<std::unique_ptr<Queue>> leaving_;  // asked to end; their threads may still be sending
};

}  // namespace pgrecall
