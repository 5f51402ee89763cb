#include "jobs/open_repository.h"

#include "store/retrying_store.h"

namespace pgrecall {

RepositoryAddress configured_address(const std::string& name, const RepositoryConfig& configured, KeySource key) {
  RepositoryAddress address{.name = name, .url = {}, .key = std::move(key), .passphrase_file = {}};
  address.url = configured.url ? *configured.url : configured.directory;
  if (!address.key.key_file && !address.key.passphrase) {
    address.key.key_file = configured.key_file;
    if (configured.passphrase.configured()) {
      address.key.passphrase = read_secret(configured.passphrase, "passphrase of repository " + name);
      address.passphrase_file = configured.passphrase.file.value_or(std::string());
    }
  }
  return address;
}

OpenRepository open_repository(const RepositoryAddress& address, std::shared_ptr<StoreCounters> counters) {
  OpenRepository opened;
  opened.counters = std::move(counters);
  opened.name = address.name;
  std::unique_ptr<ObjectStore> store = open_store(address.url);
  Retry retry(RetryPolicy{});
  if (opened.counters) {
    store = std::make_unique<CountingStore>(std::move(store), *opened.counters);
    retry.on_again([counted = opened.counters] { counted->tried_again(); });
  }
  opened.store = std::make_unique<RetryingStore>(std::move(store), std::move(retry));
  opened.repository = std::make_unique<Repository>(Repository::open(*opened.store, address.key));
  return opened;
}

ConnectionSettings configured_connection(const std::string& cluster, const ClusterConfig& configured) {
  ConnectionSettings settings;
  settings.conninfo = configured.connection.reveal();
  if (configured.password.configured()) {
    settings.password = read_secret(configured.password, "password of cluster " + cluster);
  }
  return settings;
}

}  // namespace pgrecall
