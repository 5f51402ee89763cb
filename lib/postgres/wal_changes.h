#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/lsn.h"
#include "postgres/relation_node.h"
#include "postgres/transaction_record.h"
#include "postgres/wal_catalog.h"
#include "postgres/wal_record_parts.h"
#include "postgres/wal_records.h"

namespace pgrecall {

// What a transaction did that somebody may want undone.
enum class WalChangeKind {
  dropped,
  truncated,
  dropped_or_truncated,  // its files went; what pg_class says of it is not in the WAL that was read
  dropped_database,
  deleted,  // rows
  updated,  // rows
};
[[nodiscard]] std::string_view name(WalChangeKind kind) noexcept;

struct WalChange {
  WalChangeKind kind = WalChangeKind::dropped;
  RelationNode relation;            // its files before; node 0 where it had none, or they are not known
  std::uint32_t oid = 0;            // of the relation or database; 0: not known
  std::uint32_t schema_oid = 0;     // 0: not known
  std::string schema;               // empty: not known
  std::string name;                 // of the relation or database; empty: not known
  char relation_kind = 0;           // as ClassRow::kind; 0: not known
  char persistence = 0;             // as ClassRow::persistence; 0: not known
  std::uint64_t rows = 0;           // deleted or updated
  std::optional<double> estimated;  // rows that the relation had when it was last counted
};

// One transaction, when it ended.
struct TransactionChanges {
  std::uint32_t transaction = 0;
  std::uint32_t database = 0;  // 0: none, or not known
  std::string database_name;   // empty: not known
  Time time;                   // of its end, by the server's clock
  Lsn start;                   // of the record that ended it
  Lsn end;
  Lsn undone_before;  // a recovery that stops before the record that begins here has all that was there before
  // Until recovery ends, the transaction is at work there: what it dropped or truncated is locked, and nobody can read it.
  bool locks = false;
  std::vector<WalChange> changes;
  std::uint64_t dependents = 0;  // indexes, sequences, TOAST tables and views that went with what is listed
};

// What is gathered of a transaction while it runs.
struct OpenTransaction {
  struct Rows {
    std::uint64_t deleted = 0;
    std::uint64_t updated = 0;
  };
  struct DroppedDatabase {
    std::uint32_t oid = 0;
    Lsn at;
  };

  Lsn first;                  // record of it that was of interest
  Lsn prepared;               // the record of PREPARE TRANSACTION; 0/0: none
  bool maps_changed = false;  // a catalog that pg_filenode.map knows was rewritten
  std::map<RelationNode, Rows> rows;
  std::vector<RelationNode> created;     // files
  std::vector<std::uint32_t> truncated;  // oids of tables, where wal_level is logical
  std::vector<CatalogChange> catalog;
  std::vector<DroppedDatabase> dropped_databases;
  std::vector<std::uint32_t> created_databases;
};

// What a whole transaction, subtransactions included, did that is worth telling; `ended` and `parts` are of its last record.
// Pure.
[[nodiscard]] TransactionChanges changes_of(const OpenTransaction& transaction, const TransactionParts& parts,
                                            TransactionOutcome ended, const WalCatalog& catalog, std::uint64_t least_rows);

// Takes records, and tells of every transaction that dropped or truncated relations, dropped a database, or deleted or updated
// many rows of a relation; of aborted ones only what an abort does not undo. The records: src/include/access/heapam_xlog.h,
// src/include/catalog/storage_xlog.h, src/include/commands/dbcommands_xlog.h, src/include/utils/relmapper.h,
// src/include/storage/standbydefs.h and src/include/access/xact.h, PostgreSQL 13 to 18. Holds the transactions that are running.
class WalChangeCollector final : public WalRecordSink {
 public:
  struct Options {
    unsigned major_version = 0;  // 13 to 18
    std::uint32_t page_size = default_wal_page_size;
    std::uint64_t least_rows = 1;  // deleted or updated in one relation
  };
  using Tell = std::function<void(TransactionChanges)>;

  WalChangeCollector(const Options& options, Tell tell)
      : options_(options), tell_(std::move(tell)), catalog_(options.major_version, options.page_size) {}

  void on_record(const WalRecord& record) override;
  [[nodiscard]] bool wants_body(const WalRecord& header) const override;

  [[nodiscard]] WalCatalog& catalog() noexcept { return catalog_; }
  // The end of the last transaction, committed or not; whatever the clock said.
  [[nodiscard]] std::optional<Time> last_end() const noexcept { return last_end_; }
  // That of the first one.
  [[nodiscard]] std::optional<Time> first_end() const noexcept { return first_end_; }
  // Records that could not be read: of a server that is none of 13 to 18, or that this program does not know well enough.
  [[nodiscard]] std::uint64_t not_understood() const noexcept { return not_understood_; }
  [[nodiscard]] std::size_t running() const noexcept { return open_.size(); }

 private:
  void take(const WalRecord& record);
  void take_xlog(const WalRecord& record);
  void take_end(const WalRecord& record, const TransactionEnd& end);
  void take_database(const WalRecord& record);
  void take_map(const WalRecord& record);
  void take_running(const WalRecord& record);
  void take_heap(const WalRecord& record);
  void count_rows(const WalRecord& record, std::uint8_t operation);
  OpenTransaction& open(const WalRecord& record);
  void forget_crashed();
  [[nodiscard]] ByteView main_data() const noexcept { return parts_.main_data(); }

  const Options options_;
  const Tell tell_;
  WalCatalog catalog_;
  WalRecordParts parts_;
  std::unordered_map<std::uint32_t, OpenTransaction> open_;
  std::uint32_t last_transaction_ = 0;  // what the next three are of
  OpenTransaction* last_open_ = nullptr;
  RelationNode last_relation_;
  OpenTransaction::Rows* last_rows_ = nullptr;
  std::optional<Time> first_end_;
  std::optional<Time> last_end_;
  std::uint64_t not_understood_ = 0;
};

}  // namespace pgrecall
