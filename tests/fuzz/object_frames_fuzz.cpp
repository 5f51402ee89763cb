#include "base/clock.h"
#include "fuzz/fuzz_input.h"
#include "repository/repository.h"
#include "store/memory_store.h"

using namespace pgrecall;

namespace {

struct Fixture {
  SystemClock clock;
  MemoryStore store;
  Repository repository = Repository::create(store, Repository::Sealing::none, {}, clock);
};

void put(Fixture& fixture, const std::string& name, ByteView object) {
  static_cast<void>(fixture.store.remove(name));
  fuzzing::demand(fixture.store.put(name, MemoryBody(object)) == PutResult::created);
}

void read_all(const Fixture& fixture, const std::string& name) {
  fuzzing::accepts([&] {
    auto frames = ObjectFrames::open(fixture.repository, ObjectKind::manifest, name);
    fuzzing::demand(frames.has_value());
    while (const auto raw = frames->next()) {
      fuzzing::demand(sha256(*raw) == frames->digest());
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture fixture;
  const std::string name = "clusters/c/backups/20261123T023000Z-full/manifest";
  const ByteView bytes = fuzzing::view_of(data, size);
  put(fixture, name, bytes);
  read_all(fixture, name);
  // Behind the right header, so that the search begins at the frames.
  const ObjectHeader header = make_object_header(ObjectKind::manifest, name, false);
  Bytes object(header.begin(), header.end());
  object.insert(object.end(), bytes.begin(), bytes.end());
  put(fixture, name, object);
  read_all(fixture, name);
  return 0;
}
