#include <malloc.h>

#include <fstream>

#include "repository/manifest.h"
#include "scratch_repository.h"
#include "synthetic_entries.h"

namespace manifest_scale_test {
using namespace pgrecall;
using namespace pgrecall::test;

namespace {

// Bytes, of a line such as "VmHWM:  1234 kB".
std::uint64_t status_of_process(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) {
      return std::stoull(line.substr(field.size() + 1)) * 1024;
    }
  }
  return 0;
}

void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

}  // namespace

TEST_CASE("memory does not grow with the number of files: a manifest of 1,000,000 entries", "[long]") {
  constexpr std::uint64_t count = 1'000'000;
  const ScratchDirectory directory;
  const ScratchRepository repository(Repository::Sealing::sealed, open_store("file://" + directory.path() + "/repository"));
  const BackupId id{"20261123T023000Z-full"};
  malloc_trim(0);  // what earlier tests freed would hide what this one takes
  forget_peak();
  const std::uint64_t before = status_of_process("VmRSS");
  {
    ManifestWriter writer(*repository, cluster, id, repository.directory());
    SyntheticEntries synthetic(41);
    for (std::uint64_t i = 0; i < count; ++i) {
      writer.add(synthetic.next());
    }
    CHECK(writer.finish().totals.entries == count);
  }
  const std::uint64_t after_writing = status_of_process("VmHWM");
  const ManifestIndex index(*repository, cluster, id, repository.directory());
  SyntheticEntries synthetic(41);
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const ManifestEntry entry = synthetic.next();
    if (i % 97 == 1 && entry.type == EntryType::file) {
      wrong += index.find(entry.tree, entry.path) == entry ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
  const std::uint64_t after_index = status_of_process("VmHWM");
  WARN("peak over " << before / 1024 << " kB: writing and reading back " << (after_writing - before) / 1024 << " kB, with index "
                    << (after_index - before) / 1024 << " kB");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(after_writing - before < 32U << 20U);
  CHECK(after_index - before < 64U << 20U);
#endif
}

}  // namespace manifest_scale_test
