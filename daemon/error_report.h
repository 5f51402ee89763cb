#pragma once

#include <exception>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "output/console.h"

namespace pgrecall {

// As commands with --output json and the daemon's API show it: docs/json-output.md.
[[nodiscard]] nlohmann::ordered_json to_json(const Error& error);

// The one place that prints errors: text on stderr, with --output json also an object on stdout. Returns the exit code.
int report(const std::exception& error, Console& console);

}  // namespace pgrecall
