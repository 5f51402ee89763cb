#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "jobs/open_repository.h"

namespace pgrecall {

// The repositories that the daemon works with, each opened once and used by all: keys of a passphrase take a second and 64 MiB to
// derive. Safe for many threads; opening one does not hold up those who want another.
//
// Shared ownership: a run that began before a reload keeps the repository that it began with.
class RepositoryPool {
 public:
  // Opens it when nobody did yet. Errors: those of open_repository(); the next call then tries again.
  [[nodiscard]] std::shared_ptr<const OpenRepository> get(const std::string& name, const RepositoryConfig& configured);
  // The next get() opens it anew. For a reload: address or key may have changed.
  void forget(const std::string& name);
  // What was asked of the repository's store since the pool was made; nothing while nobody opened it.
  [[nodiscard]] std::optional<StoreCounters::Reading> requests(const std::string& name) const;

 private:
  struct Entry {
    std::mutex mutex;
    std::shared_ptr<const OpenRepository> repository;
  };
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
  std::map<std::string, std::shared_ptr<StoreCounters>> counters_;
};

}  // namespace pgrecall
