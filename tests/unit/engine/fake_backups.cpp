#include "unit/engine/fake_backups.h"

#include <algorithm>
#include <utility>

#include "repository/lease_record.h"
#include "repository/wal_archive.h"

namespace pgrecall::test {

namespace {

constexpr std::uint32_t fake_first_page = 0x28;  // where a record can begin behind a long page header
constexpr Compression compression{};

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

WalSource source_of(const Bytes& bytes) {
  return [&bytes](std::uint64_t offset, MutableByteView out) {
    std::ranges::copy(ByteView(bytes).subspan(offset, out.size()), out.begin());
  };
}

}  // namespace

struct FakeBackups::Writing {
  Writing(const Repository& repository, const BackupId& id, const std::string& directory)
      : packs(repository, cluster, {.pack_size = 1U << 16U, .uploads = 1}), manifest(repository, cluster, id, directory) {}

  PackWriter packs;
  ManifestWriter manifest;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

ChunkRef FakeBackups::place(Writing& writing, ByteView raw) {
  const Sha256Digest digest = sha256(raw);
  if (const auto used = used_.find(digest); used != used_.end()) {
    return used->second;
  }
  const auto known = known_.find(digest);
  if (known != known_.end()) {
    return used_.emplace(digest, known->second).first->second;
  }
  return used_.emplace(digest, add_chunk(writing.packs, raw)).first->second;
}

MapsContent FakeBackups::map_of(Writing& writing, const FakeFile& file) {
  // Two ranges, so that a second one does not begin at 0.
  const std::uint64_t cut = 2 * fake_slice_size;
  MapsContent maps;
  for (std::uint64_t start = 0; start < file.content.size(); start += cut) {
    const std::uint64_t length = std::min<std::uint64_t>(cut, file.content.size() - start);
    ExtentMap map;
    for (std::uint64_t at = start; at < start + length; at += fake_slice_size) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(fake_slice_size, start + length - at));
      const ByteView slice = ByteView(file.content).subspan(at, size);
      if (!all_zero(slice)) {
        map.extents.push_back({at, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(map.chunks.size()), 0});
        map.chunks.push_back(place(writing, slice));
        writing.manifest.need(map.chunks.back().pack);
      }
    }
    maps.ranges.push_back({place(writing, encode_extent_map(map, start)), length});
  }
  return maps;
}

FileContent FakeBackups::content_of(Writing& writing, const FakeFile& file) {
  if (all_zero(file.content)) {
    return ZeroContent{};
  }
  if (file.store == FakeFile::Store::whole) {
    return ChunkContent{place(writing, file.content)};
  }
  return map_of(writing, file);
}

void FakeBackups::add_files(Writing& writing, const FakeCluster& source) {
  Bytes bundle;
  std::vector<ManifestEntry> bundled;
  for (const std::string& path : source.directories) {
    ManifestEntry entry;
    entry.type = EntryType::directory;
    entry.path = path;
    entry.mode = 0700;
    writing.manifest.add(entry);
  }
  for (const FakeFile& file : source.files) {
    ManifestEntry entry;
    entry.tree = file.tree;
    entry.path = file.path;
    entry.mode = 0600;
    entry.mtime = 1'700'000'000;
    entry.size = file.content.size();
    writing.files += 1;
    writing.bytes += entry.size;
    if (file.store == FakeFile::Store::bundled && !all_zero(file.content)) {
      entry.content = PartContent{{}, static_cast<std::uint32_t>(bundle.size()), sha256(file.content)};
      bundle.insert(bundle.end(), file.content.begin(), file.content.end());
      bundled.push_back(entry);
      continue;
    }
    entry.content = content_of(writing, file);
    writing.manifest.add(entry);
  }
  const ChunkRef chunk = place(writing, bundle);
  for (ManifestEntry& entry : bundled) {
    std::get<PartContent>(entry.content).chunk = chunk;
    writing.manifest.add(entry);
  }
}

