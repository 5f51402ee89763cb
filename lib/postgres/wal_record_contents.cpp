// What single records say: ends of transactions, restore points, segment switches.
#include <algorithm>

#include "base/error.h"
#include "postgres/replication_messages.h"
#include "postgres/wal_record_kinds.h"
#include "postgres/wal_records.h"

namespace pgrecall {

namespace {

constexpr std::size_t restore_point_name_size = 64;  // with its zero; MAXFNAMELEN
constexpr std::size_t time_size = 8;

std::optional<TransactionOutcome> outcome_of(const WalRecord& record) {
  if (record.resource_manager != wal_kind::transaction_manager) {
    return std::nullopt;
  }
  switch (record.info & wal_kind::transaction_operation_bits) {
    case wal_kind::commit: return TransactionOutcome::commit;
    case wal_kind::abort: return TransactionOutcome::abort;
    case wal_kind::commit_prepared: return TransactionOutcome::commit_prepared;
    case wal_kind::abort_prepared: return TransactionOutcome::abort_prepared;
    default: return std::nullopt;  // PREPARE TRANSACTION, assignments of subtransactions, invalidations
  }
}

void require(const WalRecord& record, std::size_t size) {
  if (record.main_data.size() < size) {
    throw Error(ErrorKind::corruption, "WAL record is too short for what it is")
        .with("lsn", record.start.to_string())
        .with("found", record.main_data.size())
        .with("expected", size);
  }
}

Time time_at_start(const WalRecord& record) {
  return time_of_server(static_cast<std::int64_t>(load_little<std::uint64_t>(record.main_data.data())));
}

}  // namespace

bool is_switch(const WalRecord& record) noexcept {
  return record.resource_manager == wal_kind::xlog_manager &&
         (record.info & wal_kind::xlog_operation_bits) == wal_kind::segment_switch;
}

std::optional<TransactionEnd> decode_transaction_end(const WalRecord& record) {
  const auto outcome = outcome_of(record);
  if (!outcome) {
    return std::nullopt;
  }
  require(record, time_size);
  TransactionEnd end{*outcome, record.transaction, time_at_start(record)};
  if (*outcome == TransactionOutcome::commit_prepared || *outcome == TransactionOutcome::abort_prepared) {
    end.transaction = record.prepared_transaction;
    if (end.transaction == 0) {
      throw Error(ErrorKind::corruption, "WAL record ends a prepared transaction without saying which")
          .with("lsn", record.start.to_string());
    }
  }
  return end;
}

std::optional<RestorePoint> decode_restore_point(const WalRecord& record) {
  if (record.resource_manager != wal_kind::xlog_manager ||
      (record.info & wal_kind::xlog_operation_bits) != wal_kind::restore_point) {
    return std::nullopt;
  }
  require(record, time_size + restore_point_name_size);
  const std::string_view field = text_of(record.main_data.subspan(time_size, restore_point_name_size));
  return RestorePoint{std::string(field.substr(0, field.find('\0'))), time_at_start(record)};
}

}  // namespace pgrecall
