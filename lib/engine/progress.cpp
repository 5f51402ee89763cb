#include "engine/progress.h"

namespace pgrecall {

void Progress::enter(std::string_view phase) {
  const std::lock_guard lock(mutex_);
  phase_ = phase;
}

Progress::Snapshot Progress::snapshot() const {
  const std::lock_guard lock(mutex_);
  return {.phase = phase_, .done = done_, .total = total_, .stored = stored_, .files = files_};
}

}  // namespace pgrecall
