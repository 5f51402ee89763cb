#include "repository/key_ring.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/hash.h"
#include "repository/checked_json.h"
#include "repository/json_members.h"

namespace pgrecall {

namespace {

constexpr std::string_view keys_prefix = "keys/";
constexpr std::string_view key_file_info = "pgrecall 1 key file";
constexpr std::string_view key_check_info = "pgrecall 1 key check";
constexpr std::string_view key_file_kind = "key_file";
constexpr std::string_view passphrase_kind = "passphrase";
constexpr std::uint64_t max_key_object_size = 64U << 10U;
constexpr std::size_t salt_size = 32;
constexpr std::size_t wrapped_size = 12 + 32 + seal_overhead;

Key wrapping_key(const KeyFile& file, ByteView salt) {
  auto bytes = hkdf_sha256(file.key.reveal(), salt, bytes_of(key_file_info));
  Key key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

// Nothing when `wrapped` is of the other kind than what is given, or does not open.
std::optional<Key> open_wrapped_key(const WrappedKey& wrapped, const std::optional<KeyFile>& file,
                                    const std::optional<Secret>& passphrase, std::string_view repository_id) {
  if (wrapped.cost ? !passphrase : !file) {
    return std::nullopt;
  }
  const Key key =
      wrapped.cost ? key_from_passphrase(*passphrase, wrapped.salt, *wrapped.cost) : wrapping_key(*file, wrapped.salt);
  Bytes data_key = unwrap(key, wrapped.wrapped, repository_id);
  if (data_key.size() != 32) {
    return std::nullopt;
  }
  Key opened(data_key);
  OPENSSL_cleanse(data_key.data(), data_key.size());
  return opened;
}

std::string key_id(std::string_view object_name) {
  constexpr std::string_view suffix = ".json";
  object_name.remove_prefix(std::min(keys_prefix.size(), object_name.size()));
  if (object_name.ends_with(suffix)) {
    object_name.remove_suffix(suffix.size());
  }
  return std::string(object_name);
}

std::vector<std::string> list_key_objects(ObjectStore& store) {
  std::vector<std::string> names;
  store.list(std::string(keys_prefix), [&](const ObjectInfo& object) {
    if (parse_object_name(object.name).kind == NameKind::key) {
      names.push_back(object.name);
    }
  });
  std::ranges::sort(names);
  return names;
}

// What a repository's keys are, as far as they can be read.
struct KeyKinds {
  bool key_file = false;
  bool passphrase = false;
};

[[noreturn]] void refuse_key(const KeySource& source, std::string_view repository_id, KeyKinds kinds) {
  if (source.passphrase) {
    throw Error(ErrorKind::wrong_key, "the passphrase does not open this repository",
                kinds.key_file && !kinds.passphrase ? "it was made with a key file: give that with --key-file"
                                                    : "give the passphrase with which the repository was made")
        .with("repository", repository_id);
  }
  throw Error(ErrorKind::wrong_key, "the key does not open this repository",
              kinds.passphrase && !kinds.key_file ? "it was made with a passphrase: give that, or an exported key"
                                                  : "give the key file with which the repository was made, or an exported key")
      .with("repository", repository_id)
      .with("key_file", source.key_file.value_or(""));
}

}  // namespace

std::string key_check(const Key& data_key, std::string_view repository_id) {
  const auto derived = hkdf_sha256(data_key.reveal(), bytes_of(repository_id), bytes_of(key_check_info));
  return to_hex(ByteView(derived).first(16));
}

WrappedKey parse_wrapped_key(ByteView object, std::string_view object_name) {
  const nlohmann::json json = parse_checked_json(object, object_name);
  const JsonMembers members(json, object_name);
  if (members.number<std::uint32_t>("format") != 1) {
    members.refuse("format");
  }
  WrappedKey key;
  key.info = {key_id(object_name), members.text("kind"), members.time("created")};
  key.salt = members.base64("salt", salt_size);
  key.wrapped = members.base64("wrapped", wrapped_size);
  if (key.info.kind == passphrase_kind) {
    key.cost = PassphraseCost{members.number<std::uint64_t>("operations"), members.number<std::uint64_t>("memory_bytes")};
    if (!acceptable(*key.cost)) {
      members.refuse("memory_bytes");
    }
  } else if (key.info.kind != key_file_kind) {
    members.refuse("kind");
  }
  return key;
}

std::string put_wrapped_key(ObjectStore& store, std::string_view repository_id, const Key& data_key, const KeySource& source,
                            Time now) {
  std::array<std::byte, salt_size> salt;
  fill_random(salt);
  nlohmann::ordered_json members = {{"format", 1}};
  std::optional<Key> wrapping;
  if (source.passphrase) {
    const PassphraseCost cost;
    wrapping = key_from_passphrase(*source.passphrase, salt, cost);
    members["kind"] = passphrase_kind;
    members["operations"] = cost.operations;
    members["memory_bytes"] = cost.memory_bytes;
  } else {
    wrapping = wrapping_key(read_key_file(source.key_file.value_or("")), salt);
    members["kind"] = key_file_kind;
  }
  members["salt"] = to_base64(salt);
  members["wrapped"] = to_base64(wrap(*wrapping, data_key.reveal(), repository_id));
  members["created"] = format_time(now);
  const std::string name = std::string(keys_prefix).append(random_hex(8)).append(".json");
  const std::string text = format_checked_json(members);
  if (store.put(name, MemoryBody(bytes_of(text))) == PutResult::already_exists) {
    throw Error(ErrorKind::failed, "a key of this random id is there already", "try again").with("object", name);
  }
  return name;
}

std::vector<WrappedKey> read_wrapped_keys(ObjectStore& store) {
  std::vector<WrappedKey> keys;
  for (const std::string& name : list_key_objects(store)) {
    if (const auto object = read_object(store, name, max_key_object_size)) {
      keys.push_back(parse_wrapped_key(*object, name));
    }
  }
  std::ranges::sort(keys, {}, [](const WrappedKey& key) { return key.info.created; });
  return keys;
}

Key unlock_data_key(ObjectStore& store, const Repository::Identity& identity, std::string_view check, const KeySource& source) {
  const auto file = source.key_file ? std::optional(read_key_file(*source.key_file)) : std::nullopt;
  if (file && file->kind == KeyFileKind::repository) {
    if (key_check(file->key, identity.id) != check) {
      refuse_key(source, identity.id, {});
    }
    return file->key;
  }
  std::optional<Error> damaged;
  KeyKinds kinds;
  for (const std::string& name : list_key_objects(store)) {
    try {
      const auto object = read_object(store, name, max_key_object_size);
      const auto wrapped = object ? std::optional(parse_wrapped_key(*object, name)) : std::nullopt;
      if (wrapped) {
        (wrapped->cost ? kinds.passphrase : kinds.key_file) = true;
      }
      const auto opened = wrapped ? open_wrapped_key(*wrapped, file, source.passphrase, identity.id) : std::nullopt;
      if (opened && key_check(*opened, identity.id) == check) {
        return *opened;
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      // Another key may open it all the same; thrown below when none does.
      damaged = error;
    }
  }
  if (damaged) {
    throw Error(*damaged);
  }
  refuse_key(source, identity.id, kinds);
}

}  // namespace pgrecall
