#include "base/clock.h"
#include "fuzz/fuzz_input.h"
#include "repository/pack_reader.h"
#include "repository/relocation.h"
#include "store/memory_store.h"

using namespace pgrecall;

namespace {

struct Fixture {
  SystemClock clock;
  MemoryStore store;
  Repository repository = Repository::create(store, Repository::Sealing::none, {}, clock);
  PackId id;
};

// A whole object with the right header, so that the search begins at what follows it.
Bytes with_header(ObjectKind kind, const std::string& name, ByteView rest) {
  const ObjectHeader header = make_object_header(kind, name, false);
  Bytes object(header.begin(), header.end());
  object.insert(object.end(), rest.begin(), rest.end());
  return object;
}

void put(Fixture& fixture, const std::string& name, ByteView object) {
  (void)fixture.store.remove(name);
  (void)fixture.store.put(name, MemoryBody(object));
}

void read_every_chunk(const Fixture& fixture, const PackIndex& index) {
  ChunkReader reader(fixture.repository, "c");
  Bytes raw;
  for (const ChunkRef& chunk : index.chunks) {
    raw.resize(chunk.raw_size);
    fuzzing::accepts([&] {
      reader.read(chunk, raw);
      fuzzing::demand(sha256(raw) == chunk.digest);
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture fixture;
  const ByteView bytes = fuzzing::view_of(data, size);
  const std::string pack = pack_name("c", fixture.id);
  put(fixture, pack, with_header(ObjectKind::pack, pack, bytes));
  fuzzing::accepts([&] { read_every_chunk(fixture, read_pack_index(fixture.repository, "c", fixture.id).value()); });
  fuzzing::accepts([&] { (void)check_pack(fixture.repository, "c", fixture.id); });
  const std::string moved = relocation_name("c", fixture.id);
  put(fixture, moved, with_header(ObjectKind::relocation, moved, bytes));
  fuzzing::accepts([&] { (void)read_relocations(fixture.repository, "c", fixture.id); });
  return 0;
}
