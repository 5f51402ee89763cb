#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace pgrecall {

// Where a relation's files are, as WAL records and paths name it: RelFileNode (13 to 15) and RelFileLocator (from 16 on) in
// src/include/storage, the same bytes. `node` is what pg_class.relfilenode says, not the relation's oid.
struct RelationNode {
  std::uint32_t tablespace = 0;
  std::uint32_t database = 0;  // 0 of relations that all databases share
  std::uint32_t node = 0;

  auto operator<=>(const RelationNode&) const = default;
};

struct RelationNodeHash {
  [[nodiscard]] std::size_t operator()(const RelationNode& relation) const noexcept {
    const std::uint64_t both = (std::uint64_t{relation.database} << 32U) | relation.node;
    return std::hash<std::uint64_t>()(both * 0x9E3779B97F4A7C15U + relation.tablespace);
  }
};

}  // namespace pgrecall
