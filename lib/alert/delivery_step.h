#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "alert/outbox.h"
#include "config/alerts_config.h"

// What is to be done next about the messages to one receiver. Pure.

namespace pgrecall {

struct DeliveryRules {
  QuietHoursConfig quiet_hours;
  std::chrono::milliseconds give_up_after{};
  ReceiverConfig::Kind kind = ReceiverConfig::Kind::slack;
};
[[nodiscard]] DeliveryRules rules_of(const AlertsConfig& config, const ReceiverConfig& receiver);

namespace delivery_step {
struct Send {  // one message, or one for several
  std::vector<std::int64_t> ids;
  Notification notification;
};
struct GiveUp {
  std::vector<Outgoing> messages;
};
struct Wait {
  std::optional<Time> until;  // nothing: until there is something new
};
}  // namespace delivery_step
using DeliveryStep = std::variant<delivery_step::Send, delivery_step::GiveUp, delivery_step::Wait>;

// `waiting` as Outbox::waiting() gives it; nothing is sent before `paused`. Of messages about the same alert the older goes
// first, and the younger waits for it; other messages do not. Warnings wait for the end of quiet hours; receivers made for people
// may then get one message for all of them.
[[nodiscard]] DeliveryStep next_step(const std::vector<Outgoing>& waiting, const DeliveryRules& rules, std::optional<Time> paused,
                                     Time now);

// How long after the nth failure in a row: a second, twice as much each time, at most five minutes; of that, between a half and
// all
// (`dice` in [0, 1)), so that not all who wait come back at once.
[[nodiscard]] std::chrono::milliseconds backoff(unsigned failures, double dice) noexcept;

}  // namespace pgrecall
