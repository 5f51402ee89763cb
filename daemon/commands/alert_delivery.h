#pragma once

#include <string>
#include <vector>

#include "alert/alert.h"
#include "commands/commands.h"
#include "config/config.h"

namespace pgrecall {

// What became of one message to one receiver.
struct Told {
  std::string receiver;
  std::string message;  // "firing" or "resolved"
  std::string answer;   // of the peer; may be empty
  std::string problem;  // empty: it was delivered
};

// Sends `messages`, in order, to each of the receivers, all receivers at the same time: a command has no outbox.
[[nodiscard]] std::vector<Told> tell(const AlertsConfig& config, const std::vector<std::string>& receivers,
                                     const std::vector<Notification>& messages);

// `pgrecall alert test`.
void add_alert_test(CommandLine& line, CLI::App& group);

}  // namespace pgrecall
