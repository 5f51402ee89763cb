#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "codec/sealing.h"

namespace pgrecall {

// What a key file holds: a key that wraps data keys, or (as `repo key export` writes it) the data key of one repository itself.
enum class KeyFileKind { wrapping, repository };

struct KeyFile {
  KeyFileKind kind = KeyFileKind::wrapping;
  Key key;
};

// The text of a key file; its form is in docs/repository-format.md.
[[nodiscard]] Secret format_key_file(const KeyFile& file);
// Error{wrong_key} when the text is no key file or was damaged; `source` names it in the message.
[[nodiscard]] KeyFile parse_key_file(const Secret& text, std::string_view source);

// Argon2id (libsodium). Bounded so that a damaged or hostile repository cannot ask for gigabytes.
struct PassphraseCost {
  std::uint64_t operations = 4;
  std::uint64_t memory_bytes = 64U << 20U;
};
// 1 to 64 operations, 8 KiB to 1 GiB.
[[nodiscard]] bool acceptable(PassphraseCost cost) noexcept;
// `salt`: 16 bytes or more, of which the first 16 count. Error{failed} when the cost is not acceptable or memory is short.
[[nodiscard]] Key key_from_passphrase(const Secret& passphrase, ByteView salt, PassphraseCost cost);

}  // namespace pgrecall
