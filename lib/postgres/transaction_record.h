#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "postgres/relation_node.h"

namespace pgrecall {

// What the record that ends a transaction says of it, besides what TransactionEnd tells: xl_xact_parsed_commit in
// src/include/access/xact.h, and ParseCommitRecord in src/backend/access/rmgrdesc/xactdesc.c, PostgreSQL 13 to 18.
struct TransactionParts {
  std::uint32_t database = 0;  // 0 where it does not say
  std::vector<std::uint32_t> subtransactions;
  std::vector<RelationNode> dropped;  // files that go with it; temporary relations' are not among them
  bool whole = true;                  // false: there is less than the record says
};

// `main_data` of a commit or abort, prepared or not, or the beginning of it; `info` the record's.
[[nodiscard]] TransactionParts parse_transaction_parts(ByteView main_data, std::uint8_t info);

}  // namespace pgrecall
