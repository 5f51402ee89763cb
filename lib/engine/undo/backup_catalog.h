#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "engine/undo/backup_file.h"
#include "postgres/catalog_rows.h"
#include "postgres/heap_page.h"
#include "repository/summary.h"

namespace pgrecall {

// Names of databases, schemas and relations as a backup's own catalogs tell them, without a server and without a restore: out of
// the pages of pg_class, pg_namespace and pg_database, which pg_filenode.map leads to. The pages may be of any moment while the
// backup was taken. One thread.
class BackupCatalog {
 public:
  // Reads the maps, and the names of databases.
  BackupCatalog(const Repository& repository, const BackupSummary& summary);

  // By database; 0: of what all share.
  [[nodiscard]] const std::map<std::uint32_t, RelationMap>& maps() const noexcept { return maps_; }
  // Reads the names in these databases, once.
  void load(const std::set<std::uint32_t>& databases);

  // Null where the backup does not know.
  [[nodiscard]] const ClassRow* relation_of_node(std::uint32_t database, std::uint32_t node) const;
  [[nodiscard]] const ClassRow* relation_of_oid(std::uint32_t database, std::uint32_t oid) const;
  [[nodiscard]] const std::string* schema(std::uint32_t database, std::uint32_t oid) const;
  [[nodiscard]] const std::string* database(std::uint32_t oid) const;
  [[nodiscard]] bool knows_database(const std::string& name) const;

 private:
  using Place = std::pair<std::uint32_t, std::uint32_t>;  // database, and a node or an oid

  void read_maps();
  // Reads the relations at these places, and takes their rows for those of the catalog.
  void read_catalogs(const std::map<Place, std::uint32_t>& wanted);
  void read_pages(const ManifestEntry& entry, std::uint32_t catalog, std::uint32_t database);
  void take_row(const HeapTuple& tuple, std::uint32_t catalog, std::uint32_t database);
  [[nodiscard]] std::uint32_t node_of(std::uint32_t database, std::uint32_t catalog) const;

  const Repository& repository_;
  const std::string cluster_;
  const BackupId backup_;
  const unsigned major_version_;
  const std::size_t page_size_;
  BackupFileReader reader_;
  std::map<std::uint32_t, RelationMap> maps_;
  std::set<std::uint32_t> loaded_;
  std::map<Place, ClassRow> relations_;  // by oid
  std::map<Place, std::uint32_t> oids_;  // by node
  std::map<Place, std::string> schemas_;
  std::map<std::uint32_t, std::string> databases_;
};

}  // namespace pgrecall
