#include "postgres/wal_catalog.h"

#include <algorithm>

#include "postgres/heap_page.h"
#include "postgres/wal_record_kinds.h"

namespace pgrecall {

namespace {

constexpr std::size_t most_rows = 400000;  // that are held; about 100 MB

// xl_heap_header: flags and the size of the tuple's header.
constexpr std::size_t tuple_head_size = 5;
constexpr std::size_t tuple_head_hoff = 4;
// xl_heap_update.
constexpr std::size_t update_old_number = 4;
constexpr std::size_t update_flags = 7;
constexpr std::size_t update_new_number = 12;
constexpr std::size_t update_size = 14;
constexpr std::uint8_t prefix_of_old = 0x20;
constexpr std::uint8_t suffix_of_old = 0x40;
constexpr std::size_t delete_number = 4;  // in xl_heap_delete

bool image_applies(const WalBlock& block) { return block.image && block.image->applies; }

std::uint16_t short_at(ByteView bytes, std::size_t offset) {
  return bytes.size() < offset + sizeof(std::uint16_t) ? std::uint16_t{0} : load_little<std::uint16_t>(bytes.data() + offset);
}

// Columns behind xl_heap_header, bitmap and padding.
std::optional<ByteView> columns_of(ByteView data) {
  if (data.size() < tuple_head_size) {
    return std::nullopt;
  }
  const auto header_size = std::to_integer<std::size_t>(data[tuple_head_hoff]);
  const std::size_t at = tuple_head_size + header_size - heap_tuple_header_size;
  return header_size < heap_tuple_header_size || at > data.size() ? std::nullopt : std::optional(data.subspan(at));
}

// The new row of an update; nothing when it takes more from the old one than that has.
std::optional<Bytes> updated_row(ByteView data, std::uint8_t flags, const Bytes* old) {
  std::size_t prefix = 0;
  std::size_t suffix = 0;
  for (const auto& [flag, length] : {std::pair{prefix_of_old, &prefix}, std::pair{suffix_of_old, &suffix}}) {
    if ((flags & flag) != 0) {
      if (data.size() < sizeof(std::uint16_t)) {
        return std::nullopt;
      }
      *length = short_at(data, 0);
      data = data.subspan(sizeof(std::uint16_t));
    }
  }
  const auto middle = columns_of(data);
  if (!middle || (prefix + suffix > 0 && (old == nullptr || prefix + suffix > old->size()))) {
    return std::nullopt;
  }
  Bytes row;
  row.reserve(prefix + middle->size() + suffix);
  if (old != nullptr) {
    row.insert(row.end(), old->begin(), old->begin() + static_cast<std::ptrdiff_t>(prefix));
  }
  row.insert(row.end(), middle->begin(), middle->end());
  if (old != nullptr) {
    row.insert(row.end(), old->end() - static_cast<std::ptrdiff_t>(suffix), old->end());
  }
  return row;
}

template <typename Map, typename Key>
auto* find_in(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

void WalCatalog::set_map(std::uint32_t database, const RelationMap& map) {
  for (const auto& [oid, node] : map) {
    mapped_.emplace(database, node);
  }
  if (database == 0) {
    const auto* node = find_in(map, database_catalog);
    database_node_ = node != nullptr ? *node : database_node_;
  } else if (const auto* node = find_in(map, class_catalog)) {
    nodes_[database].classes = *node;
  }
}

void WalCatalog::copy_map(std::uint32_t from, std::uint32_t to) {
  if (const Nodes* nodes = find_in(nodes_, from)) {
    const Nodes copy = *nodes;
    nodes_[to] = copy;
  }
}

std::uint32_t WalCatalog::catalog_of(const RelationNode& relation) const {
  if (relation.database == 0) {
    return relation.node == database_node_ || relation.node == next_database_node_ ? database_catalog : 0;
  }
  const Nodes* known = nodes_.empty() ? nullptr : find_in(nodes_, relation.database);
  const Nodes nodes = known != nullptr ? *known : Nodes{};
  if (relation.node == nodes.classes || relation.node == nodes.next_classes) {
    return class_catalog;
  }
  return relation.node == nodes.namespaces || relation.node == nodes.next_namespaces ? namespace_catalog : 0;
}

std::optional<CatalogChange> WalCatalog::apply(const WalRecord& record, const WalRecordParts& parts) {
  std::uint32_t catalog = 0;
  for (const WalBlock& block : parts.blocks()) {
    const std::uint32_t of_block = block.fork == 0 ? catalog_of(block.relation) : 0;
    if (of_block != 0 && image_applies(block)) {
      load_image(of_block, block);
    }
    catalog = block.id == 0 ? of_block : catalog;
  }
  if (catalog == 0 || record.resource_manager != wal_kind::heap_manager) {
    return std::nullopt;
  }
  return change_of(record, parts, catalog, *parts.block(0));
}

void WalCatalog::load_image(std::uint32_t catalog, const WalBlock& block) {
  restore_page_image(*block.image, page_);
  forget_block(block);
  for_each_heap_tuple(page_, [&](std::uint16_t number, const HeapTuple& tuple) {
    keep_row(block, number, Bytes(tuple.data.begin(), tuple.data.end()));
    note(catalog, block.relation.database, tuple.data, tuple.superseded);
  });
}

void WalCatalog::forget_block(const WalBlock& block) {
  const auto found = blocks_.find(key_of(block));
  if (found != blocks_.end()) {
    row_count_ -= found->second.size();
    blocks_.erase(found);
  }
}

const Bytes* WalCatalog::row(const WalBlock& block, std::uint16_t number) const {
  const Rows* rows = find_in(blocks_, key_of(block));
  return rows != nullptr ? find_in(*rows, number) : nullptr;
}

const Bytes* WalCatalog::keep_row(const WalBlock& block, std::uint16_t number, Bytes columns) {
  if (row_count_ >= most_rows) {
    blocks_.clear();
    relations_.clear();
    by_node_.clear();
    row_count_ = 0;
  }
  Rows& rows = blocks_[key_of(block)];
  const auto [at, fresh] = rows.insert_or_assign(number, std::move(columns));
  row_count_ += fresh ? 1 : 0;
  return &at->second;
}

void WalCatalog::note(std::uint32_t catalog, std::uint32_t database, ByteView columns, bool superseded) {
  if (catalog == database_catalog) {
    if (auto found = parse_database_row(columns, major_version_); found && !(superseded && databases_.contains(found->oid))) {
      databases_[found->oid] = std::move(found->name);
    }
  } else if (catalog == namespace_catalog) {
    if (auto found = parse_namespace_row(columns); found && !(superseded && schemas_.contains({database, found->oid}))) {
      schemas_[{database, found->oid}] = std::move(found->name);
    }
  } else if (auto found = parse_class_row(columns, major_version_)) {
    note_class(database, std::move(*found), superseded);
  }
}

void WalCatalog::note_class(std::uint32_t database, ClassRow row, bool superseded) {
  if (row.oid == namespace_catalog && row.node != namespace_catalog && !superseded) {
    nodes_[database].namespaces = row.node;
  }
  // The table by way of which a catalog is rewritten: make_new_heap() in src/backend/commands/cluster.c. Of those in
  // pg_filenode.map, the file has the table's oid for its number (heap_create() in src/backend/catalog/heap.c).
  const std::uint32_t files = row.node != 0 ? row.node : row.oid;
  if (row.name == "pg_temp_1259") {
    nodes_[database].next_classes = files;
  } else if (row.name == "pg_temp_2615") {
    nodes_[database].next_namespaces = files;
  } else if (row.name == "pg_temp_1262") {
    next_database_node_ = files;
  }
  const std::pair key{database, row.oid};
  if (row.node != 0) {
    const auto [at, fresh] = by_node_.emplace(std::pair{database, row.node}, row.oid);
    at->second = superseded ? at->second : row.oid;
  }
  if (!superseded || !relations_.contains(key)) {
    relations_[key] = std::move(row);
  }
}

void WalCatalog::set_rows(CatalogChange& change, const Bytes* before, const Bytes* after) const {
  if (change.catalog == class_catalog) {
    change.before = before != nullptr ? parse_class_row(*before, major_version_) : std::nullopt;
    change.after = after != nullptr ? parse_class_row(*after, major_version_) : std::nullopt;
  } else if (before != nullptr) {
    change.database_before = parse_database_row(*before, major_version_);
  }
}

std::optional<CatalogChange> WalCatalog::change_of(const WalRecord& record, const WalRecordParts& parts, std::uint32_t catalog,
                                                   const WalBlock& block) {
  using Kind = CatalogChange::Kind;
  CatalogChange change{
      .at = record.start, .kind = Kind::insert, .catalog = catalog, .before = {}, .after = {}, .database_before = {}};
  if ((record.info & wal_kind::heap_initializes_page) != 0 && !image_applies(block)) {
    forget_block(block);
  }
  switch (record.info & wal_kind::heap_operation_bits) {
    case wal_kind::heap_insert: take_insert(change, parts, block); break;
    case wal_kind::heap_delete:
      change.kind = Kind::remove;
      set_rows(change, row(block, short_at(parts.main_data(), delete_number)), nullptr);
      break;
    case wal_kind::heap_update:
    case wal_kind::heap_hot_update:
      change.kind = Kind::update;
      take_update(change, parts, block);
      break;
    case wal_kind::heap_inplace: take_inplace(record, parts, catalog, block); return std::nullopt;
    default: return std::nullopt;  // locks and confirmations change no row
  }
  return catalog == namespace_catalog ? std::nullopt : std::optional(std::move(change));
}

void WalCatalog::take_insert(CatalogChange& change, const WalRecordParts& parts, const WalBlock& block) {
  const std::uint16_t number = short_at(parts.main_data(), 0);
  if (!image_applies(block)) {
    if (const auto columns = columns_of(block.data)) {
      keep_row(block, number, Bytes(columns->begin(), columns->end()));
      note(change.catalog, block.relation.database, *columns, false);
    }
  }
  set_rows(change, nullptr, row(block, number));
}

void WalCatalog::take_update(CatalogChange& change, const WalRecordParts& parts, const WalBlock& block) {
  const ByteView main = parts.main_data();
  if (main.size() < update_size) {
    return;
  }
  const WalBlock* old_block = parts.block(1);
  const Bytes* old = row(old_block != nullptr ? *old_block : block, short_at(main, update_old_number));
  const std::uint16_t number = short_at(main, update_new_number);
  if (!image_applies(block)) {
    auto updated = updated_row(block.data, std::to_integer<std::uint8_t>(main[update_flags]), old);
    if (!updated) {
      set_rows(change, old, nullptr);
      return;
    }
    note(change.catalog, block.relation.database, *updated, false);
    set_rows(change, old, &*updated);
    keep_row(block, number, std::move(*updated));
    return;
  }
  set_rows(change, old, row(block, number));
}

// VACUUM, ANALYZE and DROP DATABASE write into a row where it stands.
void WalCatalog::take_inplace(const WalRecord& record, const WalRecordParts& parts, std::uint32_t catalog,
                              const WalBlock& block) {
  const std::uint16_t number = short_at(parts.main_data(), 0);
  const Bytes* now =
      image_applies(block) ? row(block, number) : keep_row(block, number, Bytes(block.data.begin(), block.data.end()));
  if (now == nullptr) {
    return;
  }
  note(catalog, block.relation.database, *now, false);
  if (catalog == database_catalog) {
    const auto database = parse_database_row(*now, major_version_);
    if (database && database->connection_limit == invalid_database_limit) {
      invalid_since_.emplace(database->oid, record.start);
    }
  }
}

const ClassRow* WalCatalog::relation(const RelationNode& relation) const {
  const auto* oid = find_in(by_node_, std::pair{relation.database, relation.node});
  return oid != nullptr ? this->relation(relation.database, *oid) : nullptr;
}

const ClassRow* WalCatalog::relation(std::uint32_t database, std::uint32_t oid) const {
  return find_in(relations_, std::pair{database, oid});
}

const std::string* WalCatalog::schema(std::uint32_t database, std::uint32_t oid) const {
  return find_in(schemas_, std::pair{database, oid});
}

bool WalCatalog::knows_database(const std::string& name) const {
  return std::ranges::any_of(databases_, [&](const auto& each) { return each.second == name; });
}

const std::string* WalCatalog::database(std::uint32_t oid) const { return find_in(databases_, oid); }

std::optional<Lsn> WalCatalog::invalid_since(std::uint32_t database) const {
  const auto* since = find_in(invalid_since_, database);
  return since != nullptr ? std::optional(*since) : std::nullopt;
}

}  // namespace pgrecall
