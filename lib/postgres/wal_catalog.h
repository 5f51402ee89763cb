#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/lsn.h"
#include "postgres/catalog_rows.h"
#include "postgres/relation_node.h"
#include "postgres/wal_record_parts.h"
#include "postgres/wal_records.h"

namespace pgrecall {

// What a record did to a row of pg_class or pg_database.
struct CatalogChange {
  enum class Kind { insert, update, remove };

  Lsn at;  // the record's start
  Kind kind = Kind::insert;
  std::uint32_t catalog = class_catalog;  // or database_catalog
  // Nothing where WAL does not tell: when the page was last written whole before what was read.
  std::optional<ClassRow> before;
  std::optional<ClassRow> after;
  std::optional<DatabaseRow> database_before;
};

// Knows names, from WAL alone: follows the rows of pg_class, pg_namespace and pg_database through the records that write them.
// The first change of a page behind a checkpoint brings the page whole (full_page_writes), so whoever reads from a checkpoint's
// redo position on knows every row that is changed. The records: src/include/access/heapam_xlog.h and log_heap_update,
// heap_insert and heap_inplace_update of src/backend/access/heap/heapam.c, PostgreSQL 13 to 18. Memory is bounded: with too many
// rows, all are forgotten. One thread at a time.
class WalCatalog {
 public:
  WalCatalog(unsigned major_version, std::uint32_t page_size) : major_version_(major_version), page_(page_size) {}

  // Where the catalogs of a database are; 0 for those that all databases share. Without, where initdb puts them.
  void set_map(std::uint32_t database, const RelationMap& map);
  // A database that was made as a copy of another's files.
  void copy_map(std::uint32_t from, std::uint32_t to);

  // `parts` are the record's. Error{corruption} when a page image cannot be one.
  std::optional<CatalogChange> apply(const WalRecord& record, const WalRecordParts& parts);

  // What was seen so far; null when nothing was.
  [[nodiscard]] const ClassRow* relation(const RelationNode& relation) const;
  [[nodiscard]] const ClassRow* relation(std::uint32_t database, std::uint32_t oid) const;
  [[nodiscard]] const std::string* schema(std::uint32_t database, std::uint32_t oid) const;
  [[nodiscard]] const std::string* database(std::uint32_t oid) const;
  [[nodiscard]] bool knows_database(const std::string& name) const;
  // A catalog that pg_class does not say the files of.
  [[nodiscard]] bool is_mapped(const RelationNode& relation) const {
    return relation.database == 0 || mapped_.contains({relation.database, relation.node});
  }
  // Where it was marked as being dropped, which is not undone by an abort.
  [[nodiscard]] std::optional<Lsn> invalid_since(std::uint32_t database) const;

 private:
  struct Nodes {
    std::uint32_t classes = class_catalog;
    std::uint32_t namespaces = namespace_catalog;
    // What VACUUM FULL and CLUSTER are writing, to take the catalog's place; 0: nothing.
    std::uint32_t next_classes = 0;
    std::uint32_t next_namespaces = 0;
  };
  using BlockKey = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;  // database, node, block
  using Rows = std::map<std::uint16_t, Bytes>;                               // columns, by line pointer

  [[nodiscard]] std::uint32_t catalog_of(const RelationNode& relation) const;
  [[nodiscard]] static BlockKey key_of(const WalBlock& block) {
    return {block.relation.database, block.relation.node, block.number};
  }
  void forget_block(const WalBlock& block);
  void load_image(std::uint32_t catalog, const WalBlock& block);
  [[nodiscard]] const Bytes* row(const WalBlock& block, std::uint16_t number) const;
  const Bytes* keep_row(const WalBlock& block, std::uint16_t number, Bytes columns);
  void note_class(std::uint32_t database, ClassRow row, bool superseded);
  void note(std::uint32_t catalog, std::uint32_t database, ByteView columns, bool superseded);
  [[nodiscard]] std::optional<CatalogChange> change_of(const WalRecord& record, const WalRecordParts& parts,
                                                       std::uint32_t catalog, const WalBlock& block);
  void take_insert(CatalogChange& change, const WalRecordParts& parts, const WalBlock& block);
  void take_update(CatalogChange& change, const WalRecordParts& parts, const WalBlock& block);
  void take_inplace(const WalRecord& record, const WalRecordParts& parts, std::uint32_t catalog, const WalBlock& block);
  void set_rows(CatalogChange& change, const Bytes* before, const Bytes* after) const;

  unsigned major_version_;
  Bytes page_;
  std::uint32_t database_node_ = database_catalog;
  std::uint32_t next_database_node_ = 0;
  std::unordered_map<std::uint32_t, Nodes> nodes_;            // by database; those that are not initdb's
  std::set<std::pair<std::uint32_t, std::uint32_t>> mapped_;  // database and node
  std::map<BlockKey, Rows> blocks_;
  std::size_t row_count_ = 0;
  std::map<std::pair<std::uint32_t, std::uint32_t>, ClassRow> relations_;     // by database and oid
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> by_node_;  // database and node to oid
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> schemas_;    // by database and oid
  std::map<std::uint32_t, std::string> databases_;
  std::map<std::uint32_t, Lsn> invalid_since_;
};

}  // namespace pgrecall
