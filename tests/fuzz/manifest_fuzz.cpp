#include "base/clock.h"
#include "fuzz/fuzz_input.h"
#include "repository/manifest.h"
#include "store/memory_store.h"

using namespace pgrecall;

namespace {

struct Fixture {
  SystemClock clock;
  MemoryStore store;
  Repository repository = Repository::create(store, Repository::Sealing::none, {}, clock);
  BackupId id{"20261123T023000Z-full"};
};

}  // namespace

// A whole manifest object: the input follows a header that is right.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture fixture;
  const ByteView bytes = fuzzing::view_of(data, size);
  const std::string name = manifest_name("c", fixture.id);
  const ObjectHeader header = make_object_header(ObjectKind::manifest, name, false);
  (void)fixture.store.remove(name);
  (void)fixture.store.put(name, MemoryBody({header, bytes}));
  fuzzing::accepts([&] {
    ManifestReader reader(fixture.repository, "c", fixture.id);
    std::uint64_t entries = 0;
    while (reader.next() != nullptr) {
      ++entries;
    }
    fuzzing::demand(reader.totals().entries == entries);
  });
  return 0;
}
