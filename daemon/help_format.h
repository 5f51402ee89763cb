#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace pgrecall {

// Help that says what an option takes, and leaves to its description what may be said: CLI11's own adds every check and
// exclusion.
class HelpFormat final : public CLI::Formatter {
 public:
  HelpFormat();
  std::string make_option_opts(const CLI::Option* option) const override;
};

}  // namespace pgrecall
