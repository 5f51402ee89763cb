#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "postgres/connection.h"
#include "repository/repository.h"
#include "store/counting_store.h"

// How commands and the daemon get from the configuration to what the engine works with.

namespace pgrecall {

// What is needed to open or make a repository.
struct RepositoryAddress {
  std::string name;
  std::string url;
  KeySource key;
  std::string passphrase_file;  // where the passphrase came from; empty when it came from elsewhere
};

// One that somebody works with, open.
struct OpenRepository {
  std::shared_ptr<StoreCounters> counters;  // null: nobody counts
  std::string name;                         // in the configuration; empty for one from the command line
  std::unique_ptr<ObjectStore> store;
  std::unique_ptr<Repository> repository;
};

// `key` instead of the configured one when it names one. Reads secrets now; Error{configuration} when one is not there.
[[nodiscard]] RepositoryAddress configured_address(const std::string& name, const RepositoryConfig& configured,
                                                   KeySource key = {});
// Errors: those of Repository::open and of the store.
// With `counters`, every request to the store is counted.
[[nodiscard]] OpenRepository open_repository(const RepositoryAddress& address, std::shared_ptr<StoreCounters> counters = {});
// Reads the password now; Error{configuration} when it is not there.
[[nodiscard]] ConnectionSettings configured_connection(const std::string& cluster, const ClusterConfig& configured);

}  // namespace pgrecall
