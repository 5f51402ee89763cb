#include "engine/undo/backup_catalog.h"

#include <algorithm>

#include "postgres/relation_file.h"

namespace pgrecall {

namespace {

constexpr std::string_view map_file = "/pg_filenode.map";
constexpr std::uint64_t largest_map = 4096;  // bytes

// The database that a pg_filenode.map belongs to; nothing for other files.
std::optional<std::uint32_t> database_of_map(const ManifestEntry& entry) {
  if (entry.type != EntryType::file || entry.tree != EntryTree::data_directory || entry.size > largest_map ||
      !entry.path.ends_with(map_file)) {
    return std::nullopt;
  }
  // As of a relation beside it.
  const auto place = parse_relation_path(entry.path.substr(0, entry.path.size() - map_file.size()) + "/1");
  return place ? std::optional(place->database) : std::nullopt;
}

template <typename Map, typename Key>
auto* found_in(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

BackupCatalog::BackupCatalog(const Repository& repository, const BackupSummary& summary)
    : repository_(repository),
      cluster_(summary.cluster),
      backup_(summary.id),
      major_version_(summary.server_version / 10000),
      page_size_(summary.page_size),
      reader_(repository, summary.cluster) {
  read_maps();
  read_catalogs({{{0, node_of(0, database_catalog)}, database_catalog}});
}

void BackupCatalog::read_maps() {
  ManifestReader manifest(repository_, cluster_, backup_);
  while (const ManifestEntry* entry = manifest.next()) {
    if (const auto database = database_of_map(*entry)) {
      Bytes bytes;
      reader_.read(*entry, [&](ByteView part) { bytes.insert(bytes.end(), part.begin(), part.end()); });
      if (auto map = parse_relation_map(bytes)) {
        maps_[*database] = std::move(*map);
      }
    }
  }
}

std::uint32_t BackupCatalog::node_of(std::uint32_t database, std::uint32_t catalog) const {
  const RelationMap* map = found_in(maps_, database);
  const auto* node = map != nullptr ? found_in(*map, catalog) : nullptr;
  return node != nullptr ? *node : catalog;
}

void BackupCatalog::load(const std::set<std::uint32_t>& databases) {
  std::map<Place, std::uint32_t> wanted;
  for (const std::uint32_t database : databases) {
    if (database != 0 && loaded_.insert(database).second) {
      wanted[{database, node_of(database, class_catalog)}] = class_catalog;
      wanted[{database, namespace_catalog}] = namespace_catalog;
    }
  }
  if (wanted.empty()) {
    return;
  }
  read_catalogs(wanted);
  std::map<Place, std::uint32_t> moved;
  for (const auto& [place, catalog] : wanted) {
    const ClassRow* namespaces = relation_of_oid(place.first, namespace_catalog);
    if (namespaces != nullptr && namespaces->node != namespace_catalog) {
      moved[{place.first, namespaces->node}] = namespace_catalog;
    }
  }
  if (!moved.empty()) {
    read_catalogs(moved);
  }
}

void BackupCatalog::read_catalogs(const std::map<Place, std::uint32_t>& wanted) {
  ManifestReader manifest(repository_, cluster_, backup_);
  while (const ManifestEntry* entry = manifest.next()) {
    if (entry->type != EntryType::file || entry->tree != EntryTree::data_directory) {
      continue;
    }
    const auto file = parse_relation_path(entry->path);
    if (!file || file->fork != RelationFork::main) {
      continue;
    }
    if (const auto* catalog = found_in(wanted, Place{file->database, file->node})) {
      read_pages(*entry, *catalog, file->database);
    }
  }
}

void BackupCatalog::read_pages(const ManifestEntry& entry, std::uint32_t catalog, std::uint32_t database) {
  Bytes page;
  page.reserve(page_size_);
  reader_.read(entry, [&](ByteView bytes) {
    while (!bytes.empty()) {
      const std::size_t taken = std::min(page_size_ - page.size(), bytes.size());
      page.insert(page.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
      bytes = bytes.subspan(taken);
      if (page.size() < page_size_) {
        return;
      }
      for_each_heap_tuple(page, [&](std::uint16_t /*number*/, const HeapTuple& tuple) { take_row(tuple, catalog, database); });
      page.clear();
    }
  });
}

void BackupCatalog::take_row(const HeapTuple& tuple, std::uint32_t catalog, std::uint32_t database) {
  // Of an older version of a row, only what no newer one tells: the files that it had, its name before it was dropped.
  const auto keep = [&](auto& map, const auto& key, auto value) {
    if (tuple.superseded) {
      map.emplace(key, std::move(value));
    } else {
      map.insert_or_assign(key, std::move(value));
    }
  };
  if (catalog == database_catalog) {
    if (auto row = parse_database_row(tuple.data, major_version_)) {
      keep(databases_, row->oid, std::move(row->name));
    }
  } else if (catalog == namespace_catalog) {
    if (auto row = parse_namespace_row(tuple.data)) {
      keep(schemas_, Place{database, row->oid}, std::move(row->name));
    }
  } else if (auto row = parse_class_row(tuple.data, major_version_)) {
    if (row->node != 0) {
      keep(oids_, Place{database, row->node}, row->oid);
    }
    const Place place{database, row->oid};
    keep(relations_, place, std::move(*row));
  }
}

const ClassRow* BackupCatalog::relation_of_node(std::uint32_t database, std::uint32_t node) const {
  const auto* oid = found_in(oids_, Place{database, node});
  return oid != nullptr ? relation_of_oid(database, *oid) : nullptr;
}

const ClassRow* BackupCatalog::relation_of_oid(std::uint32_t database, std::uint32_t oid) const {
  return found_in(relations_, Place{database, oid});
}

const std::string* BackupCatalog::schema(std::uint32_t database, std::uint32_t oid) const {
  return found_in(schemas_, Place{database, oid});
}

bool BackupCatalog::knows_database(const std::string& name) const {
  return std::ranges::any_of(databases_, [&](const auto& each) { return each.second == name; });
}

const std::string* BackupCatalog::database(std::uint32_t oid) const { return found_in(databases_, oid); }

}  // namespace pgrecall
