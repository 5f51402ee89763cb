#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/backup_pipeline.h"
#include "engine/backup_wal.h"
#include "io/rate_limiter.h"
#include "io/temporary_file.h"
#include "postgres/base_backup.h"
#include "postgres/tar.h"
#include "repository/summary.h"

namespace pgrecall {

// Unpacks what BASE_BACKUP sends into the pipeline, and keeps what the backup as a whole must be judged by.
class BackupArchive final : public BaseBackupSink {
 public:
  BackupArchive(BackupPipeline& pipeline, BackupWal& wal, RateLimiter& limiter, Progress& progress, std::stop_token stop,
                const std::string& spool_directory);

  void on_start(const BaseBackupStart& start) override;
  void on_archive(std::uint32_t tablespace_oid) override;
  void on_data(ByteView bytes) override;
  void on_archive_end() override;
  void on_manifest_data(ByteView bytes) override;

  // Adds the server's backup_manifest, which came last, as a file.
  void add_server_manifest();
  // Throws unless backup_label and pg_control came, and the label names the same start.
  void check_complete() const;

  [[nodiscard]] const BaseBackupStart& start() const noexcept { return start_; }
  [[nodiscard]] std::vector<SummaryTablespace> tablespaces() const;
  // postgresql.conf lies in the data directory.
  [[nodiscard]] bool has_configuration() const noexcept { return has_configuration_; }

 private:
  // TarSink's on_data would clash with BaseBackupSink's, so a sink of its own passes the entries on.
  struct Entries final : TarSink {
    explicit Entries(BackupArchive& owner) : archive(owner) {}
    void on_entry(const TarEntry& entry) override { archive.begin_entry(entry); }
    void on_data(ByteView bytes) override { archive.add_to_entry(bytes); }
    void on_entry_end() override { archive.end_entry(); }
    BackupArchive& archive;
  };

  void begin_entry(const TarEntry& entry);
  void add_to_entry(ByteView bytes);
  void end_entry();

  BackupPipeline& pipeline_;
  BackupWal& wal_;
  RateLimiter& limiter_;
  Progress& progress_;
  const std::stop_token stop_;
  BaseBackupStart start_;
  Entries entries_{*this};
  std::optional<TarReader> tar_;
  std::string prefix_;  // of the paths of the present archive
  std::size_t tablespace_ = 0;
  std::vector<std::uint64_t> tablespace_sizes_;
  TemporaryFile manifest_;
  enum class Current { none, file, label } current_ = Current::none;
  std::string label_;
  bool has_control_file_ = false;
  bool has_configuration_ = false;
};

}  // namespace pgrecall
