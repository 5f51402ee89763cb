#include "postgres/wal_changes.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "postgres/wal_record_kinds.h"

namespace pgrecall {

namespace {

constexpr std::uint8_t page_image_for_hint = 0xA0;  // XLOG_FPI_FOR_HINT
constexpr std::uint8_t page_image = 0xB0;           // XLOG_FPI
constexpr std::uint8_t prepare = 0x10;              // XLOG_XACT_PREPARE

// xl_heap_delete.
constexpr std::size_t heap_delete_flags = 7;
constexpr std::size_t heap_delete_size = 8;
constexpr std::uint8_t delete_undoes_speculation = 0x08;  // XLH_DELETE_IS_SUPER
constexpr std::uint8_t delete_moves_partition = 0x10;     // XLH_DELETE_IS_PARTITION_MOVE

constexpr std::size_t oldest_running_offset = 16;  // in xl_running_xacts

std::uint32_t number_in(ByteView bytes, std::size_t offset) {
  if (bytes.size() < offset + sizeof(std::uint32_t)) {
    throw Error(ErrorKind::corruption, "WAL record is too short for what it is");
  }
  return load_little<std::uint32_t>(bytes.data() + offset);
}

// As transaction ids compare while fewer than two billion are in use.
bool is_before(std::uint32_t transaction, std::uint32_t other) { return static_cast<std::int32_t>(transaction - other) < 0; }

void append_to(OpenTransaction& whole, OpenTransaction part) {
  const auto move_all = [](auto& to, auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  whole.first = !whole.first.valid() ? part.first : std::min(whole.first, part.first.valid() ? part.first : whole.first);
  whole.prepared = std::max(whole.prepared, part.prepared);
  whole.maps_changed = whole.maps_changed || part.maps_changed;
  for (const auto& [relation, rows] : part.rows) {
    whole.rows[relation].deleted += rows.deleted;
    whole.rows[relation].updated += rows.updated;
  }
  move_all(whole.created, part.created);
  move_all(whole.truncated, part.truncated);
  move_all(whole.catalog, part.catalog);
  move_all(whole.dropped_databases, part.dropped_databases);
  move_all(whole.created_databases, part.created_databases);
}

}  // namespace

bool WalChangeCollector::wants_body(const WalRecord& header) const {
  switch (header.resource_manager) {
    case wal_kind::transaction_manager:
    case wal_kind::storage_manager:
    case wal_kind::database_manager:
    case wal_kind::relation_map_manager:
    case wal_kind::standby_manager:
    case wal_kind::heap2_manager:
    case wal_kind::heap_manager: return true;
    case wal_kind::xlog_manager: {
      const auto operation = header.info & wal_kind::xlog_operation_bits;
      return operation == page_image || operation == page_image_for_hint;
    }
    default: return false;
  }
}

void WalChangeCollector::on_record(const WalRecord& record) {
  if (record.resource_manager != wal_kind::xlog_manager && !wants_body(record)) {
    return;
  }
  try {
    take(record);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    ++not_understood_;  // its CRC was right: it is we who cannot read it
  }
}

void WalChangeCollector::take(const WalRecord& record) {
  if (wants_body(record)) {
    parts_.parse(record.body, record.length - wal_record_header_size, options_.major_version);
  }
  const auto operation = record.info & wal_kind::xlog_operation_bits;
  switch (record.resource_manager) {
    case wal_kind::xlog_manager: take_xlog(record); break;
    case wal_kind::transaction_manager:
      if (const auto end = decode_transaction_end(record)) {
        take_end(record, *end);
      } else if ((record.info & wal_kind::transaction_operation_bits) == prepare) {
        open(record).prepared = record.start;
      }
      break;
    case wal_kind::storage_manager:
      if (operation == wal_kind::storage_create && record.transaction != 0 && number_in(main_data(), 12) == 0) {
        open(record).created.push_back({number_in(main_data(), 0), number_in(main_data(), 4), number_in(main_data(), 8)});
      }
      break;
    case wal_kind::database_manager: take_database(record); break;
    case wal_kind::relation_map_manager: take_map(record); break;
    case wal_kind::standby_manager:
      if (operation == wal_kind::running_transactions) {
        take_running(record);
      }
      break;
    case wal_kind::heap_manager: take_heap(record); break;
    default: static_cast<void>(catalog_.apply(record, parts_)); break;
  }
}

OpenTransaction& WalChangeCollector::open(const WalRecord& record) {
  if (last_open_ == nullptr || last_transaction_ != record.transaction) {
    last_transaction_ = record.transaction;
    last_open_ = &open_[record.transaction];
    last_rows_ = nullptr;
  }
  if (!last_open_->first.valid()) {
    last_open_->first = record.start;
  }
  return *last_open_;
}

void WalChangeCollector::take_xlog(const WalRecord& record) {
  switch (record.info & wal_kind::xlog_operation_bits) {
    case wal_kind::checkpoint_at_shutdown:
    case wal_kind::end_of_recovery: forget_crashed(); break;
    case page_image:
    case page_image_for_hint: static_cast<void>(catalog_.apply(record, parts_)); break;
    default: break;
  }
}

// Nothing runs on behind it but what was prepared.
void WalChangeCollector::forget_crashed() {
  std::erase_if(open_, [](const auto& one) { return !one.second.prepared.valid(); });
  last_open_ = nullptr;
}

// Those that ended without a record: they had written none that counts, or the server crashed.
void WalChangeCollector::take_running(const WalRecord& /*record*/) {
  const std::uint32_t oldest = number_in(main_data(), oldest_running_offset);
  std::erase_if(open_, [&](const auto& one) { return is_before(one.first, oldest); });
  last_open_ = nullptr;
}

void WalChangeCollector::take_end(const WalRecord& record, const TransactionEnd& end) {
  first_end_ = first_end_.value_or(end.time);
  last_end_ = end.time;
  const TransactionParts parts = parse_transaction_parts(main_data(), record.info);
  const bool committed = end.outcome == TransactionOutcome::commit || end.outcome == TransactionOutcome::commit_prepared;
  if (open_.empty() && (parts.dropped.empty() || !committed)) {
    return;
  }
  OpenTransaction whole;
  bool any = committed && !parts.dropped.empty();
  const auto collect = [&](std::uint32_t transaction) {
    if (auto there = open_.extract(transaction)) {
      append_to(whole, std::move(there.mapped()));
      any = true;
    }
  };
  last_open_ = nullptr;
  collect(end.transaction);
  std::ranges::for_each(parts.subtransactions, collect);
  if (!any) {
    return;
  }
  std::ranges::stable_sort(whole.catalog, {}, &CatalogChange::at);
  TransactionChanges changes = changes_of(whole, parts, end.outcome, catalog_, options_.least_rows);
  if (changes.changes.empty()) {
    return;
  }
  changes.transaction = end.transaction;
  changes.time = end.time;
  changes.start = record.start;
  changes.end = record.end;
  if (!changes.undone_before.valid()) {
    changes.undone_before = record.start;
  }
  tell_(std::move(changes));
}

void WalChangeCollector::take_database(const WalRecord& record) {
  const bool until_14 = options_.major_version < 15;
  const auto operation = record.info & wal_kind::xlog_operation_bits;
  const std::uint32_t database = number_in(main_data(), 0);
  if (operation == (until_14 ? wal_kind::database_drop_until_14 : wal_kind::database_drop)) {
    if (record.transaction != 0) {
      open(record).dropped_databases.push_back({database, record.start});
    }
  } else if (operation == wal_kind::database_copy || (!until_14 && operation == wal_kind::database_create_by_wal)) {
    if (operation == wal_kind::database_copy) {
      catalog_.copy_map(number_in(main_data(), 8), database);
    }
    if (record.transaction != 0) {
      open(record).created_databases.push_back(database);
    }
  }
}

void WalChangeCollector::take_map(const WalRecord& record) {
  constexpr std::size_t map_offset = 12;  // in xl_relmap_update
  if ((record.info & wal_kind::xlog_operation_bits) != wal_kind::relation_map_update || main_data().size() < map_offset) {
    return;
  }
  if (const auto map = parse_relation_map(main_data().subspan(map_offset))) {
    catalog_.set_map(number_in(main_data(), 0), *map);
  }
  if (record.transaction != 0) {
    open(record).maps_changed = true;
  }
}

void WalChangeCollector::take_heap(const WalRecord& record) {
  const auto operation = static_cast<std::uint8_t>(record.info & wal_kind::heap_operation_bits);
  if (operation == wal_kind::heap_truncate) {
    constexpr std::size_t first_oid = 12;  // in xl_heap_truncate
    const std::uint32_t count = number_in(main_data(), 4);
    for (std::uint32_t i = 0; i < count; ++i) {
      open(record).truncated.push_back(number_in(main_data(), first_oid + std::size_t{i} * sizeof(std::uint32_t)));
    }
    return;
  }
  if (auto change = catalog_.apply(record, parts_); change && record.transaction != 0) {
    const bool temporary = (change->before && change->before->persistence == 't') ||
                           (!change->before && change->after && change->after->persistence == 't');
    if (!temporary) {
      open(record).catalog.push_back(std::move(*change));
    }
  }
  if (operation == wal_kind::heap_delete || operation == wal_kind::heap_update || operation == wal_kind::heap_hot_update) {
    count_rows(record, operation);
  }
}

void WalChangeCollector::count_rows(const WalRecord& record, std::uint8_t operation) {
  const WalBlock* block = parts_.block(0);
  if (block == nullptr || record.transaction == 0 || block->relation.node < first_user_oid) {
    if (block != nullptr && record.transaction != 0 && block->relation.database == 0) {
      static_cast<void>(open(record));  // DROP DATABASE begins in the catalogs that all databases share
    }
    return;
  }
  bool deleted = operation == wal_kind::heap_delete;
  if (deleted) {
    if (main_data().size() < heap_delete_size) {
      throw Error(ErrorKind::corruption, "WAL record is too short for what it is");
    }
    const auto flags = std::to_integer<std::uint8_t>(main_data()[heap_delete_flags]);
    if ((flags & delete_undoes_speculation) != 0) {
      return;  // INSERT ... ON CONFLICT takes back what nobody has seen
    }
    deleted = (flags & delete_moves_partition) == 0;
  }
  OpenTransaction& transaction = open(record);
  if (last_rows_ == nullptr || last_relation_ != block->relation) {
    last_relation_ = block->relation;
    last_rows_ = &transaction.rows[block->relation];
  }
  ++(deleted ? last_rows_->deleted : last_rows_->updated);
}

}  // namespace pgrecall
