#include "repository/repository.h"

#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "repository/checked_json.h"
#include "repository/json_members.h"
#include "repository/key_ring.h"

namespace pgrecall {

namespace {

constexpr std::string_view identity_name = "pgrecall.json";
constexpr std::uint64_t max_identity_size = 64U << 10U;
constexpr std::uint32_t format = 1;
constexpr std::size_t id_digits = 32;
constexpr std::string_view created_by = "pgrecall " PGRECALL_VERSION;

struct StoredIdentity {
  Repository::Identity identity;
  std::string key_check;  // empty when not sealed
};

std::string format_identity(const StoredIdentity& stored) {
  nlohmann::ordered_json members = {{"format", format},
                                    {"id", stored.identity.id},
                                    {"sealed", stored.identity.sealed},
                                    {"created", format_time(stored.identity.created)},
                                    {"created_by", stored.identity.created_by}};
  if (stored.identity.sealed) {
    members["key_check"] = stored.key_check;
  }
  return format_checked_json(members);
}

StoredIdentity read_identity(ObjectStore& store) {
  const auto object = read_object(store, std::string(identity_name), max_identity_size);
  if (!object) {
    throw Error(ErrorKind::no_repository, "there is no repository", "check the address, or make one with pgrecall repo init")
        .with("address", store.address());
  }
  const nlohmann::json json = parse_checked_json(*object, identity_name);
  const JsonMembers members(json, identity_name);
  if (members.number<std::uint32_t>("format") != format) {
    throw Error(ErrorKind::failed, "the repository has a format that this version does not know",
                "use the version of pgrecall that made it, or a newer one")
        .with("expected", format)
        .with("found", members.number<std::uint32_t>("format"));
  }
  StoredIdentity stored{{members.text("id"), members.flag("sealed"), members.time("created"), members.text("created_by")}, {}};
  if (stored.identity.id.size() != id_digits) {
    members.refuse("id");
  }
  if (stored.identity.sealed) {
    stored.key_check = members.text("key_check");
  }
  return stored;
}

// keys/ alone may be there: an earlier try that was broken off left it, and it opens nothing.
void refuse_if_taken(ObjectStore& store) {
  std::string found;
  store.list("", [&](const ObjectInfo& object) {
    if (found.empty() && !object.name.starts_with("keys/")) {
      found = object.name;
    }
  });
  if (found.empty()) {
    return;
  }
  const bool repository = found == identity_name || store.open(std::string(identity_name)) != nullptr;
  throw Error(ErrorKind::failed, repository ? "there is a repository already" : "the place is not empty",
              repository ? "use it as it is, or give another address" : "give an empty or new directory")
      .with("address", store.address())
      .with("object", repository ? std::string(identity_name) : found);
}

void check_key_is_given(Repository::Sealing sealing, const KeySource& key) {
  const bool given = key.key_file.has_value() || key.passphrase.has_value();
  if (key.key_file && key.passphrase) {
    throw Error(ErrorKind::usage, "a key file and a passphrase were given", "give one of them");
  }
  if (sealing == Repository::Sealing::sealed && !given) {
    throw Error(ErrorKind::wrong_key, "the repository is sealed, and no key was given", "give its key file or its passphrase");
  }
  if (sealing == Repository::Sealing::none && given) {
    throw Error(ErrorKind::wrong_key, "a key was given, but the repository is not sealed",
                "leave the key out, or check that this is the repository you mean");
  }
  if (key.passphrase && key.passphrase->empty()) {
    throw Error(ErrorKind::wrong_key, "the passphrase is empty", "check where it is read from");
  }
}

bool holds_repository(ObjectStore& store, const std::string& id) {
  try {
    return read_identity(store).identity.id == id;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::no_repository) {
      return false;
    }
    throw;
  }
}

// Another host may be making a repository at the same place: the first pgrecall.json wins, and the loser leaves nothing.
void commit_identity(ObjectStore& store, const StoredIdentity& stored, const std::string& key_object) {
  const std::string text = format_identity(stored);
  if (store.put(std::string(identity_name), MemoryBody(bytes_of(text))) == PutResult::created) {
    return;
  }
  if (!key_object.empty()) {
    store.remove(key_object);
  }
  throw Error(ErrorKind::failed, "there is a repository already", "use it as it is, or give another address")
      .with("address", store.address());
}

}  // namespace

Repository::Repository(ObjectStore& store, Identity identity, std::unique_ptr<const Key> data_key)
    : store_(
          std::make_unique<PlacedStore>(store, [id = identity.id](ObjectStore& inner) { return holds_repository(inner, id); })),
      identity_(std::move(identity)),
      data_key_(std::move(data_key)) {}

bool Repository::in_place() const { return store_->in_place(); }

Repository Repository::create(ObjectStore& store, Sealing sealing, const KeySource& key, const Clock& clock) {
  check_key_is_given(sealing, key);
  refuse_if_taken(store);
  const Time now = std::chrono::floor<std::chrono::seconds>(clock.now());  // as it is stored
  StoredIdentity stored{{random_hex(id_digits / 2), sealing == Sealing::sealed, now, std::string(created_by)}, {}};
  std::unique_ptr<const Key> data_key;
  std::string key_object;
  if (sealing == Sealing::sealed) {
    if (key.key_file && read_or_make_key_file(*key.key_file).kind != KeyFileKind::wrapping) {
      throw Error(ErrorKind::usage, "the key file is the key of another repository", "give another key file, or a new name")
          .with("key_file", *key.key_file);
    }
    data_key = std::make_unique<const Key>(Key::random());
    stored.key_check = key_check(*data_key, stored.identity.id);
    key_object = put_wrapped_key(store, stored.identity.id, *data_key, key, stored.identity.created);
  }
  commit_identity(store, stored, key_object);
  return {store, std::move(stored.identity), std::move(data_key)};
}

Repository Repository::open(ObjectStore& store, const KeySource& key) {
  StoredIdentity stored = read_identity(store);
  check_key_is_given(stored.identity.sealed ? Sealing::sealed : Sealing::none, key);
  std::unique_ptr<const Key> data_key;
  if (stored.identity.sealed) {
    data_key = std::make_unique<const Key>(unlock_data_key(store, stored.identity, stored.key_check, key));
  }
  return {store, std::move(stored.identity), std::move(data_key)};
}

Secret Repository::export_key() const { return data_key_ ? format_key_file({KeyFileKind::repository, *data_key_}) : Secret(); }

std::vector<Repository::KeyInfo> Repository::keys() const {
  std::vector<KeyInfo> infos;
  for (WrappedKey& key : read_wrapped_keys(*store_)) {
    infos.push_back(std::move(key.info));
  }
  return infos;
}

}  // namespace pgrecall
