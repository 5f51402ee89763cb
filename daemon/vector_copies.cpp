#include "vector_copies.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

namespace pgrecall {

void start_with_vector_copies([[maybe_unused]] char** argv) {
#if defined(__x86_64__) && defined(__GLIBC__)
  constexpr const char* variable = "GLIBC_TUNABLES";
  std::array<char, 4096> path{};
  __builtin_cpu_init();
  if (!__builtin_cpu_is("amd") || std::getenv(variable) != nullptr ||  // NOLINT(concurrency-mt-unsafe): no thread is there yet
      ::readlink("/proc/self/exe", path.data(), path.size() - 1) <= 0 ||
      ::setenv(variable, "glibc.cpu.x86_rep_movsb_threshold=1073741824", 1) != 0) {  // NOLINT(concurrency-mt-unsafe)
    return;
  }
  ::execv(path.data(), argv);
#endif
}

}  // namespace pgrecall
