#include "session.h"

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "config/conninfo.h"
#include "output/text.h"

namespace pgrecall {

namespace {
template <typename Map>
std::vector<std::string> names_of(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) {
    names.push_back(name);
  }
  return names;
}

// A relative path means what it means to the shell; the store takes absolute ones only.
std::string store_url(const std::string& text) {
  return text.find("://") != std::string::npos ? text : std::filesystem::absolute(text).lexically_normal().string();
}
}  // namespace

std::stop_token Session::stop() {
  if (!signals_) {
    signals_ = std::make_unique<StopSignals>();
  }
  return signals_->token();
}

std::string Session::config_path() const {
  return options_.config_file.empty() ? std::string(default_config_path) : options_.config_file;
}

std::string Session::repeated_options() const {
  std::string text;
  const auto option = [&](std::string_view option_name, const std::string& value) {
    if (!value.empty()) {
      text.append(" ").append(option_name).append(" ").append(shell_word(value));
    }
  };
  option("--config", options_.config_file);
  option("--repository", options_.repository);
  option("--key-file", options_.key_file);
  option("--passphrase-file", options_.passphrase_file);
  return text;
}

const Config* Session::config() {
  if (!config_ && !options_.repository.empty() && options_.config_file.empty()) {
    return nullptr;
  }
  if (!config_) {
    const std::string path = config_path();
    if (options_.config_file.empty() && !std::filesystem::exists(path)) {
      throw Error(ErrorKind::configuration, "there is no configuration file",
                  "write one (pgrecall config schema), name one by --config, or name the repository by --repository")
          .with("path", path);
    }
    config_ = load_config(path);
    for (const Problem& problem : config_->warnings) {
      console_.detail(to_string(problem));
    }
  }
  return &config_->config;
}

const ClusterConfig* Session::cluster(const std::string& name) {
  const Config* configuration = config();
  if (configuration == nullptr) {
    return nullptr;
  }
  const auto found = configuration->clusters.find(name);
  if (found == configuration->clusters.end()) {
    throw Error(ErrorKind::usage, "the configuration has no cluster " + in_quotes(name),
                suggest(name, names_of(configuration->clusters), "clusters"))
        .with("file", config_->file);
  }
  return &found->second;
}

ConnectionSettings Session::connection(const std::string& cluster_name, const std::string& conninfo) {
  ConnectionSettings settings;
  if (!conninfo.empty()) {
    if (const auto complaint = check_conninfo(conninfo)) {
      throw Error(ErrorKind::usage, "--connection: " + complaint->text, complaint->hint);
    }
    if (conninfo_has_secret(conninfo)) {
      throw Error(
          ErrorKind::usage, "--connection holds a password, and everybody on this host can read a command line",
          "give it by a password file (PGPASSFILE, ~/.pgpass), a service file or PGPASSWORD; change this one, it was seen");
    }
    settings.conninfo = conninfo;
    return settings;
  }
  const ClusterConfig* configured = cluster(cluster_name);
  if (configured == nullptr) {
    throw Error(ErrorKind::usage, "where the server of cluster " + in_quotes(cluster_name) + " is was not said",
                "add --connection \"host=... user=... dbname=...\", or name a configuration by --config");
  }
  return configured_connection(cluster_name, *configured);
}

Repository& Session::repository_of(const std::string& cluster_name) {
  if (!valid_config_name(cluster_name)) {
    throw Error(ErrorKind::usage, in_quotes(cluster_name) + " is no name for a cluster",
                "names have lower-case letters, digits, '-' and '_', and begin with a letter or digit");
  }
  const ClusterConfig* configured = options_.repository.empty() ? cluster(cluster_name) : nullptr;
  return *open(configured != nullptr ? configured->repository : std::string()).repository;
}

RepositoryAddress Session::address_of(const std::string& cluster_name) {
  const ClusterConfig* configured = options_.repository.empty() ? cluster(cluster_name) : nullptr;
  return address(configured != nullptr ? configured->repository : std::string());
}

std::vector<OpenRepository*> Session::repositories() {
  if (!options_.repository.empty()) {
    return {&open({})};
  }
  std::vector<OpenRepository*> all;
  for (const auto& [name, repository] : config()->repositories) {
    all.push_back(&open(name));
  }
  return all;
}

KeySource Session::key_of_options() const {
  KeySource key;
  if (!options_.key_file.empty()) {
    key.key_file = options_.key_file;
  }
  SecretSource passphrase;
  if (!options_.passphrase_file.empty()) {
    passphrase.file = options_.passphrase_file;
  } else if (const char* value = std::getenv("PGRECALL_PASSPHRASE"); value != nullptr && *value != '\0' && !key.key_file) {
    passphrase.environment = "PGRECALL_PASSPHRASE";
  }
  if (passphrase.configured()) {
    key.passphrase = read_secret(passphrase, "passphrase of the repository");
  }
  return key;
}

RepositoryAddress Session::address(const std::string& name) {
  RepositoryAddress result{.name = name, .url = {}, .key = key_of_options(), .passphrase_file = options_.passphrase_file};
  if (!options_.repository.empty()) {
    result.name.clear();
    result.url = store_url(options_.repository);
    return result;
  }
  const auto& configured = config()->repositories;
  if (name.empty() && configured.size() != 1) {
    throw Error(ErrorKind::usage, "which repository is meant was not said", suggest(name, names_of(configured), "repositories"));
  }
  const auto found = name.empty() ? configured.begin() : configured.find(name);
  if (found == configured.end()) {
    throw Error(ErrorKind::usage, "the configuration has no repository " + in_quotes(name),
                suggest(name, names_of(configured), "repositories"))
        .with("file", config_->file);
  }
  result = configured_address(found->first, found->second, std::move(result.key));
  if (!options_.passphrase_file.empty()) {
    result.passphrase_file = options_.passphrase_file;
  }
  return result;
}

OpenRepository& Session::open(const std::string& name) {
  const RepositoryAddress where = address(name);
  if (const auto found = open_.find(where.name); found != open_.end()) {
    return found->second;
  }
  OpenRepository opened = open_repository(where);
  console_.detail("repository: " + opened.store->address());
  return open_.emplace(where.name, std::move(opened)).first->second;
}

}  // namespace pgrecall