void FakeBackups::put_wal_of(const FakeCluster& source, BackupSummary& summary, Wal wal) {
  constexpr std::size_t pages = 3;
  WalSegment segment{fake_timeline, next_segment_, fake_segment_size};
  summary.start_lsn = Lsn{segment.start().value + fake_first_page};
  WalDescription description;
  description.system_identifier = source.system_identifier;
  description.major_version = 15;
  description.segment = segment;
  const Bytes first = fake_wal(source, segment, pages);
  if (wal == Wal::tails) {
    description.length = 2 * fake_page_size;
    (void)put_wal(repository_, cluster, description, source_of(first), compression);
    description.from = fake_page_size;
    const Bytes rest(first.begin() + fake_page_size, first.end());
    (void)put_wal(repository_, cluster, description, source_of(rest), compression);
    summary.stop_lsn = Lsn{segment.start().value + pages * fake_page_size};
    next_segment_ += 1;
    return;
  }
  description.length = fake_segment_size;
  (void)put_wal(repository_, cluster, description, source_of(first), compression);
  description.segment = segment.next();
  const Bytes second = fake_wal(source, segment.next(), 1);
  (void)put_wal(repository_, cluster, description, source_of(second), compression);
  summary.stop_lsn = Lsn{segment.next().start().value + 0x100};
  next_segment_ += 2;
}

BackupSummary FakeBackups::add(const FakeCluster& source, const std::string& id, Wal wal,
                               const std::function<void(BackupSummary&)>& change) {
  const ScratchDirectory spool;
  BackupSummary summary;
  summary.id = BackupId::parse(id).value();
  summary.cluster = cluster;
  summary.system_identifier = source.system_identifier;
  summary.server_version = 150004;
  summary.started = summary.id.time();
  summary.finished = summary.started + std::chrono::seconds(5);
  summary.timeline = fake_timeline;
  summary.page_size = fake_page_size;
  summary.wal_segment_size = fake_segment_size;
  summary.relation_segment_blocks = 131072;
  summary.page_checksums = true;
  summary.compression = "zstd 1";
  summary.tool = "pgrecall test";
  record_system(repository_, cluster,
                {source.system_identifier, 150004, fake_page_size, fake_segment_size, true, summary.started});
  (void)put_history(repository_, system_of(source), fake_timeline, bytes_of("1\t0/200000\tno recovery target specified\n"));
  put_wal_of(source, summary, wal);
  Writing writing(repository_, summary.id, spool.path());
  add_files(writing, source);
  summary.stored_bytes = writing.packs.finish().stored_bytes;
  const ManifestWriter::Stored stored = writing.manifest.finish();
  summary.manifest_size = stored.object_size;
  summary.manifest_digest = stored.object_digest;
  summary.files = writing.files;
  summary.logical_bytes = writing.bytes;
  if (change) {
    change(summary);
  }
  put_summary(repository_, summary);
  known_ = std::exchange(used_, {});
  return summary;
}

void FakeBackups::add_wal(const FakeCluster& source, unsigned segments) {
  for (unsigned i = 0; i < segments; ++i) {
    const WalSegment segment{fake_timeline, next_segment_++, fake_segment_size};
    const Bytes bytes = fake_wal(source, segment, 1);
    WalDescription description;
    description.system_identifier = source.system_identifier;
    description.major_version = 15;
    description.segment = segment;
    description.length = fake_segment_size;
    (void)put_wal(repository_, cluster, description, source_of(bytes), compression);
  }
}

FilledRepository::FilledRepository(Repository::Sealing sealing) : scratch_(sealing), first_(fake_cluster()), second_(first_) {
  FakeBackups backups(*scratch_);
  backups.add(first_, first_id);
  // Two of seven pages in another slice, and a small file: the rest is shared.
  second_.file("base/5/16384").content = fake_relation({3, 4, 15, 16, 0, 0, 7});
  second_.file("backup_label").content = first_.file("PG_VERSION").content;
  backups.add(second_, second_id, FakeBackups::Wal::tails);
  put_mark(*scratch_, cluster, {first_id}, "pinned", parse_time("2026-11-25T00:00:00Z").value(), "before the release");
  const std::string lease = format_lease({.holder = {"somebody", Time(), Time(), "test"}, .process = {}, .token = "token"});
  REQUIRE(scratch_.store().put("leases/backup-prod", MemoryBody(bytes_of(lease))) == PutResult::created);
}

std::vector<std::string> FilledRepository::objects() const {
  std::vector<std::string> names;
  scratch_.store().list("", [&](const ObjectInfo& object) { names.push_back(object.name); });
  std::ranges::sort(names);
  return names;
}

}  // namespace pgrecall::test
