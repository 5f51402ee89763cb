#include "postgres/base_backup.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "postgres/replication.h"

namespace pgrecall {
namespace {

constexpr std::string_view operation = "the base backup";
constexpr int first_major_with_typed_messages = 15;

std::string_view manifest_checksums(ServerManifest manifest) noexcept {
  switch (manifest) {
    case ServerManifest::none:
    case ServerManifest::without_checksums: return "NONE";
    case ServerManifest::crc32c: return "CRC32C";
    case ServerManifest::sha256: return "SHA256";
  }
  return "NONE";
}

// Kilobytes per second; the server takes 32 to 1048576.
std::uint64_t server_rate(std::uint64_t bytes) noexcept { return std::clamp<std::uint64_t>(bytes / 1024, 32, 1'048'576); }

std::string old_command(const BaseBackupOptions& options) {
  std::string command = "BASE_BACKUP LABEL " + quote_replication_literal(options.label);
  command += options.sizes == SizeEstimate::ask ? " PROGRESS" : "";
  command += options.checkpoint == BackupCheckpoint::fast ? " FAST" : "";
  command += " NOWAIT";
  if (options.max_rate_bytes != 0) {
    command += " MAX_RATE " + std::to_string(server_rate(options.max_rate_bytes));
  }
  command += options.checksum_check == ServerChecksumCheck::off ? " NOVERIFY_CHECKSUMS" : "";
  if (options.manifest != ServerManifest::none) {
    command.append(" MANIFEST 'yes' MANIFEST_CHECKSUMS '").append(manifest_checksums(options.manifest)).append("'");
  }
  return command;
}

std::string new_command(const BaseBackupOptions& options) {
  std::string command = "BASE_BACKUP (LABEL " + quote_replication_literal(options.label);
  command += options.sizes == SizeEstimate::ask ? ", PROGRESS true" : "";
  command += options.checkpoint == BackupCheckpoint::fast ? ", CHECKPOINT 'fast'" : ", CHECKPOINT 'spread'";
  command += ", WAIT false";
  if (options.max_rate_bytes != 0) {
    command += ", MAX_RATE " + std::to_string(server_rate(options.max_rate_bytes));
  }
  command += options.checksum_check == ServerChecksumCheck::off ? ", VERIFY_CHECKSUMS false" : "";
  if (options.manifest != ServerManifest::none) {
    command.append(", MANIFEST 'yes', MANIFEST_CHECKSUMS '").append(manifest_checksums(options.manifest)).append("'");
  }
  return command + ")";
}

// The archives of one backup, from the server's answers to the sink's calls.
class Receiver {
 public:
  Receiver(Connection& connection, const BaseBackupOptions& options, BaseBackupSink& sink)
      : connection_(connection), options_(options), sink_(sink) {}

  BaseBackupEnd run() {
    connection_.send(base_backup_command(options_, connection_.server_major()), operation);
    const TimelinePosition start = decode_backup_position(expect(Result::Kind::rows, 1).fields(0));
    BaseBackupStart backup{.start = start.lsn, .timeline = start.timeline, .tablespaces = {}};
    const Result list = expect(Result::Kind::rows, 1);
    for (int row = 0; row < list.rows(); ++row) {
      backup.tablespaces.push_back(decode_tablespace(list.fields(row)));
    }
    sink_.on_start(backup);
    if (connection_.server_major() < first_major_with_typed_messages) {
      receive_separate_copies(backup.tablespaces);
    } else {
      receive_typed_messages(backup.tablespaces);
    }
    const TimelinePosition stop = decode_backup_position(expect(Result::Kind::rows, 1).fields(0));
    connection_.finish_command(operation);
    return {.stop = stop.lsn, .timeline = stop.timeline};
  }

 private:
  enum class Part { nothing, archive, manifest };

  Result expect(Result::Kind kind, int least_rows) {
    std::optional<Result> result = pending_ ? std::exchange(pending_, std::nullopt) : connection_.next_result(operation);
    if (!result || result->kind() != kind || result->rows() < least_rows) {
      throw broken("an answer out of order");
    }
    return std::move(*result);
  }

  [[nodiscard]] Error broken(std::string_view what) const {
    return connection_.error("the server broke the base backup protocol: " + std::string(what),
                             "check that the server is PostgreSQL 13 to 18");
  }

  template <typename Take>
  void drain_copy(const Take& take) {
    ByteView message;
    while (connection_.next_copy_message(message, operation) == Connection::CopyState::message) {
      take(message);
    }
    // A COPY also ends where the server fails: its reason counts, and not that the archive is cut short.
    pending_ = connection_.next_result(operation);
  }

  // 13 and 14: one COPY for each tablespace, in the order of the list, then one for the manifest.
  void receive_separate_copies(const std::vector<BackupTablespace>& tablespaces) {
    for (const BackupTablespace& tablespace : tablespaces) {
      expect_copy();
      sink_.on_archive(tablespace.oid);
      drain_copy([this](ByteView bytes) { sink_.on_data(bytes); });
      sink_.on_archive_end();
    }
    if (options_.manifest != ServerManifest::none) {
      expect_copy();
      drain_copy([this](ByteView bytes) { sink_.on_manifest_data(bytes); });
    }
  }

  // 15 and newer: one COPY, in which each message says what it is.
  void receive_typed_messages(const std::vector<BackupTablespace>& tablespaces) {
    expect_copy();
    drain_copy(
        [this](ByteView bytes) { std::visit([this](const auto& message) { take(message); }, decode_backup_message(bytes)); });
    end_part();
    if (archives_ != tablespaces.size()) {
      throw broken("archives and tablespaces differ in number");
    }
  }

  void expect_copy() { static_cast<void>(expect(Result::Kind::copy_out, 0)); }

  void end_part() {
    if (part_ == Part::archive) {
      sink_.on_archive_end();
    }
    part_ = Part::nothing;
  }

  void take(const ArchiveBegin& begin) {
    end_part();
    part_ = Part::archive;
    ++archives_;
    sink_.on_archive(begin.tablespace_oid);
  }

  void take(const ArchiveBytes& data) {
    if (part_ == Part::archive) {
      sink_.on_data(data.bytes);
    } else if (part_ == Part::manifest) {
      sink_.on_manifest_data(data.bytes);
    } else {
      throw broken("data outside of an archive");
    }
  }

  void take(const ManifestBegin& /*begin*/) {
    end_part();
    part_ = Part::manifest;
  }

  void take(const BackupProgress& /*progress*/) {}

  Connection& connection_;
  const BaseBackupOptions& options_;
  BaseBackupSink& sink_;
  Part part_ = Part::nothing;
  std::size_t archives_ = 0;
  std::optional<Result> pending_;  // what followed a COPY
};

}  // namespace

std::string base_backup_command(const BaseBackupOptions& options, int server_major) {
  return server_major < first_major_with_typed_messages ? old_command(options) : new_command(options);
}

BaseBackupEnd receive_base_backup(Connection& connection, const BaseBackupOptions& options, BaseBackupSink& sink) {
  return Receiver(connection, options, sink).run();
}

}  // namespace pgrecall
