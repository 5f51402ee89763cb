#pragma once

#include <string>
#include <vector>

#include "alert/alert.h"
#include "config/alerts_config.h"

namespace pgrecall {

// Names of the receivers that are to hear of the alert, in order, each once: those of every route that fits; where none fits (or
// there is none), all. That a receiver fails (PgrecallReceiverFailing, whose subject it is) is told to others: to all of them
// when the routes name nobody else. Empty when there is nobody.
[[nodiscard]] std::vector<std::string> routes_of(const AlertsConfig& config, const Alert& alert);

}  // namespace pgrecall
