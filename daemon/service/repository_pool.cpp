#include "service/repository_pool.h"

namespace pgrecall {

std::shared_ptr<const OpenRepository> RepositoryPool::get(const std::string& name, const RepositoryConfig& configured) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Entry>& known = entries_[name];
    if (!known) {
      known = std::make_shared<Entry>();
    }
    entry = known;
  }
  const std::lock_guard lock(entry->mutex);
  if (!entry->repository) {
    entry->repository = std::make_shared<const OpenRepository>(open_repository(configured_address(name, configured)));
  }
  return entry->repository;
}

void RepositoryPool::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  entries_.erase(name);
}

}  // namespace pgrecall
