#include <algorithm>

#include "repository/pack_reader.h"
#include "repository/relocation.h"
#include "scratch_repository.h"

namespace pack_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Sealing = Repository::Sealing;

namespace {

struct Stored {
  ChunkRef ref;
  Bytes raw;
};

std::vector<Stored> store_chunks(const Repository& repository, Random& random, std::size_t count, std::size_t largest,
                                 PackWriter::Options options = {}) {
  PackWriter writer(repository, cluster, options);
  std::vector<Stored> chunks;
  for (std::size_t i = 0; i < count; ++i) {
    Bytes raw = half_random(random, 1 + below(random, largest));
    const ChunkRef ref = add_chunk(writer, raw);
    chunks.push_back({ref, std::move(raw)});
  }
  (void)writer.finish();
  return chunks;
}

Bytes read_chunk(ChunkReader& reader, const ChunkRef& ref) {
  Bytes raw(ref.raw_size);
  reader.read(ref, raw);
  return raw;
}

// Reads all chunks, and the pack from end to end, of a repository in which one object was damaged. Chunks that read must be
// right, and the damage must be noticed by whoever reads all.
void require_noticed(const Repository& repository, const std::vector<Stored>& chunks, const std::string& object) {
  ChunkReader reader(repository, cluster);
  for (const Stored& chunk : chunks) {
    std::optional<Error> refusal;
    Bytes raw;
    try {
      raw = read_chunk(reader, chunk.ref);
    } catch (const Error& error) {
      refusal = error;
    }
    REQUIRE((refusal || raw == chunk.raw));
    REQUIRE((!refusal || (refusal->kind() == ErrorKind::corruption && refusal->context("object") == object)));
  }
  const Error error = error_of([&] { (void)check_pack(repository, cluster, chunks[0].ref.pack); });
  REQUIRE(error.kind() == ErrorKind::corruption);
  REQUIRE(error.context("object") == object);
}

void put_relocation(const Repository& repository, const PackId& old_pack, const std::vector<Relocation>& entries) {
  const std::string name = relocation_name(cluster, old_pack);
  Bytes object;
  ObjectFramesWriter frames(repository, ObjectKind::relocation, name, {},
                            [&](ByteView bytes) { object.insert(object.end(), bytes.begin(), bytes.end()); });
  Bytes payload;
  encode_relocations(entries, payload);
  frames.add(payload, FrameWriter::Position::last);
  REQUIRE(repository.store().put(name, MemoryBody(object)) == PutResult::created);
}

// Puts the chunks of one pack elsewhere, as a sweep does; only what `keep` says is live.
void move_pack(const ScratchRepository& repository, std::vector<Stored> chunks, std::size_t keep, Random& random) {
  const PackId old_pack = chunks[0].ref.pack;
  std::sort(chunks.begin(), chunks.end(), [](const Stored& a, const Stored& b) { return a.ref.offset < b.ref.offset; });
  PackWriter writer(*repository, cluster, {});
  (void)add_chunk(writer, half_random(random, 5000));  // so that the places differ
  std::vector<Relocation> entries;
  for (std::size_t i = 0; i < keep; ++i) {
    const ChunkRef to = add_chunk(writer, chunks[i].raw);
    entries.push_back({chunks[i].ref.offset, to.pack, to.offset, to.body_size});
  }
  (void)writer.finish();
  put_relocation(*repository, old_pack, entries);
  REQUIRE(repository.store().remove(pack_name(cluster, old_pack)));
}

}  // namespace

TEST_CASE("chunks come back from packs, and packs tell what they hold") {
  const Sealing sealing = GENERATE(Sealing::none, Sealing::sealed);
  const ScratchRepository repository(sealing);
  Random random(11);
  const std::vector<Stored> chunks = store_chunks(*repository, random, 400, 9000, {32U << 10U, 2});
  ChunkReader reader(*repository, cluster);
  std::vector<ChunkRef> named;
  for (const Stored& chunk : chunks) {
    REQUIRE(read_chunk(reader, chunk.ref) == chunk.raw);
    named.push_back(chunk.ref);
  }
  std::vector<ChunkRef> indexed;
  std::size_t packs = 0;
  repository.store().list(packs_prefix(cluster), [&](const ObjectInfo& object) {
    const std::optional<PackIndex> index = check_pack(*repository, cluster, parse_object_name(object.name).pack.value());
    REQUIRE(index);
    CHECK(index->object_size == object.size);
    CHECK(object.size <= 32U << 10U);
    CHECK(index->chunks == read_pack_index(*repository, cluster, index->chunks[0].pack)->chunks);
    indexed.insert(indexed.end(), index->chunks.begin(), index->chunks.end());
    ++packs;
  });
  std::sort(named.begin(), named.end());
  std::sort(indexed.begin(), indexed.end());
  CHECK(named == indexed);
  CHECK(packs > 16);  // more than a reader keeps open
  // In reverse and at random, through packs that were closed meanwhile.
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const Stored& chunk = chunks[i % 2 == 0 ? chunks.size() - 1 - i : below(random, chunks.size())];
    REQUIRE(read_chunk(reader, chunk.ref) == chunk.raw);
  }
}

