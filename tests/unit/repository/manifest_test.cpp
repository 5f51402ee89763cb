#include "repository/manifest.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "scratch_repository.h"
#include "store/fault_store.h"
#include "synthetic_entries.h"

namespace manifest_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Sealing = Repository::Sealing;

namespace {

const BackupId id{"20261123T023000Z-full"};

std::vector<ManifestEntry> synthetic(std::size_t count, std::uint64_t seed = 31) {
  SyntheticEntries source(seed);
  std::vector<ManifestEntry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    entries.push_back(source.next());
  }
  return entries;
}

ManifestWriter::Stored write(const Repository& repository, const std::string& spool, const std::vector<ManifestEntry>& entries) {
  ManifestWriter writer(repository, cluster, id, spool);
  for (const ManifestEntry& entry : entries) {
    writer.add(entry);
  }
  return writer.finish();
}

std::vector<ManifestEntry> read_all(const Repository& repository) {
  ManifestReader reader(repository, cluster, id);
  std::vector<ManifestEntry> entries;
  while (const ManifestEntry* entry = reader.next()) {
    entries.push_back(*entry);
  }
  CHECK(reader.next() == nullptr);
  CHECK(reader.totals().entries == entries.size());
  return entries;
}

void note(std::set<PackId>& packs, const FileContent& content) {
  if (const auto* whole = std::get_if<ChunkContent>(&content)) {
    packs.insert(whole->chunk.pack);
  } else if (const auto* part = std::get_if<PartContent>(&content)) {
    packs.insert(part->chunk.pack);
  } else if (const auto* maps = std::get_if<MapsContent>(&content)) {
    for (const MapRange& range : maps->ranges) {
      packs.insert(range.map.pack);
    }
  }
}

}  // namespace

TEST_CASE("a manifest comes back as it was, with every pack that it needs") {
  const Sealing sealing = GENERATE(Sealing::none, Sealing::sealed);
  const std::size_t count = GENERATE(0U, 1U, 20'000U);
  const ScratchRepository repository(sealing);
  const std::vector<ManifestEntry> entries = synthetic(count);
  std::set<PackId> packs;
  std::uint64_t bytes = 0;
  ManifestWriter writer(*repository, cluster, id, repository.directory());
  for (const ManifestEntry& entry : entries) {
    writer.add(entry);
    note(packs, entry.content);
    bytes += entry.size;
  }
  for (int i = 0; i < 10'000; ++i) {  // packs that only extent maps name, many of them again and again
    PackId pack;
    store_little<std::uint64_t>(pack.bytes.data(), static_cast<std::uint64_t>(i % 5000) * 0x9E3779B97F4A7C15U);
    writer.need(pack);
    packs.insert(pack);
  }
  const ManifestWriter::Stored stored = writer.finish();
  CHECK(stored.totals.packs == std::vector<PackId>(packs.begin(), packs.end()));
  CHECK(stored.totals.file_bytes == bytes);
  const Bytes object = repository.content(manifest_name(cluster, id));
  CHECK(stored.object_size == object.size());
  CHECK(stored.object_digest == sha256(object));
  CHECK(read_all(*repository) == entries);
}

TEST_CASE("a manifest is never put over another one") {
  const ScratchRepository repository(Sealing::none);
  (void)write(*repository, repository.directory(), synthetic(10));
  const Error error = error_of([&] { (void)write(*repository, repository.directory(), synthetic(11)); });
  CHECK(error.kind() == ErrorKind::failed);
  CHECK(error.context("object") == manifest_name(cluster, id));
  CHECK(read_all(*repository) == synthetic(10));
}

TEST_CASE("every byte of a manifest is covered: flipped or cut anywhere, it is refused by name") {
  const Sealing sealing = GENERATE(Sealing::none, Sealing::sealed);
  const ScratchRepository repository(sealing);
  (void)write(*repository, repository.directory(), synthetic(20));
  const std::string name = manifest_name(cluster, id);
  const Bytes good = repository.content(name);
  const auto refused = [&](ByteView bad) {
    repository.overwrite(name, bad);
    const Error error = error_of([&] { (void)read_all(*repository); });
    return error.kind() == ErrorKind::corruption && error.context("object") == name;
  };
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= static_cast<std::byte>(1U << (at % 8));
    INFO("flipped at " << at);
    REQUIRE(refused(bad));
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO("cut to " << size);
    REQUIRE(refused(ByteView(good).first(size)));
  }
  REQUIRE(repository.store().remove(name));
  const Error error = error_of([&] { (void)read_all(*repository); });
  CHECK(error.kind() == ErrorKind::corruption);
  CHECK(error.context("object") == name);
}

