#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "repository/chunk.h"
#include "repository/repository.h"

// docs/repository-format.md, "Relocations".

namespace pgrecall {

// Where a chunk of a pack that was rewritten is now.
struct Relocation {
  std::uint64_t old_offset = 0;
  PackId pack;
  std::uint64_t offset = 0;
  std::uint32_t body_size = 0;

  auto operator<=>(const Relocation&) const = default;
};

// Appends the payload of these entries, sorted by old_offset.
void encode_relocations(const std::vector<Relocation>& sorted, Bytes& out);
// Appends the entries of one payload. Error{corruption} unless they are whole and go on in strictly rising order.
void decode_relocations(ByteView payload, std::vector<Relocation>& sorted, std::string_view object_name);

// Nothing when the pack was not rewritten.
[[nodiscard]] std::optional<std::vector<Relocation>> read_relocations(const Repository& repository, std::string_view cluster,
                                                                      const PackId& old_pack);
// Stores them where no relocation of this pack is, and reads them back. Error{corruption} where something else comes back.
void put_relocations(const Repository& repository, std::string_view cluster, const PackId& old_pack,
                     const std::vector<Relocation>& sorted);

}  // namespace pgrecall