TEST_CASE("a pack has the bytes of the specification") {
  const ScratchRepository repository(Sealing::none);
  PackWriter writer(*repository, cluster, {});
  const Bytes raw(100, std::byte{7});
  const ChunkRef first = writer.add({CompressionMethod::none, raw}, 100, sha256(raw));
  const ChunkRef second = add_chunk(writer, raw);
  CHECK(writer.finish().packs == 1);
  CHECK(first.offset == 64);
  CHECK(first.body_size == 132);
  CHECK(second.offset == 64 + 16 + 132);
  const Bytes object = repository.content(pack_name(cluster, first.pack));
  const std::uint64_t index_at = second.offset + 16 + second.body_size;
  REQUIRE(object.size() == index_at + 16 + 32 + 4 + 2 * 48 + 24);
  CHECK(load_little<std::uint32_t>(object.data() + 64 + 12) == 0);
  CHECK(load_little<std::uint32_t>(object.data() + second.offset + 12) == 1);
  CHECK(load_little<std::uint32_t>(object.data() + index_at + 12) == 2);
  CHECK(object[index_at + 9] == std::byte{1});
  const std::byte* index = object.data() + index_at + 48;
  CHECK(load_little<std::uint32_t>(index) == 2);
  CHECK(load_little<std::uint64_t>(index + 4 + 48) == second.offset);
  CHECK(load_little<std::uint32_t>(index + 4 + 48 + 8) == second.body_size);
  CHECK(load_little<std::uint32_t>(index + 4 + 48 + 12) == 100);
  CHECK(std::equal(second.digest.bytes.begin(), second.digest.bytes.end(), index + 4 + 48 + 16));
  const std::byte* trailer = object.data() + object.size() - 24;
  CHECK(load_little<std::uint64_t>(trailer) == index_at);
  CHECK(load_little<std::uint64_t>(trailer + 8) == object.size());
  CHECK(text_of({trailer + 16, 8}) == "PGRCPEND");
}

TEST_CASE("a chunk that no pack of the given size holds gets one of its own") {
  const ScratchRepository repository(Sealing::none);
  Random random(12);
  PackWriter writer(*repository, cluster, {4096, 1});
  std::vector<Stored> chunks;
  for (const std::size_t size : {100U, 100'000U, 200U, 2'000'000U, 300U}) {
    Bytes raw = half_random(random, size);
    const ChunkRef ref = add_chunk(writer, raw);
    chunks.push_back({ref, std::move(raw)});
  }
  const PackWriter::Totals totals = writer.finish();
  CHECK(totals.packs == 5);
  CHECK(totals.chunks == 5);
  CHECK(totals.stored_bytes == writer.stored_bytes());
  ChunkReader reader(*repository, cluster);
  for (const Stored& chunk : chunks) {
    CHECK(read_chunk(reader, chunk.ref) == chunk.raw);
  }
}

TEST_CASE("every byte of a pack is covered: flipped anywhere, cut anywhere, no wrong chunk comes out") {
  const Sealing sealing = GENERATE(Sealing::none, Sealing::sealed);
  const ScratchRepository repository(sealing);
  Random random(13);
  const std::vector<Stored> chunks = store_chunks(*repository, random, 6, 300);
  const std::string name = pack_name(cluster, chunks[0].ref.pack);
  const Bytes good = repository.content(name);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= static_cast<std::byte>(1U << (at % 8));
    INFO("flipped at " << at);
    repository.overwrite(name, bad);
    require_noticed(*repository, chunks, name);
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO("cut to " << size);
    repository.overwrite(name, ByteView(good).first(size));
    require_noticed(*repository, chunks, name);
  }
}

TEST_CASE("a pack that is missing, or is another one under its name, is corruption") {
  const ScratchRepository repository(Sealing::none);
  Random random(14);
  const std::vector<Stored> one = store_chunks(*repository, random, 3, 300);
  const std::vector<Stored> other = store_chunks(*repository, random, 3, 300);
  const std::string name = pack_name(cluster, one[0].ref.pack);
  repository.overwrite(name, repository.content(pack_name(cluster, other[0].ref.pack)));
  require_noticed(*repository, one, name);
  REQUIRE(repository.store().remove(name));
  CHECK_FALSE(read_pack_index(*repository, cluster, one[0].ref.pack));
  CHECK_FALSE(check_pack(*repository, cluster, one[0].ref.pack));
  ChunkReader reader(*repository, cluster);
  const Error error = error_of([&] { (void)read_chunk(reader, one[0].ref); });
  CHECK(error.kind() == ErrorKind::corruption);
  CHECK(error.context("object") == name);
}

