#include "base/host_name.h"

#include <unistd.h>

#include <array>
#include <climits>

namespace pgrecall {

std::string host_name(const std::string& unknown) {
  std::array<char, HOST_NAME_MAX + 1> name{};
  const bool known = ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0';
  return known ? name.data() : unknown;
}

}  // namespace pgrecall
