#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "service/alerts.h"

// Alerts and silences in the control interface: docs/api.md.

namespace pgrecall {

[[nodiscard]] nlohmann::ordered_json to_json(const AlertEntry& entry);
[[nodiscard]] nlohmann::ordered_json to_json(const Silence& silence);

enum class AlertScope {
  told,  // firing and settling
  all,   // and those that are pending or over
};
// `alerts` and `silences`; of all clusters when `cluster` is empty. What is of no cluster belongs to every one.
[[nodiscard]] nlohmann::ordered_json alerts_json(const Alerts& alerts, const std::string& cluster, AlertScope scope);

// What a request body asks for. Error{usage}.
struct SilenceWish {
  std::string cluster;
  std::string alert;  // its name; empty: all alerts of the cluster
  std::chrono::seconds span{};
  std::string why;
};
[[nodiscard]] SilenceWish silence_wish_of(const std::string& body);
// Its member `alert`: the name of an alert, or empty without one. Error{usage}.
[[nodiscard]] std::string alert_in(const nlohmann::ordered_json& json);

}  // namespace pgrecall
