#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/companions/companion.h"
#include "engine/companions/restore_companions.h"
#include "repository/catalog.h"
#include "unit/repository/scratch_repository.h"
#include "unit/repository/some_backup.h"

namespace companion_restore_test {

using namespace pgrecall;
using namespace pgrecall::test;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t some_time = 1'700'000'000;
const std::string key = "0123456789abcdef";

ManifestEntry entry(EntryType type, const std::string& path, std::uint32_t mode) {
  ManifestEntry made;
  made.type = type;
  made.tree = EntryTree::companion;
  made.path = path;
  made.mode = mode;
  made.mtime = some_time;
  return made;
}

// A backup whose companions are those entries; files are all of `key`.
class Kept {
 public:
  void put(const std::string& id, std::vector<ManifestEntry> entries, std::vector<SummaryCompanion> companions) {
    PackWriter packs(*scratch, cluster, {});
    Compressor compressor({CompressionMethod::none, 1});
    const ChunkRef chunk =
        packs.add(compressor.compress(bytes_of(key)), static_cast<std::uint32_t>(key.size()), sha256(bytes_of(key)));
    packs.finish();
    ManifestWriter manifest(*scratch, cluster, BackupId{id}, {});
    ManifestEntry of_database = entry(EntryType::file, "PG_VERSION", 0600);
    of_database.tree = EntryTree::data_directory;
    entries.push_back(of_database);
    for (ManifestEntry& each : entries) {
      if (each.type == EntryType::file) {
        each.size = key.size();
        each.content = ChunkContent{chunk};
      }
      manifest.add(each);
    }
    const ManifestWriter::Stored stored = manifest.finish();
    BackupSummary summary = some_summary();
    summary.id = BackupId{id};
    summary.parent.reset();
    summary.cluster = cluster;
    summary.companions = std::move(companions);
    summary.manifest_size = stored.object_size;
    summary.manifest_digest = stored.object_digest;
    put_summary(*scratch, summary);
  }

  [[nodiscard]] CompanionsPlan plan(const std::string& id) const {
    return plan_companions(*scratch, find_backup(*scratch, cluster, BackupId{id}).value(), into);
  }
  [[nodiscard]] RestoredCompanions restored(const std::string& id) const {
    Progress progress;
    return restore_companions(*scratch, plan(id), progress, {});
  }

  ScratchRepository scratch{Repository::Sealing::sealed};
  ScratchDirectory place;
  std::string into = place.path() + "/a/companions";
};

SummaryCompanion good(const std::string& name) { return {name, some_summary().started, 1, key.size(), "", {}}; }
SummaryCompanion bad(const std::string& name) { return {name, some_summary().started, 0, 0, "not permitted", {}}; }

constexpr const char* first_id = "20261123T023000Z-full";
constexpr const char* second_id = "20261124T023000Z-full";

struct stat state_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status;
}

unsigned mode_of(const std::string& path) { return state_of(path).st_mode & 07777U; }

std::string text_of_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<ManifestEntry> some_entries() {
  std::vector<ManifestEntry> entries{entry(EntryType::directory, "functions", 0755),
                                     entry(EntryType::directory, "functions/closed", 0500),
                                     entry(EntryType::symbolic_link, "functions/link", 0777),
                                     entry(EntryType::file, "functions/closed/index.ts", 0644),
                                     entry(EntryType::file, "functions/run", 04755),
                                     entry(EntryType::directory, "vault-key", 0700),
                                     entry(EntryType::file, "vault-key/pgsodium_root.key", 0644)};
  entries[2].target = "/etc/passwd";
  return entries;
}
}  // namespace

TEST_CASE("companion files come back with their modes and times, and nothing of the database with them") {
  Kept kept;
  kept.put(first_id, some_entries(), {good("functions"), good("vault-key")});
  const RestoredCompanions restored = kept.restored(first_id);
  CHECK(restored.files == 3);
  CHECK(restored.bytes == 3 * key.size());
  CHECK(restored.narrowed == std::vector<std::string>{"vault-key/pgsodium_root.key"});
  CHECK(mode_of(kept.into) == 0700);
  CHECK(mode_of(kept.into + "/functions") == 0755);
  CHECK(mode_of(kept.into + "/functions/closed") == 0500);
  CHECK(mode_of(kept.into + "/functions/closed/index.ts") == 0644);
  CHECK(mode_of(kept.into + "/functions/run") == 0755);
  CHECK(mode_of(kept.into + "/vault-key/pgsodium_root.key") == 0640);
  CHECK(text_of_file(kept.into + "/vault-key/pgsodium_root.key") == key);
  CHECK(fs::read_symlink(kept.into + "/functions/link") == "/etc/passwd");
  for (const auto& each : fs::recursive_directory_iterator(kept.into)) {
    INFO(each.path());
    CHECK(state_of(each.path().string()).st_mtim.tv_sec == some_time);
  }
  CHECK_FALSE(fs::exists(kept.into + "/PG_VERSION"));
}

TEST_CASE("nothing is overwritten, and an empty directory may be there") {
  Kept kept;
  kept.put(first_id, some_entries(), {good("functions"), good("vault-key")});
  fs::create_directories(kept.into);
  CHECK(kept.plan(first_id).companions.size() == 2);
  std::ofstream(kept.into + "/mine") << "mine";
  CHECK(error_of([&] { static_cast<void>(kept.plan(first_id)); }).context("path") == kept.into);
  CHECK(text_of_file(kept.into + "/mine") == "mine");
  kept.into += "/mine";
  CHECK(error_of([&] { static_cast<void>(kept.plan(first_id)); }).kind() == ErrorKind::failed);
  kept.into = "companions";
  CHECK(error_of([&] { static_cast<void>(kept.plan(first_id)); }).kind() == ErrorKind::usage);
}

TEST_CASE("what a backup does not have is named, with the newest earlier one that has it") {
  Kept kept;
  kept.put(first_id, some_entries(), {good("functions"), bad("vault-key")});
  kept.put(second_id, {}, {bad("functions"), bad("vault-key")});
  const CompanionsPlan plan = kept.plan(second_id);
  CHECK(plan.companions.empty());
  REQUIRE(plan.missing.size() == 2);
  CHECK(plan.missing[0].name == "functions");
  CHECK(plan.missing[0].problem == "not permitted");
  CHECK(plan.missing[0].backup == BackupId{first_id});
  CHECK_FALSE(plan.missing[1].backup);
  CHECK(kept.plan(first_id).missing.size() == 1);
}

TEST_CASE("a backup without companions says so") {
  Kept kept;
  kept.put(first_id, {}, {});
  CHECK(error_of([&] { static_cast<void>(kept.plan(first_id)); }).kind() == ErrorKind::target_unreachable);
}

TEST_CASE("a manifest that would have us write through a link is refused before anything is written") {
  Kept kept;
  std::vector<ManifestEntry> entries{entry(EntryType::directory, "it", 0755), entry(EntryType::symbolic_link, "it/x", 0777)};
  entries[1].target = kept.place.path();
  const auto last = GENERATE(0, 1, 2);
  entries.push_back(entry(last == 2 ? EntryType::directory : EntryType::file, last == 1 ? "it/x" : "it/x/y", 0644));
  kept.put(first_id, entries, {good("it")});
  CHECK(error_of([&] { static_cast<void>(kept.restored(first_id)); }).kind() == ErrorKind::corruption);
  CHECK_FALSE(fs::exists(kept.place.path() + "/y"));
  CHECK_FALSE(fs::exists(kept.into + "/it"));
}

}  // namespace companion_restore_test
