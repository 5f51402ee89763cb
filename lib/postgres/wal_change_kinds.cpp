// What the changes of a transaction amount to.
#include <algorithm>
#include <charconv>
#include <set>

#include "postgres/wal_changes.h"

namespace pgrecall {

namespace {

constexpr std::string_view table_kinds = "rpmf";  // what is told of whatever goes with it
constexpr std::string_view index_kinds = "iI";
constexpr std::string_view transient_prefix = "pg_temp_";    // make_new_heap() in src/backend/commands/cluster.c
constexpr std::string_view rebuilt_index_suffix = "_ccold";  // REINDEX CONCURRENTLY
constexpr std::uint32_t public_schema = 2200;

bool is_one_of(char kind, std::string_view kinds) { return kinds.find(kind) != std::string_view::npos; }

// The oid of the table that is rewritten by way of a table with this name; 0 where it is no such name.
std::uint32_t rewritten_by(const ClassRow& row) {
  if (!row.name.starts_with(transient_prefix)) {
    return 0;
  }
  std::uint32_t oid = 0;
  const char* end = row.name.data() + row.name.size();
  const auto [stopped, problem] = std::from_chars(row.name.data() + transient_prefix.size(), end, oid);
  return problem == std::errc() && stopped == end ? oid : 0;
}

class Judgement {
 public:
  Judgement(const OpenTransaction& transaction, const TransactionParts& parts, const WalCatalog& catalog,
            std::uint64_t least_rows)
      : transaction_(transaction), parts_(parts), catalog_(catalog), least_rows_(least_rows) {
    result_.database = parts.database;
    for (const RelationNode& relation : transaction.created) {
      created_.insert(relation.node);
    }
    for (const RelationNode& relation : parts.dropped) {
      files_.emplace(relation.node, relation);
    }
  }

  void take_relations() {
    for (const CatalogChange& change : transaction_.catalog) {
      if (change.catalog == class_catalog) {
        take(change);
      }
    }
    tell_dropped();
    tell_truncated();
    tell_other_files();
  }
  void take_rows();
  void take_databases();
  [[nodiscard]] TransactionChanges finish();

 private:
  struct Replaced {
    ClassRow before;
    bool place_known = false;
  };

  void take(const CatalogChange& change);
  void take_update(const CatalogChange& change);
  void tell_dropped();
  void tell_truncated();
  void tell_other_files();
  WalChange& tell(WalChangeKind kind, const ClassRow& row);
  [[nodiscard]] RelationNode files_of(std::uint32_t node) const {
    const auto found = files_.find(node);
    return found == files_.end() ? RelationNode{0, parts_.database, node} : found->second;
  }

