#include "help_format.h"

namespace pgrecall {

HelpFormat::HelpFormat() { column_width(34); }

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0 || option->get_positional()) {
    return {};
  }
  // Behind the colon are the descriptions of checks.
  const std::string type = option->get_type_name();
  return " " + type.substr(0, type.find(':'));
}

}  // namespace pgrecall
