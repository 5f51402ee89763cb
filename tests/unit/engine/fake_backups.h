#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/hash.h"
#include "repository/catalog.h"
#include "repository/manifest.h"
#include "repository/pack_writer.h"
#include "store/memory_store.h"
#include "unit/engine/fake_cluster.h"
#include "unit/repository/scratch_repository.h"

namespace pgrecall::test {

// Puts backups of fake clusters into a repository, as the backup engine would from a real server: what one backup stored is
// shared by the next. Verify finds nothing in them, and restore brings the files back.
[[nodiscard]] inline ClusterSystem system_of(const FakeCluster& source) { return {cluster, source.system_identifier}; }

class FakeBackups {
 public:
  explicit FakeBackups(const Repository& repository) : repository_(repository) {}

  enum class Wal {
    whole,  // two segments
    tails,  // one segment known by two overlapping tails, as of a backup from a standby
  };
  // `id`: "20261123T023000Z-full". Each backup needs the WAL behind that of the one before. `change` may alter the summary before
  // it is put; its manifest is stored by then.
  BackupSummary add(const FakeCluster& source, const std::string& id, Wal wal = Wal::whole,
                    const std::function<void(BackupSummary&)>& change = {});

  // The next backup shares nothing: a full one.
  void share_nothing() { known_.clear(); }
  // Whole segments behind what there is, as a receiver stores them.
  void add_wal(const FakeCluster& source, unsigned segments);
  // Segments that nobody received.
  void lose_wal(unsigned segments) { next_segment_ += segments; }
  // The server was upgraded: its WAL begins anew, under names that the old one's has, too.
  void begin_anew() {
    next_segment_ = first_segment;
    known_.clear();
  }
  // Where the next WAL begins.
  [[nodiscard]] Lsn wal_end() const { return Lsn{next_segment_ * fake_segment_size}; }

 private:
  struct Writing;

  [[nodiscard]] ChunkRef place(Writing& writing, ByteView raw);
  void add_files(Writing& writing, const FakeCluster& source);
  [[nodiscard]] FileContent content_of(Writing& writing, const FakeFile& file);
  [[nodiscard]] MapsContent map_of(Writing& writing, const FakeFile& file);
  void put_wal_of(const FakeCluster& source, BackupSummary& summary, Wal wal);

  const Repository& repository_;
  std::map<Sha256Digest, ChunkRef> known_;  // of the backup before
  std::map<Sha256Digest, ChunkRef> used_;   // by this one
  static constexpr std::uint64_t first_segment = 3;
  std::uint64_t next_segment_ = first_segment;
};

// A repository with two backups that share chunks, and an object of every kind that version 1 writes: also a mark, a lease, a
// timeline history, and of a sealed one a key.
class FilledRepository {
 public:
  explicit FilledRepository(Repository::Sealing sealing);

  [[nodiscard]] const Repository& operator*() const { return *scratch_; }
  [[nodiscard]] const ScratchRepository& scratch() const { return scratch_; }
  [[nodiscard]] const FakeCluster& first() const { return first_; }
  [[nodiscard]] const FakeCluster& second() const { return second_; }
  // Names of all objects.
  [[nodiscard]] std::vector<std::string> objects() const;

  static constexpr const char* first_id = "20261123T023000Z-full";
  static constexpr const char* second_id = "20261124T023000Z-incr";

 private:
  ScratchRepository scratch_;
  FakeCluster first_;
  FakeCluster second_;
};

}  // namespace pgrecall::test
