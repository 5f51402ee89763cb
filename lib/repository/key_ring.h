#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codec/key_file.h"
#include "codec/sealing.h"
#include "repository/names.h"
#include "repository/repository.h"

// The objects in keys/: docs/repository-format.md, "Checked JSON".

namespace pgrecall {

// The data key of one repository, wrapped by one key file or passphrase.
struct WrappedKey {
  Repository::KeyInfo info;
  Bytes salt;  // 32 bytes
  std::optional<PassphraseCost> cost;
  Bytes wrapped;
};

// Error{corruption} naming the object.
[[nodiscard]] WrappedKey parse_wrapped_key(ByteView object, std::string_view object_name);
// Wraps `data_key` by what `source` gives and puts it under a new key id; returns the object's name.
[[nodiscard]] std::string put_wrapped_key(ObjectStore& store, std::string_view repository_id, const Key& data_key,
                                          const KeySource& source, Time now);
// Every key object that is there, oldest first.
[[nodiscard]] std::vector<WrappedKey> read_wrapped_keys(ObjectStore& store);

// The data key. Error{wrong_key} when `source` opens none of the stored keys; Error{corruption} when one that it might have
// opened is damaged.
[[nodiscard]] Key unlock_data_key(ObjectStore& store, const Repository::Identity& identity, std::string_view key_check,
                                  const KeySource& source);
// What pgrecall.json says of the data key, so that a wrong one is told from damaged objects.
[[nodiscard]] std::string key_check(const Key& data_key, std::string_view repository_id);

// Error{wrong_key} when there is no such file or it holds no key.
[[nodiscard]] KeyFile read_key_file(const std::string& path);
// As read_key_file; makes the file with a new wrapping key when there is none.
[[nodiscard]] KeyFile read_or_make_key_file(const std::string& path);

}  // namespace pgrecall
