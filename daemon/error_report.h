#pragma once

#include <exception>

#include "output/console.h"

namespace pgrecall {

// The one place that prints errors: text on stderr, with --output json also an object on stdout. Returns the exit code.
int report(const std::exception& error, Console& console);

}  // namespace pgrecall
