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

OpenRepository open_repository(const RepositoryAddress& address) {
  OpenRepository opened;
  opened.name = address.name;
  opened.store = std::make_unique<RetryingStore>(open_store(address.url), Retry(RetryPolicy{}));
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
