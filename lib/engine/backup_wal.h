#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "base/lsn.h"
#include "codec/compression.h"
#include "engine/failure.h"
#include "io/temporary_file.h"
#include "postgres/connection.h"
#include "postgres/wal_segment.h"
#include "postgres/wal_stream.h"
#include "repository/wal_archive.h"

namespace pgrecall {

// Takes streamed WAL, and puts each complete segment into the repository: checked, compressed, read back. What it holds of the
// segment under way lies in a temporary file. One thread.
class WalSegmentStore final : public WalSink {
 public:
  struct Options {
    std::string cluster;
    std::uint64_t system_identifier = 0;
    unsigned major_version = 0;
    std::uint32_t segment_size = 0;  // bytes
    Timeline timeline = 0;
    Compression compression;
    std::string spool_directory;
  };
  WalSegmentStore(const Repository& repository, Options options);

  void on_wal(Lsn start, ByteView bytes, Time server_time) override;
  void on_keepalive(Lsn server_end, Time server_time) override;
  void on_batch_end() override {}
  [[nodiscard]] Lsn durable_position() const override { return durable_; }

  // Stores what there is of the segment that is not complete, as a tail.
  void store_tail();
  // WAL is in the repository, without a gap, from the first segment's start to here.
  [[nodiscard]] Lsn stored_until() const noexcept { return durable_; }
  // Size of the objects that were put.
  [[nodiscard]] std::uint64_t object_bytes() const noexcept { return object_bytes_; }

 private:
  void begin_segment(Lsn at);
  void put(std::uint64_t length);

  const Repository& repository_;
  const Options options_;
  TemporaryFile spool_;
  WalSegment segment_;
  std::unique_ptr<WalPageChecker> checker_;
  Lsn durable_;
  std::uint64_t object_bytes_ = 0;
};

// Streams the WAL of one backup on a connection of its own, from the backup's start until its stop, beside the copying.
class BackupWal {
 public:
  // `connection` has its slot already, so that the server keeps WAL from before the backup's start.
  BackupWal(const Repository& repository, Connection connection, std::string slot, WalSegmentStore::Options options,
            Failure& failure);
  ~BackupWal();
  BackupWal(const BackupWal&) = delete;
  BackupWal& operator=(const BackupWal&) = delete;

  void start(Lsn backup_start);
  // Waits until all WAL up to `stop` is in the repository: whole segments from a primary, which switches to a new one at the end
  // of a backup; a tail from a standby, which does not. Throws the first error.
  enum class LastSegment { whole, tail };
  void finish(Lsn stop, LastSegment last);
  [[nodiscard]] std::uint64_t object_bytes() const noexcept { return store_.object_bytes(); }

 private:
  void run() noexcept;

  Connection connection_;
  const std::string slot_;
  const WalSegmentStore::Options options_;
  Failure& failure_;
  WalSegmentStore store_;
  std::unique_ptr<WalStream> stream_;
  std::jthread thread_;
};

}  // namespace pgrecall
