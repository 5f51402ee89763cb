#include "engine/undo/change_names.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

namespace {

constexpr std::size_t most_others = 3;

bool lacks_name(const WalChange& change) {
  return change.kind == WalChangeKind::dropped_database ? change.name.empty() : change.name.empty() || change.schema.empty();
}

bool lacks_name(const FoundChanges& found) {
  const auto lacks = [](const WalChange& change) { return lacks_name(change); };
  return (found.what.database != 0 && found.what.database_name.empty()) || std::ranges::any_of(found.what.changes, lacks);
}

void fill_relation(WalChange& change, std::uint32_t database, const BackupCatalog& catalog) {
  const ClassRow* row =
      change.oid != 0 ? catalog.relation_of_oid(database, change.oid) : catalog.relation_of_node(database, change.relation.node);
  if (row != nullptr) {
    change.oid = row->oid;
    change.relation_kind = change.relation_kind == 0 ? row->kind : change.relation_kind;
    change.persistence = change.persistence == 0 ? row->persistence : change.persistence;
    change.schema_oid = change.schema_oid == 0 ? row->schema : change.schema_oid;
    change.name = change.name.empty() ? row->name : change.name;
    if (!change.estimated && row->rows >= 0) {
      change.estimated = row->rows;
    }
  }
  if (change.schema.empty() && change.schema_oid != 0) {
    if (const std::string* schema = catalog.schema(database, change.schema_oid)) {
      change.schema = *schema;
    }
  }
}

void fill_from(FoundChanges& found, const BackupCatalog& catalog) {
  TransactionChanges& what = found.what;
  const auto fill_database = [&](std::uint32_t oid, std::string& name) {
    const std::string* known = name.empty() ? catalog.database(oid) : nullptr;
    name = known != nullptr ? *known : name;
  };
  fill_database(what.database, what.database_name);
  for (WalChange& change : what.changes) {
    if (change.kind == WalChangeKind::dropped_database) {
      fill_database(change.oid, change.name);
    } else if (lacks_name(change) || !change.estimated) {
      fill_relation(change, what.database, catalog);
    }
  }
}

// What nobody would want to undo by itself. Rows say it of relations that pg_class did not tell of in time.
bool is_internal(const WalChange& change) {
  const bool by_rows = change.kind == WalChangeKind::deleted || change.kind == WalChangeKind::updated;
  const bool by_files = change.kind == WalChangeKind::dropped_or_truncated || change.kind == WalChangeKind::truncated;
  if (!by_rows && !by_files) {
    return false;
  }
  const bool dependent =
      change.relation_kind != 0 && std::string_view("rmpf").find(change.relation_kind) == std::string_view::npos;
  return dependent || change.schema_oid == toast_namespace || change.schema_oid == catalog_namespace;
}

}  // namespace

ChangeNames::ChangeNames(const Repository& repository, const RecoveryWindow& window, const ListedBackup* nearest,
                         std::vector<std::string>& warnings)
    : repository_(repository), warnings_(warnings) {
  if (nearest == nullptr) {
    return;
  }
  for (const ListedBackup& backup : window.backups) {
    if (backup.summary.start_lsn > nearest->summary.start_lsn && others_.size() < most_others) {
      others_.push_back(&backup);  // soon after
    }
  }
  for (auto backup = window.backups.rbegin(); backup != window.backups.rend() && others_.size() < most_others; ++backup) {
    if (&*backup != nearest && std::ranges::find(others_, &*backup) == others_.end()) {
      others_.push_back(&*backup);
    }
  }
  open(*nearest);
}

void ChangeNames::open(const ListedBackup& backup) {
  try {
    catalogs_.emplace_back(repository_, backup.summary);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    warnings_.push_back("names cannot be had from backup " + backup.summary.id.text + ": " + error.what());
  }
}

bool ChangeNames::load(BackupCatalog& catalog, const std::vector<FoundChanges>& transactions) {
  std::set<std::uint32_t> databases;
  for (const FoundChanges& found : transactions) {
    const bool any = std::ranges::any_of(found.what.changes, [](const WalChange& change) {
      return change.kind != WalChangeKind::dropped_database && (lacks_name(change) || !change.estimated);
    });
    if (any) {
      databases.insert(found.what.database);
    }
  }
  try {
    catalog.load(databases);
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    warnings_.push_back(std::string("names cannot be had from a backup: ") + error.what());
    return false;
  }
}

void ChangeNames::fill(std::vector<FoundChanges>& transactions) {
  const auto ask = [&](BackupCatalog& catalog) {
    if (load(catalog, transactions)) {
      for (FoundChanges& found : transactions) {
        fill_from(found, catalog);
      }
    }
  };
  const auto unknown = [&] {
    return std::ranges::any_of(transactions, [](const FoundChanges& found) { return lacks_name(found); });
  };
  if (!transactions.empty() && !catalogs_.empty()) {
    ask(catalogs_.front());
  }
  for (const ListedBackup* other : others_) {
    if (!unknown()) {
      break;
    }
    const std::size_t before = catalogs_.size();
    open(*other);
    if (catalogs_.size() > before) {
      ask(catalogs_.back());
    }
  }
  for (FoundChanges& found : transactions) {
    found.what.dependents += std::erase_if(found.what.changes, is_internal);
  }
  std::erase_if(transactions, [](const FoundChanges& found) { return found.what.changes.empty(); });
}

}  // namespace pgrecall