TEST_CASE("a manifest without its end, or whose end says otherwise, is refused") {
  const ScratchRepository repository(Sealing::none);
  const std::string name = manifest_name(cluster, id);
  const std::vector<ManifestEntry> entries = synthetic(5);
  std::uint64_t bytes = 0;
  for (const ManifestEntry& entry : entries) {
    bytes += entry.size;
  }
  const auto put = [&](const std::vector<Bytes>& blocks) {
    Bytes object;
    ObjectFramesWriter frames(*repository, ObjectKind::manifest, name, {},
                              [&](ByteView piece) { object.insert(object.end(), piece.begin(), piece.end()); });
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      frames.add(blocks[i], i + 1 == blocks.size() ? FrameWriter::Position::last : FrameWriter::Position::inside);
    }
    repository.overwrite(name, object);
  };
  const auto refused = [&] { return error_of([&] { (void)read_all(*repository); }).kind() == ErrorKind::corruption; };
  const Bytes files = encode_file_block(entries);
  put({files, encode_end_block({5, bytes, {}})});
  CHECK(read_all(*repository) == entries);
  put({files});
  CHECK(refused());
  put({files, encode_end_block({6, bytes, {}})});
  CHECK(refused());
  put({files, encode_end_block({5, bytes + 1, {}})});
  CHECK(refused());
  put({encode_end_block({0, 0, {}}), files});
  CHECK(refused());
  put({files, encode_end_block({5, bytes, {}}), encode_end_block({5, bytes, {}})});
  CHECK(refused());
  put({files, {}});
  CHECK(refused());
}

TEST_CASE("totals are not known before the end") {
  const ScratchRepository repository(Sealing::none);
  (void)write(*repository, repository.directory(), synthetic(5));
  ManifestReader reader(*repository, cluster, id);
  CHECK(reader.next() != nullptr);
  CHECK(error_of([&] { (void)reader.totals(); }).kind() == ErrorKind::failed);
}

TEST_CASE("a failure of any store operation ends the writing of a manifest") {
  const FaultEffect effect = GENERATE(FaultEffect::error_before, FaultEffect::error_midway, FaultEffect::error_after,
                                      FaultEffect::disk_full, FaultEffect::short_read, FaultEffect::flipped_byte);
  const std::vector<ManifestEntry> entries = synthetic(3000);
  for (std::uint64_t number = 1;; ++number) {
    const ScratchRepository repository(Sealing::none);
    FaultStore faults(InnerStore(repository.store()));
    const Repository broken = repository.opened_through(faults);
    const std::uint64_t before = faults.operations();
    faults.set_plan(fault_at(before + number, {effect, FaultNature::permanent}));
    bool failed = false;
    try {
      (void)write(broken, repository.directory(), entries);
    } catch (const Error&) {
      failed = true;
    }
    INFO("operation " << number);
    REQUIRE(failed == (faults.injected() > 0));
    if (before + number > faults.operations()) {
      REQUIRE(number > 5);
      break;
    }
  }
}

TEST_CASE("an index finds every file of a manifest, and nothing else") {
  const Sealing sealing = GENERATE(Sealing::none, Sealing::sealed);
  const ScratchRepository repository(sealing);
  std::vector<ManifestEntry> entries = synthetic(5000);
  ManifestEntry large = entries[1];  // an entry beyond what is read at once
  large.path = std::string(3000, 'p');
  large.type = EntryType::file;
  entries.push_back(large);
  ManifestEntry twin = large;  // the same path in the other tree
  twin.tree = EntryTree::configuration;
  twin.mtime += 1;
  entries.push_back(twin);
  (void)write(*repository, repository.directory(), entries);
  const ManifestIndex index(*repository, cluster, id, repository.directory());
  std::atomic<std::size_t> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = t; i < entries.size(); i += 4) {
          const std::optional<ManifestEntry> found = index.find(entries[i].tree, entries[i].path);
          const bool right = entries[i].type == EntryType::file ? found == entries[i] : !found.has_value();
          wrong += right ? 0U : 1U;
        }
      });
    }
  }
  CHECK(wrong == 0);
  CHECK_FALSE(index.find(EntryTree::data_directory, "base"));
  CHECK_FALSE(index.find(EntryTree::configuration, entries[1].path));
}

}  // namespace manifest_test
