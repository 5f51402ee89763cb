#include <array>
#include <set>

#include "golden/contents.h"
#include "repository/lease.h"
#include "repository/pack_reader.h"
#include "repository/relocation.h"
#include "repository/wal_archive.h"
#include "repository/wal_times.h"
#include "scratch_repository.h"

namespace golden_test {

using namespace pgrecall;
using namespace pgrecall::test;
namespace golden = pgrecall::golden;

// Repositories that were written by the first release of the format: every later version reads them.

namespace {

const std::string directory = std::string(PGRECALL_TEST_DATA) + "/../../golden";

struct Golden {
  const char* name;
  KeySource key;
};

std::vector<Golden> goldens() {
  return {{"plain", {}},
          {"sealed", {directory + "/wrapping.key", {}}},
          {"sealed", {directory + "/exported.key", {}}},
          {"sealed", {{}, Secret(golden::passphrase)}}};
}

Bytes read_chunk(ChunkReader& reader, const ChunkRef& ref) {
  Bytes raw(ref.raw_size);
  static_cast<void>(reader.read(ref, raw));
  return raw;
}

Bytes read_maps(ChunkReader& reader, const MapsContent& content) {
  Bytes file;
  for (const MapRange& range : content.ranges) {
    const std::uint64_t start = file.size();
    file.resize(start + range.length);
    const ExtentMap map = decode_extent_map(read_chunk(reader, range.map), start, range.length, "map");
    for (const Extent& extent : flatten(map.extents)) {
      const Bytes chunk = read_chunk(reader, map.chunks.at(extent.chunk));
      std::copy_n(chunk.begin() + extent.offset_in_chunk, extent.length,
                  file.begin() + static_cast<std::ptrdiff_t>(extent.file_offset));
    }
  }
  return file;
}

Bytes read_file(ChunkReader& reader, const ManifestEntry& entry) {
  if (const auto* whole = std::get_if<ChunkContent>(&entry.content)) {
    return read_chunk(reader, whole->chunk);
  }
  if (const auto* part = std::get_if<PartContent>(&entry.content)) {
    const Bytes chunk = read_chunk(reader, part->chunk);
    return {chunk.begin() + part->offset, chunk.begin() + part->offset + static_cast<std::ptrdiff_t>(entry.size)};
  }
  if (const auto* maps = std::get_if<MapsContent>(&entry.content)) {
    return read_maps(reader, *maps);
  }
  return Bytes(entry.size);
}

void check_backup(const Repository& repository, const BackupId& id) {
  auto expected = golden::files_of(id);
  ChunkReader reader(repository, golden::cluster);
  ManifestReader manifest(repository, golden::cluster, id);
  std::set<std::string> others;
  while (const ManifestEntry* entry = manifest.next()) {
    INFO(entry->path);
    if (entry->type != EntryType::file || entry->tree != EntryTree::data_directory) {
      others.insert(entry->path + " " + entry->target);
      continue;
    }
    REQUIRE(expected.contains(entry->path));
    CHECK(read_file(reader, *entry) == expected.at(entry->path));
    CHECK(entry->mode == 0600);
    CHECK(entry->mtime == 1'795'400'000);
    expected.erase(entry->path);
  }
  CHECK(expected.empty());
  CHECK(others == std::set<std::string>{"base ", "base/5 ", "global ", "pg_wal /mnt/wal", "postgresql.conf "});
  CHECK(manifest.totals().entries == 13);
  CHECK(manifest.totals().packs.size() == (id == golden::full ? 2 : 3));
}

void check_catalog(const Repository& repository) {
  const Catalog catalog = read_catalog(repository, golden::cluster);
  CHECK(catalog.damaged.empty());
  CHECK(catalog.unfinished.empty());
  REQUIRE(catalog.backups.size() == 2);
  for (const ListedBackup& backup : catalog.backups) {
    const std::string name = manifest_name(golden::cluster, backup.summary.id);
    const Bytes manifest = read_object(repository.store(), name, 1U << 20U).value();
    BackupSummary expected = golden::summary_of(backup.summary.id);
    expected.manifest_size = manifest.size();
    expected.manifest_digest = sha256(manifest);
    CHECK(format_summary(backup.summary) == format_summary(expected));
  }
  CHECK(catalog.backups[0].pinned);
  CHECK(catalog.backups[0].pin_note == "audit");
  CHECK(catalog.backups[0].verified == golden::incremental.time());
  CHECK_FALSE(catalog.backups[1].pinned);
  CHECK(catalog.backups[1].damaged == golden::incremental.time());
  const auto systems = read_systems(repository, golden::cluster);
  REQUIRE(systems.size() == 1);
  CHECK(systems[0].system_identifier == golden::system().system_identifier);
  CHECK(systems[0].first_seen == golden::full.time());
  const auto leases = list_leases(repository);
  REQUIRE(leases.size() == 1);
  CHECK(leases[0].holder.why == "backup");
}

void check_wal(const Repository& repository) {
  const auto read = [&](const std::string& name, ObjectKind kind) {
    Bytes all;
    const auto description =
        read_wal(repository, name, kind, [&](ByteView piece) { all.insert(all.end(), piece.begin(), piece.end()); });
    REQUIRE(description);
    CHECK(description->major_version == 15);
    CHECK(description->system_identifier == golden::system().system_identifier);
    return all;
  };
  CHECK(find_wal(repository, golden::golden_system(), golden::segment).whole);
  CHECK(read(wal_segment_name(golden::golden_system(), golden::segment), ObjectKind::wal_segment) == golden::wal());
  const WalObjects next = find_wal(repository, golden::golden_system(), golden::segment.next());
  REQUIRE(next.tails.size() == 1);
  CHECK(next.tails[0].from == golden::tail_from);
  CHECK(read(next.tails[0].object_name, ObjectKind::wal_tail) == golden::wal_tail());
  const WalTime at = golden::wal_time();
  CHECK(read_wal_time(repository, wal_time_name(golden::golden_system(), at.timeline, at.lsn, at.time)).value().at == at);
  CHECK(text_of(read_history(repository, golden::golden_system(), 2).value()) == golden::history);
}

}  // namespace

TEST_CASE("Golden repositories hold what was put into them") {
  for (const Golden& golden : goldens()) {
    const auto store = open_store(std::filesystem::canonical(directory).string() + "/" + golden.name);
    const Repository repository = Repository::open(*store, golden.key);
    INFO(golden.name);
    CHECK(repository.identity().created == golden::full.time());
    check_catalog(repository);
    check_backup(repository, golden::full);
    check_backup(repository, golden::incremental);
    check_wal(repository);
  }
}

TEST_CASE("Golden repositories have every kind of object, and nothing that is unknown") {
  for (const Golden& golden : goldens()) {
    const auto store = open_store(std::filesystem::canonical(directory).string() + "/" + golden.name);
    const Repository repository = Repository::open(*store, golden.key);
    std::set<NameKind> kinds;
    store->list("", [&](const ObjectInfo& object) {
      const ParsedName name = parse_object_name(object.name);
      INFO(object.name);
      CHECK(name.kind != NameKind::other);
      kinds.insert(name.kind);
      if (name.kind == NameKind::pack) {
        CHECK(read_pack_index(repository, golden::cluster, name.pack.value())->object_size == object.size);
      }
      if (name.kind == NameKind::relocation) {
        CHECK(read_relocations(repository, golden::cluster, name.pack.value())->size() == 1);
      }
    });
    // All but keys, which only a sealed one has.
    CHECK(kinds.size() == (repository.sealed() ? 13 : 12));
  }
}

}  // namespace golden_test