TEST_CASE("a reference with any part wrong never yields another chunk's bytes") {
  const ScratchRepository repository(Sealing::none);
  Random random(15);
  PackWriter writer(*repository, cluster, {});
  const Bytes raw = half_random(random, 500);
  const Bytes same_size = half_random(random, 500);
  const ChunkRef ref = writer.add({CompressionMethod::none, raw}, 500, sha256(raw));
  const ChunkRef next = writer.add({CompressionMethod::none, same_size}, 500, sha256(same_size));
  (void)writer.finish();
  const auto wrong = [&](auto change) {
    ChunkRef bad = ref;
    change(bad);
    ChunkReader reader(*repository, cluster);
    return error_of([&] { (void)read_chunk(reader, bad); }).kind() == ErrorKind::corruption;
  };
  CHECK(wrong([&](ChunkRef& bad) { bad.offset = next.offset; }));
  CHECK(wrong([&](ChunkRef& bad) { bad.offset += 1; }));
  CHECK(wrong([&](ChunkRef& bad) { bad.offset = 1ULL << 60U; }));
  CHECK(wrong([&](ChunkRef& bad) { bad.offset = UINT64_MAX; }));
  CHECK(wrong([&](ChunkRef& bad) { bad.raw_size -= 1; }));
  CHECK(wrong([&](ChunkRef& bad) { bad.body_size -= 1; }));
  CHECK(wrong([&](ChunkRef& bad) { bad.body_size = UINT32_MAX; }));
  CHECK(wrong([&](ChunkRef& bad) { bad.digest = next.digest; }));
}

TEST_CASE("chunks are found where their pack was moved to, and moved again") {
  const Sealing sealing = GENERATE(Sealing::none, Sealing::sealed);
  const ScratchRepository repository(sealing);
  Random random(16);
  const std::vector<Stored> chunks = store_chunks(*repository, random, 20, 3000);
  move_pack(repository, chunks, 20, random);
  ChunkReader reader(*repository, cluster);
  for (const Stored& chunk : chunks) {
    REQUIRE(read_chunk(reader, chunk.ref) == chunk.raw);
  }
  // Move what was moved, leaving the last chunks behind.
  const std::optional<std::vector<Relocation>> moved = read_relocations(*repository, cluster, chunks[0].ref.pack);
  REQUIRE(moved);
  std::vector<Stored> again = chunks;
  for (std::size_t i = 0; i < again.size(); ++i) {
    again[i].ref = {(*moved)[i].pack, (*moved)[i].offset, (*moved)[i].body_size, chunks[i].ref.raw_size, chunks[i].ref.digest};
  }
  move_pack(repository, again, 15, random);
  ChunkReader later(*repository, cluster);
  for (std::size_t i = 0; i < 15; ++i) {
    REQUIRE(read_chunk(later, chunks[i].ref) == chunks[i].raw);
  }
  const Error error = error_of([&] { (void)read_chunk(later, chunks[15].ref); });
  CHECK(error.kind() == ErrorKind::corruption);
  CHECK(error.context("object") == pack_name(cluster, again[0].ref.pack));
}

TEST_CASE("relocations that go in a circle end in an error") {
  const ScratchRepository repository(Sealing::none);
  Random random(17);
  ChunkRef ref = made_up_chunk(random, 100);
  PackId other = PackId::random();
  put_relocation(*repository, ref.pack, {{ref.offset, other, ref.offset, ref.body_size}});
  put_relocation(*repository, other, {{ref.offset, ref.pack, ref.offset, ref.body_size}});
  ChunkReader reader(*repository, cluster);
  CHECK(error_of([&] { (void)read_chunk(reader, ref); }).kind() == ErrorKind::corruption);
}

TEST_CASE("relocations that are not sorted or not whole are refused") {
  Bytes payload;
  encode_relocations({{100, {}, 64, 40}, {100, {}, 64, 40}}, payload);
  std::vector<Relocation> entries;
  CHECK_THROWS_AS(decode_relocations(payload, entries, "moved"), Error);
  entries.clear();
  CHECK_THROWS_AS(decode_relocations(ByteView(payload).first(35), entries, "moved"), Error);
  entries.clear();
  decode_relocations(ByteView(payload).first(36), entries, "moved");
  CHECK(entries == std::vector<Relocation>{{100, {}, 64, 40}});
}

}  // namespace pack_test
