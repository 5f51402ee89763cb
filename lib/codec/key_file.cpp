#include "codec/key_file.h"

#include <openssl/crypto.h>
#include <sodium.h>

#include "base/error.h"
#include "base/hash.h"

namespace pgrecall {

namespace {

constexpr std::string_view key_file_magic = "pgrecall-key-1";
constexpr std::size_t key_digits = 64;
constexpr std::size_t check_digits = 8;

std::string_view name(KeyFileKind kind) { return kind == KeyFileKind::wrapping ? "wrapping" : "repository"; }

std::string check_of(std::string_view text) { return sha256(bytes_of(text)).to_string().substr(0, check_digits); }

Error unusable(std::string_view what, std::string_view source) {
  return Error(ErrorKind::wrong_key, std::string(what), "restore the key file from where you keep its copy")
      .with("key_file", source);
}

// Cuts `part` and the blank behind it off the front.
bool skip(std::string_view& text, std::string_view part) {
  if (!text.starts_with(part) || text.size() <= part.size() || text[part.size()] != ' ') {
    return false;
  }
  text.remove_prefix(part.size() + 1);
  return true;
}

}  // namespace

Secret format_key_file(const KeyFile& file) {
  // Reserved, so that growing leaves no copy of the key behind.
  std::string text;
  text.reserve(key_file_magic.size() + key_digits + check_digits + 16);
  const Secret digits(to_hex(file.key.reveal()));
  text.append(key_file_magic).append(" ").append(name(file.kind)).append(" ").append(digits.reveal());
  const std::string check = check_of(text);
  text.append(" ").append(check).append("\n");
  return Secret(std::move(text));
}

KeyFile parse_key_file(const Secret& text, std::string_view source) {
  std::string_view rest = text.reveal();
  if (!skip(rest, key_file_magic)) {
    throw unusable("not a key file", source);
  }
  KeyFileKind kind = KeyFileKind::wrapping;
  if (!skip(rest, name(KeyFileKind::wrapping))) {
    kind = KeyFileKind::repository;
    if (!skip(rest, name(KeyFileKind::repository))) {
      throw unusable("key file of an unknown kind", source);
    }
  }
  // An editor or a copy by hand may lose the line feed; nothing else may differ.
  if (rest.ends_with('\n')) {
    rest.remove_suffix(1);
  }
  std::array<std::byte, 32> bytes{};
  const bool whole = rest.size() == key_digits + 1 + check_digits && rest[key_digits] == ' ' &&
                     from_hex(rest.substr(0, key_digits), bytes) &&
                     rest.substr(key_digits + 1) == check_of(std::string_view(text.reveal().data(), rest.data() + key_digits));
  if (!whole) {
    OPENSSL_cleanse(bytes.data(), bytes.size());
    throw unusable("key file is damaged", source);
  }
  KeyFile file{kind, Key(bytes)};
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return file;
}

Key key_from_passphrase(const Secret& passphrase, ByteView salt, PassphraseCost cost) {
  static const int ready = sodium_init();
  if (ready < 0 || salt.size() < crypto_pwhash_argon2id_SALTBYTES || !acceptable(cost)) {
    throw Error(ErrorKind::failed, "passphrase cannot be turned into a key")
        .with("operations", cost.operations)
        .with("memory_bytes", cost.memory_bytes);
  }
  std::array<std::byte, 32> bytes{};
  const std::string& text = passphrase.reveal();
  if (crypto_pwhash_argon2id(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(),
                             reinterpret_cast<const unsigned char*>(salt.data()), cost.operations,
                             static_cast<std::size_t>(cost.memory_bytes), crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    throw Error(ErrorKind::failed, "not enough memory to turn the passphrase into a key").with("memory_bytes", cost.memory_bytes);
  }
  Key key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

bool acceptable(PassphraseCost cost) noexcept {
  return cost.operations >= 1 && cost.operations <= 64 && cost.memory_bytes >= crypto_pwhash_argon2id_MEMLIMIT_MIN &&
         cost.memory_bytes <= (1ULL << 30U);
}

}  // namespace pgrecall
