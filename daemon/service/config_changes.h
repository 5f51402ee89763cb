#pragma once

#include <set>
#include <string>

#include "config/config.h"

namespace pgrecall {

// What a new configuration means for what is under way.
struct ConfigChanges {
  std::set<std::string> repositories;  // to be opened anew: address or key changed, or it is gone
  std::set<std::string> guards;        // clusters whose WAL is received in another way, or elsewhere, from now on
  std::string text;                    // for people: "cluster prod is new; daemon.socket needs a restart"
};
[[nodiscard]] ConfigChanges compare(const Config& before, const Config& after);

}  // namespace pgrecall
