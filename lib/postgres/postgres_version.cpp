#include "postgres/postgres_version.h"

#include <fmt/format.h>

namespace pgrecall {

std::string format_version_num(unsigned server_version_num) {
  const unsigned major = server_version_num / 10000;
  // Since 10 the second number is the minor version; before, it belonged to the major one.
  if (major >= 10) {
    return fmt::format("{}.{}", major, server_version_num % 10000);
  }
  return fmt::format("{}.{}.{}", major, server_version_num / 100 % 100, server_version_num % 100);
}

}  // namespace pgrecall