  const OpenTransaction& transaction_;
  const TransactionParts& parts_;
  const WalCatalog& catalog_;
  const std::uint64_t least_rows_;
  std::set<std::uint32_t> created_;                        // nodes
  std::unordered_map<std::uint32_t, RelationNode> files_;  // that go, by node
  std::set<std::uint32_t> inserted_;                       // oids
  std::set<std::string> made_indexes_;
  std::set<std::uint32_t> rewritten_;  // oids
  std::vector<ClassRow> removed_;
  std::map<std::uint32_t, Replaced> replaced_;  // by oid: what has other files now
  std::set<std::uint32_t> explained_;           // nodes
  bool unknown_removed_ = false;
  TransactionChanges result_;
};

WalChange& Judgement::tell(WalChangeKind kind, const ClassRow& row) {
  WalChange& change = result_.changes.emplace_back();
  change.kind = kind;
  change.oid = row.oid;
  change.schema_oid = row.schema;
  change.name = row.name;
  change.relation_kind = row.kind;
  change.persistence = row.persistence;
  if (row.rows >= 0) {
    change.estimated = row.rows;
  }
  return change;
}

void Judgement::take(const CatalogChange& change) {
  switch (change.kind) {
    case CatalogChange::Kind::insert:
      if (change.after) {
        inserted_.insert(change.after->oid);
        if (is_one_of(change.after->kind, index_kinds)) {
          made_indexes_.insert(change.after->name);
        }
        created_.insert(change.after->node);  // the first files of a transaction may be made before it has an id
      }
      break;
    case CatalogChange::Kind::update: take_update(change); break;
    case CatalogChange::Kind::remove:
      if (!change.before) {
        unknown_removed_ = true;
        break;
      }
      if (change.before->node != 0) {
        explained_.insert(change.before->node);
      }
      if (const std::uint32_t oid = rewritten_by(*change.before); oid != 0) {
        rewritten_.insert(oid);
      } else if (!inserted_.contains(change.before->oid)) {
        removed_.push_back(*change.before);
      }
      break;
  }
}

void Judgement::take_update(const CatalogChange& change) {
  const bool known = change.before && change.after && change.before->oid == change.after->oid && change.before->node != 0;
  const bool replaced = known ? change.before->node != change.after->node : change.after && created_.contains(change.after->node);
  if (!replaced || change.after->node == 0 || (known && created_.contains(change.before->node))) {
    return;  // no other files, or its files were of this transaction already
  }
  if (known) {
    explained_.insert(change.before->node);
    if (change.before->tablespace != change.after->tablespace) {
      return;  // moved
    }
  }
  replaced_.emplace(change.after->oid, Replaced{.before = known ? *change.before : *change.after, .place_known = known});
}

void Judgement::tell_dropped() {
  const bool any_table = std::ranges::any_of(removed_, [](const ClassRow& row) { return is_one_of(row.kind, table_kinds); });
  for (const ClassRow& row : removed_) {
    const bool hidden = row.kind == 't' || row.kind == 'c' || row.schema == toast_namespace ||
                        (is_one_of(row.kind, index_kinds) && (row.name.find(rebuilt_index_suffix) != std::string::npos ||
                                                              made_indexes_.contains(row.name)));  // ALTER TABLE makes it anew
    if (hidden || (any_table && !is_one_of(row.kind, table_kinds))) {
      result_.dependents += any_table && row.kind != 'c' ? 1 : 0;
      continue;
    }
    tell(WalChangeKind::dropped, row).relation = row.node != 0 ? files_of(row.node) : RelationNode{0, parts_.database, 0};
  }
}

void Judgement::tell_truncated() {
  for (const auto& [oid, replaced] : replaced_) {
    const ClassRow& row = replaced.before;
    if (row.kind != 'r' || row.schema == catalog_namespace || rewritten_.contains(oid) || inserted_.contains(oid)) {
      continue;
    }
    // What was rewritten by way of another table looks the same where that table's row is not known.
    tell(unknown_removed_ ? WalChangeKind::dropped_or_truncated : WalChangeKind::truncated, row).relation =
        replaced.place_known ? files_of(row.node) : RelationNode{0, parts_.database, 0};
  }
  for (const std::uint32_t oid : transaction_.truncated) {
    if (replaced_.contains(oid) || inserted_.contains(oid)) {
      continue;
    }
    if (const ClassRow* row = catalog_.relation(parts_.database, oid)) {
      tell(WalChangeKind::truncated, *row).relation = files_of(row->node);
      explained_.insert(row->node);
    } else {
      WalChange& change = result_.changes.emplace_back();
      change.kind = WalChangeKind::truncated;
      change.relation.database = parts_.database;
      change.oid = oid;
    }
  }
}

// Files of which no row of pg_class told.
void Judgement::tell_other_files() {
  // Rewriting a catalog that has no files in pg_class; or TRUNCATE, whose tables were told by their oids.
  const bool told = transaction_.maps_changed || (!transaction_.truncated.empty() && !unknown_removed_);
  for (const RelationNode& relation : parts_.dropped) {
    if (told || created_.contains(relation.node) || explained_.contains(relation.node)) {
      continue;
    }
    const ClassRow* row = catalog_.relation(relation);
    if (row != nullptr && ((row->kind != 'r' && row->kind != 'm') || replaced_.contains(row->oid))) {
      continue;  // goes with its table, was built anew, or was told
    }
    const auto kind = unknown_removed_ || row == nullptr ? WalChangeKind::dropped_or_truncated : WalChangeKind::truncated;
    tell(kind, row != nullptr ? *row : ClassRow{.name = {}, .rows = -1}).relation = relation;
  }
}

void Judgement::take_rows() {
  for (const auto& [relation, rows] : transaction_.rows) {
    if (created_.contains(relation.node) || std::max(rows.deleted, rows.updated) < least_rows_) {
      continue;
    }
    const ClassRow* row = catalog_.relation(relation);
    const bool internal =
        catalog_.is_mapped(relation) || (row != nullptr && (row->schema == catalog_namespace || row->schema == toast_namespace));
    if (internal) {
      continue;
    }
    result_.database = result_.database == 0 ? relation.database : result_.database;
    const ClassRow known = row != nullptr ? *row : ClassRow{.name = {}, .rows = -1};
    for (const auto& [kind, count] :
         {std::pair{WalChangeKind::deleted, rows.deleted}, std::pair{WalChangeKind::updated, rows.updated}}) {
      if (count >= least_rows_) {
        WalChange& change = tell(kind, known);
        change.relation = relation;
        change.rows = count;
      }
    }
  }
}

// ALTER DATABASE ... SET TABLESPACE and CREATE DATABASE that fails write the same record, but remove no row that was there.
void Judgement::take_databases() {
  const bool row_removed = std::ranges::any_of(transaction_.catalog, [](const CatalogChange& change) {
    return change.catalog == database_catalog && change.kind == CatalogChange::Kind::remove;
  });
  for (const OpenTransaction::DroppedDatabase& dropped : transaction_.dropped_databases) {
    if (!row_removed || std::ranges::find(transaction_.created_databases, dropped.oid) != transaction_.created_databases.end()) {
      continue;
    }
    WalChange& change = result_.changes.emplace_back();
    change.kind = WalChangeKind::dropped_database;
    change.oid = dropped.oid;
    change.relation.database = dropped.oid;
    if (const std::string* database = catalog_.database(dropped.oid)) {
      change.name = *database;
    }
    result_.database = dropped.oid;
    // Its files go, and its row is marked, before the transaction ends.
    result_.undone_before = std::min(transaction_.first, catalog_.invalid_since(dropped.oid).value_or(dropped.at));
  }
}

TransactionChanges Judgement::finish() {
  for (WalChange& change : result_.changes) {
    result_.database = result_.database == 0 ? change.relation.database : result_.database;
    result_.locks = result_.locks || change.kind == WalChangeKind::dropped || change.kind == WalChangeKind::truncated ||
                    change.kind == WalChangeKind::dropped_or_truncated;
    if (const std::string* schema = catalog_.schema(result_.database, change.schema_oid)) {
      change.schema = *schema;
    } else if (change.schema_oid == public_schema) {
      change.schema = "public";
    }
  }
  if (result_.locks && !result_.undone_before.valid()) {
    result_.undone_before = transaction_.prepared;  // behind it, the locks outlive the end of recovery
  }
  if (const std::string* database = catalog_.database(result_.database)) {
    result_.database_name = *database;
  }
  return std::move(result_);
}

}  // namespace

std::string_view name(WalChangeKind kind) noexcept {
  switch (kind) {
    case WalChangeKind::dropped: return "dropped";
    case WalChangeKind::truncated: return "truncated";
    case WalChangeKind::dropped_or_truncated: return "dropped_or_truncated";
    case WalChangeKind::dropped_database: return "dropped_database";
    case WalChangeKind::deleted: return "deleted";
    case WalChangeKind::updated: break;
  }
  return "updated";
}

TransactionChanges changes_of(const OpenTransaction& transaction, const TransactionParts& parts, TransactionOutcome ended,
                              const WalCatalog& catalog, std::uint64_t least_rows) {
  Judgement judgement(transaction, parts, catalog, least_rows);
  judgement.take_databases();
  if (ended == TransactionOutcome::commit || ended == TransactionOutcome::commit_prepared) {
    judgement.take_relations();
    judgement.take_rows();
  }
  return judgement.finish();
}

}  // namespace pgrecall
