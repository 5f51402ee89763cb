#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "config/config.h"
#include "supabase/management_api.h"

namespace pgrecall {

// The platform of a hosted cluster, ready to be asked. Error{usage} for a cluster that is not hosted, Error{configuration} where
// no token is configured or it cannot be read.
struct Platform {
  std::string project;
  std::unique_ptr<ManagementApi> api;
};
[[nodiscard]] Platform platform_of(const std::string& cluster, const ClusterConfig& config);

// What a command ends with when the platform gave no answer.
[[nodiscard]] Error error_of(const ApiTrouble& trouble);
template <typename Value>
[[nodiscard]] Value value_or_throw(ApiAnswer<Value> answer) {
  if (const ApiTrouble* trouble = std::get_if<ApiTrouble>(&answer)) {
    throw error_of(*trouble);
  }
  return std::get<Value>(std::move(answer));
}

}  // namespace pgrecall
