#pragma once

#include <optional>
#include <string>

namespace pgrecall {

// The major version of the `postgres` in a directory, by its --version. Nothing when there is none that runs, or it says
// something else.
[[nodiscard]] std::optional<unsigned> program_major(const std::string& directory);

}  // namespace pgrecall
