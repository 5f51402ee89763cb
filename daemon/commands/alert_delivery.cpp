#include "commands/alert_delivery.h"

#include <thread>

#include "alert/deliver.h"
#include "alert/notification_json.h"

namespace pgrecall {

namespace {
std::vector<Told> tell_one(const AlertsConfig& config, const std::string& receiver, const std::vector<Notification>& messages) {
  std::vector<Told> all;
  for (const Notification& message : messages) {
    const DeliveryOrder order{.receiver = receiver,
                              .config = config.receivers.at(receiver),
                              .repeat_interval = config.repeat_interval,
                              .now = SystemClock().now(),
                              .stop = {}};
    const DeliveryResult result = deliver(order, message);
    all.push_back({receiver, std::string(name(message.state)),
                   result.answer + (result.remark.empty() ? "" : "; " + result.remark), result.problem});
    if (result.outcome != DeliveryResult::Outcome::taken) {
      break;  // what follows would only say the same
    }
  }
  return all;
}
}  // namespace

std::vector<Told> tell(const AlertsConfig& config, const std::vector<std::string>& receivers,
                       const std::vector<Notification>& messages) {
  std::vector<std::vector<Told>> found(receivers.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < receivers.size(); ++i) {
      threads.emplace_back([&, i] {
        try {
          found[i] = tell_one(config, receivers[i], messages);
        } catch (const std::exception& error) {
          found[i] = {{receivers[i], std::string(name(messages.front().state)), "", error.what()}};
        }
      });
    }
  }
  std::vector<Told> all;
  for (const std::vector<Told>& each : found) {
    all.insert(all.end(), each.begin(), each.end());
  }
  return all;
}

}  // namespace pgrecall
