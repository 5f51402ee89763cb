#include "service/repository_pool.h"

namespace pgrecall {

std::shared_ptr<const OpenRepository> RepositoryPool::get(const std::string& name, const RepositoryConfig& configured) {
  std::shared_ptr<Entry> entry;
  std::shared_ptr<StoreCounters> counters;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Entry>& known = entries_[name];
    if (!known) {
      known = std::make_shared<Entry>();
    }
    entry = known;
    std::shared_ptr<StoreCounters>& counted = counters_[name];
    if (!counted) {
      counted = std::make_shared<StoreCounters>();
    }
    counters = counted;
  }
  const std::lock_guard lock(entry->mutex);
  if (!entry->repository) {
    entry->repository =
        std::make_shared<const OpenRepository>(open_repository(configured_address(name, configured), std::move(counters)));
  }
  return entry->repository;
}

void RepositoryPool::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  entries_.erase(name);
}

std::optional<StoreCounters::Reading> RepositoryPool::requests(const std::string& name) const {
  std::shared_ptr<StoreCounters> counters;
  {
    const std::lock_guard lock(mutex_);
    const auto found = counters_.find(name);
    if (found == counters_.end()) {
      return std::nullopt;
    }
    counters = found->second;
  }
  return counters->reading();
}

}  // namespace pgrecall
