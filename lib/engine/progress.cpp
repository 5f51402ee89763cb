#include "engine/progress.h"

#include <algorithm>

namespace pgrecall {

void Progress::enter(std::string_view phase, std::string_view stage) {
  const std::string_view entered = stage.empty() ? phase : stage;
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  phase_ = phase;
  if (!stages_.empty()) {
    stages_[stage_].took += now - entered_;
  }
  entered_ = now;
  const auto known = std::ranges::find(stages_, entered, &Stage::stage);
  stage_ = static_cast<std::size_t>(known - stages_.begin());
  if (known == stages_.end()) {
    stages_.push_back({std::string(entered), {}});
  }
}

std::vector<Progress::Stage> Progress::stages() const {
  const std::lock_guard lock(mutex_);
  std::vector<Stage> stages = stages_;
  if (!stages.empty()) {
    stages[stage_].took += std::chrono::steady_clock::now() - entered_;
  }
  return stages;
}

Progress::Snapshot Progress::snapshot() const {
  const std::lock_guard lock(mutex_);
  return {.phase = phase_, .done = done_, .total = total_, .stored = stored_, .files = files_};
}

}  // namespace pgrecall
