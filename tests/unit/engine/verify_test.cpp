#include "engine/verify.h"

#include <algorithm>

#include "codec/frame.h"
#include "engine/verify_ledger_state.h"
#include "repository/pack_reader.h"
#include "store/fault_store.h"
#include "unit/engine/fake_backups.h"
#include "unit/engine/fake_life.h"

namespace verify_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

const ManualClock& verify_clock() {
  static const ManualClock clock(parse_time("2026-12-01T00:00:00Z").value());
  return clock;
}

VerifyReport verify_all(const Repository& repository, VerifyRequest request = {}) {
  request.cluster = cluster;
  Progress progress;
  return verify(repository, request, verify_clock(), progress, {});
}

VerifyReport verify_one(const Repository& repository, const char* id) {
  VerifyRequest request;
  request.backup = BackupId{id};
  return verify_all(repository, request);
}

// For messages of failed checks.
std::string text_of(const VerifyReport& report) {
  std::string text;
  for (const Finding& each : report.findings) {
    text += each.kind + ": " + each.object + " " + each.file + ": " + each.problem + "\n";
  }
  return text;
}

std::vector<std::string> damaged_objects(const VerifyReport& report) {
  std::vector<std::string> objects;
  for (const Finding& each : report.findings) {
    if (each.severity == FindingSeverity::damage) {
      objects.push_back(each.object);
    }
  }
  return objects;
}

// The pack that was stored for the first backup (the older one) or the second.
std::vector<PackId> packs_of(const Repository& repository, const char* id) {
  ManifestReader manifest(repository, cluster, BackupId{id});
  while (manifest.next() != nullptr) {
  }
  return manifest.totals().packs;
}

void flip(const ScratchRepository& scratch, const std::string& object, std::size_t at) {
  Bytes content = scratch.content(object);
  content.at(at) ^= std::byte{1};
  scratch.overwrite(object, content);
}

const ListedBackup& listed(const Catalog& catalog, const char* id) {
  return *std::ranges::find(catalog.backups, BackupId{id}, [](const ListedBackup& each) { return each.summary.id; });
}

// One backup of a cluster of which one page is wrong.
struct BadPageRepository {
  ScratchRepository scratch{Repository::Sealing::none};
  static constexpr const char* path = "base/5/16384.1";
  static constexpr std::uint32_t block = 131072 + 2;

  BadPageRepository(Lsn page_lsn, const std::function<void(BackupSummary&)>& change) {
    FakeCluster source = fake_cluster();
    Bytes pages;
    for (std::uint32_t i = 0; i < 4; ++i) {
      Bytes page = fake_page(131072 + i, i == 2 ? page_lsn : Lsn{0x1000}, 100 + i);
      if (i == 2) {
        page.back() ^= std::byte{1};
      }
      pages.insert(pages.end(), page.begin(), page.end());
    }
    source.files.push_back({.path = path, .content = pages, .store = FakeFile::Store::mapped});
    FakeBackups(*scratch).add(source, FilledRepository::first_id, FakeBackups::Wal::whole, change);
  }
};

}  // namespace

TEST_CASE("verify finds nothing in what is whole, reads all of it, and says so in marks", "[verify]") {
  const auto sealing = GENERATE(Repository::Sealing::none, Repository::Sealing::sealed);
  const FilledRepository filled(sealing);
  const VerifyReport report = verify_all(*filled);
  INFO(text_of(report));
  CHECK(report.findings.empty());
  CHECK(report.backups == 2);
  // Segments 3 and 4 of the first, the tails of the second.
  CHECK(report.wal_segments == 3);
  std::uint64_t chunks = 0;
  for (const PackId& pack : packs_of(*filled, FilledRepository::second_id)) {
    chunks += read_pack_index(*filled, cluster, pack).value().chunks.size();
  }
  CHECK(report.chunks == chunks);
  // 1259 (2 pages) is in the bundles of both backups; 16384 has 5 pages that are not zeros, and 2 of these differ in the second
  // backup; 16390 (2) is shared.
  CHECK(report.pages == 2 * 2 + 5 + 2 + 2);
  const Catalog catalog = read_catalog(*filled, cluster);
  CHECK(listed(catalog, FilledRepository::first_id).verified);
  CHECK(listed(catalog, FilledRepository::second_id).verified);
}

TEST_CASE("a chunk that two backups share and that is bad hits both, once", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  // base/5/16390 is one whole chunk of the first pack.
  ManifestReader manifest(*filled, cluster, BackupId{FilledRepository::second_id});
  ChunkRef shared;
  while (const ManifestEntry* entry = manifest.next()) {
    if (entry->path == "base/5/16390") {
      shared = std::get<ChunkContent>(entry->content).chunk;
    }
  }
  const std::string pack = pack_name(cluster, shared.pack);
  flip(filled.scratch(), pack, shared.offset + frame_header_size + shared.body_size - 1);
  const VerifyReport report = verify_all(*filled);
  INFO(text_of(report));
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].kind == finding_kind::corrupt_object);
  CHECK(report.findings[0].object == pack);
  CHECK(report.findings[0].file == "base/5/16390");
  CHECK(report.findings[0].backups == std::vector<std::string>{FilledRepository::second_id, FilledRepository::first_id});
  const Catalog catalog = read_catalog(*filled, cluster);
  CHECK(listed(catalog, FilledRepository::first_id).damaged);
  CHECK_FALSE(listed(catalog, FilledRepository::first_id).verified);
  CHECK(listed(catalog, FilledRepository::second_id).damaged);
}

TEST_CASE("damage hits only the backups that need what is damaged", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  filled.scratch().store().remove(manifest_name(cluster, BackupId{FilledRepository::first_id}));
  const VerifyReport report = verify_all(*filled);
  REQUIRE(report.damaged());
  CHECK(report.findings[0].kind == finding_kind::missing_object);
  CHECK(report.findings[0].backups == std::vector<std::string>{FilledRepository::first_id});
  const Catalog catalog = read_catalog(*filled, cluster);
  CHECK(listed(catalog, FilledRepository::second_id).verified);
  CHECK_FALSE(listed(catalog, FilledRepository::second_id).damaged);
}

TEST_CASE("a missing pack is one finding with all backups that need it", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  const std::string pack = pack_name(cluster, packs_of(*filled, FilledRepository::first_id).at(0));
  filled.scratch().store().remove(pack);
  const VerifyReport report = verify_all(*filled);
  INFO(text_of(report));
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].kind == finding_kind::missing_object);
  CHECK(report.findings[0].object == pack);
  CHECK(report.findings[0].backups.size() == 2);
}

TEST_CASE("WAL that a backup needs and that is missing is found", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  const WalSegment segment{fake_timeline, 4, fake_segment_size};
  SECTION("a whole segment") {
    filled.scratch().store().remove(wal_segment_name(system_of(filled.first()), segment));
    const VerifyReport report = verify_all(*filled);
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == finding_kind::missing_wal);
    CHECK(report.findings[0].object == wal_segment_name(system_of(filled.first()), segment));
    CHECK(report.findings[0].backups == std::vector<std::string>{FilledRepository::first_id});
  }
  SECTION("the first of two tails") {
    const WalSegment tails = segment.next();
    filled.scratch().store().remove(wal_tail_name(system_of(filled.first()), tails, 0, 2 * fake_page_size));
    const VerifyReport report = verify_all(*filled);
    REQUIRE(report.damaged());
    CHECK(report.findings[0].kind == finding_kind::missing_wal);
    CHECK(report.findings[0].object == wal_segment_name(system_of(filled.first()), tails));
  }
}

TEST_CASE("a page with a wrong checksum is damage, unless the source had it already", "[verify]") {
  SECTION("not known") {
    const BadPageRepository bad(Lsn{0x1000}, {});
    const VerifyReport report = verify_all(*bad.scratch);
    REQUIRE(report.findings.size() == 1);
    CHECK(report.damaged());
    CHECK(report.findings[0].kind == finding_kind::page_checksum);
    CHECK(report.findings[0].file == BadPageRepository::path);
    CHECK(report.findings[0].block == BadPageRepository::block);
  }
  SECTION("listed in the summary") {
    const BadPageRepository bad(Lsn{0x1000}, [](BackupSummary& summary) {
      summary.page_failures = {{BadPageRepository::path, BadPageRepository::block, 1, 2, "same"}};
      summary.page_failure_count = 1;
    });
    const VerifyReport report = verify_all(*bad.scratch);
    REQUIRE(report.findings.size() == 1);
    CHECK_FALSE(report.damaged());
    CHECK(report.findings[0].kind == finding_kind::page_checksum);
  }
  SECTION("another page is listed") {
    const BadPageRepository bad(Lsn{0x1000}, [](BackupSummary& summary) {
      summary.page_failures = {{BadPageRepository::path, BadPageRepository::block + 1, 1, 2, "same"}};
      summary.page_failure_count = 1;
    });
    CHECK(verify_all(*bad.scratch).damaged());
  }
  SECTION("listed as torn: WAL brings it whole") {
    const BadPageRepository bad(Lsn{0x1000}, [](BackupSummary& summary) {
      summary.torn_pages = {{BadPageRepository::path, BadPageRepository::block}};
      summary.torn_page_count = 1;
    });
    CHECK(verify_all(*bad.scratch).findings.empty());
  }
  SECTION("newer than all WAL that the backup has") {
    const BadPageRepository bad(Lsn{0x900000}, {});
    CHECK(verify_all(*bad.scratch).damaged());
  }
  SECTION("written after the backup began: WAL brings it whole") {
    const BadPageRepository bad(Lsn{0x300028}, {});
    CHECK(verify_all(*bad.scratch).findings.empty());
  }
  SECTION("a cluster without checksums") {
    const BadPageRepository bad(Lsn{0x1000}, [](BackupSummary& summary) { summary.page_checksums = false; });
    const VerifyReport report = verify_all(*bad.scratch);
    CHECK(report.findings.empty());
    CHECK(report.pages == 0);
  }
}

TEST_CASE("a summary that does not fit its manifest is damage", "[verify]") {
  const ScratchRepository scratch(Repository::Sealing::none);
  FakeBackups(*scratch).add(fake_cluster(), FilledRepository::first_id, FakeBackups::Wal::whole,
                            [](BackupSummary& summary) { summary.files += 1; });
  const VerifyReport report = verify_all(*scratch);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.damaged());
  CHECK(report.findings[0].kind == finding_kind::inconsistent);
  CHECK(report.findings[0].object == manifest_name(cluster, BackupId{FilledRepository::first_id}));
}

TEST_CASE("a summary with impossible sizes is damage and nothing else", "[verify]") {
  const ScratchRepository scratch(Repository::Sealing::none);
  const auto change = GENERATE(
      as<void (*)(BackupSummary&)>(), [](BackupSummary& summary) { summary.wal_segment_size = 0; },
      [](BackupSummary& summary) { summary.page_size = 0; }, [](BackupSummary& summary) { summary.stop_lsn = Lsn{}; });
  FakeBackups(*scratch).add(fake_cluster(), FilledRepository::first_id, FakeBackups::Wal::whole, change);
  const VerifyReport report = verify_all(*scratch);
  REQUIRE(report.damaged());
  CHECK(report.findings[0].kind == finding_kind::inconsistent);
  CHECK(report.findings[0].object == summary_name(cluster, BackupId{FilledRepository::first_id}));
}

TEST_CASE("a backup without pg_control is damaged", "[verify]") {
  const ScratchRepository scratch(Repository::Sealing::none);
  FakeCluster source = fake_cluster();
  source.file("global/pg_control").path = "global/pg_other";
  FakeBackups(*scratch).add(source, FilledRepository::first_id);
  CHECK(verify_all(*scratch).damaged());
}

TEST_CASE("what no backup needs is a notice, and its bytes are read all the same", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  const ScratchRepository& scratch = filled.scratch();
  ChunkRef chunk;
  {
    PackWriter packs(*filled, cluster, {});
    chunk = add_chunk(packs, bytes_of("left by an interrupted backup"));
    packs.finish();
  }
  const std::string orphan = pack_name(cluster, chunk.pack);
  const std::string stranger = cluster_prefix(cluster) + "somebody/notes.txt";
  REQUIRE(scratch.store().put(stranger, MemoryBody(bytes_of("hello"))) == PutResult::created);
  scratch.store().remove(summary_name(cluster, BackupId{FilledRepository::first_id}));
  const VerifyReport report = verify_all(*filled);
  INFO(text_of(report));
  CHECK_FALSE(report.damaged());
  const auto has = [&](const std::string& kind, const std::string& object) {
    return std::ranges::any_of(report.findings, [&](const Finding& each) { return each.kind == kind && each.object == object; });
  };
  CHECK(has(finding_kind::orphan, orphan));
  CHECK(has(finding_kind::orphan, backups_prefix(cluster) + FilledRepository::first_id + "/"));
  CHECK(has(finding_kind::unknown_object, stranger));
  flip(scratch, orphan, chunk.offset + frame_header_size + chunk.body_size - 1);
  CHECK(damaged_objects(verify_all(*filled)) == std::vector<std::string>{orphan});
}

TEST_CASE("with an id only what that backup needs is read", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  const auto second_packs = packs_of(*filled, FilledRepository::second_id);
  const auto first_packs = packs_of(*filled, FilledRepository::first_id);
  const auto only_second = std::ranges::find_if(second_packs, [&](const PackId& each) { return each != first_packs.at(0); });
  REQUIRE(only_second != second_packs.end());
  filled.scratch().store().remove(pack_name(cluster, *only_second));
  CHECK_FALSE(verify_one(*filled, FilledRepository::first_id).damaged());
  CHECK(verify_one(*filled, FilledRepository::second_id).damaged());
  const Error unknown = error_of([&] { (void)verify_one(*filled, "20200101T000000Z-full"); });
  CHECK(unknown.kind() == ErrorKind::target_unreachable);
}

TEST_CASE("a sample reads metadata and WAL whole, a part of the data, and verifies no backup", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  VerifyRequest request;
  request.data_fraction = 0;
  const VerifyReport none = verify_all(*filled, request);
  CHECK_FALSE(none.damaged());
  CHECK(none.pages == 0);
  CHECK(none.wal_segments == 3);
  CHECK_FALSE(listed(read_catalog(*filled, cluster), FilledRepository::first_id).verified);
  const std::uint64_t all = verify_all(*filled).chunks;
  request.data_fraction = 0.5;
  std::uint64_t least = all;
  std::uint64_t most = 0;
  for (request.seed = 0; request.seed < 64; ++request.seed) {
    const std::uint64_t chunks = verify_all(*filled, request).chunks;
    least = std::min(least, chunks);
    most = std::max(most, chunks);
  }
  CHECK(least < most);
  CHECK(most <= all);
}

TEST_CASE("a store that fails ends verify by its error; one that takes no marks does not", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  FaultStore store(filled.scratch().store());
  const Repository repository = filled.scratch().opened_through(store);
  const std::uint64_t opened = store.operations();
  SECTION("any operation") {
    REQUIRE(verify_all(repository).findings.empty());
    const auto log = store.log();
    for (std::uint64_t number = opened + 1; number <= log.size(); ++number) {
      const FaultRecord& record = log[number - 1];
      if (record.operation.kind == StoreOperationKind::put || record.operation.kind == StoreOperationKind::version) {
        continue;
      }
      FaultStore failing(filled.scratch().store());
      const Repository again = filled.scratch().opened_through(failing);
      failing.set_plan(fault_at(number, {FaultEffect::error_before, FaultNature::passing}));
      try {
        const VerifyReport report = verify_all(again);
        INFO(number << " " << record.operation.object << "\n" << text_of(report));
        // Only what belongs to marks may fail without ending it; threads make the numbers differ a little from run to run.
        CHECK_FALSE(report.damaged());
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::store_unreachable);
      }
    }
  }
  SECTION("marks") {
    store.set_plan([](const StoreOperation& operation) -> std::optional<Fault> {
      return operation.kind == StoreOperationKind::put ? std::optional(Fault{}) : std::nullopt;
    });
    const VerifyReport report = verify_all(repository);
    // Of two backups, and of the ledger.
    REQUIRE(report.findings.size() == 3);
    CHECK(report.findings[0].kind == finding_kind::mark_not_stored);
    CHECK_FALSE(report.damaged());
  }
}

TEST_CASE("a budget goes to what was never read, then to what was not read for longest", "[verify]") {
  const auto at = [](std::int64_t seconds) { return Time(std::chrono::seconds(seconds)); };
  using Of = VerifyReading::Of;
  std::vector<VerifyReading> readings{{Of::pack, 0, 10, at(300)},
                                      {Of::pack, 1, 10, at(0)},
                                      {Of::pack, 2, 10, at(100)},
                                      {Of::segment, 0, 10, at(200)},
                                      {Of::segment, 1, 10, at(0)}};
  put_in_order(readings);
  std::vector<std::pair<Of, std::uint32_t>> order;
  for (const VerifyReading& each : readings) {
    order.emplace_back(each.of, each.number);
  }
  CHECK(order == std::vector<std::pair<Of, std::uint32_t>>{
                     {Of::pack, 1}, {Of::segment, 1}, {Of::pack, 2}, {Of::segment, 0}, {Of::pack, 0}});
}

TEST_CASE("with a budget, the second run reads what the first did not, and then begins anew", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  ManualClock clock(parse_time("2026-12-01T00:00:00Z").value());
  VerifyRequest request;
  request.cluster = cluster;
  request.budget = VerifyBudget{.bytes = 1, .time = {}};
  const auto run = [&] {
    Progress progress;
    clock.advance(std::chrono::hours(24));
    const VerifyReport report = verify(*filled, request, clock, progress, {});
    CHECK_FALSE(report.damaged());
    return report.coverage.value();
  };
  unsigned runs = 1;
  VerifyCoverage coverage = run();
  const std::uint64_t total = coverage.total;
  std::uint64_t read = coverage.read;
  for (; coverage.never_read > 0 && runs < 20; ++runs) {
    coverage = run();
    read += coverage.read;
  }
  CHECK(read == total);
  CHECK(runs > 2);
  // A reading each: the oldest is the first one's, and the next run reads that again.
  CHECK(coverage.oldest == parse_time("2026-12-02T00:00:00Z").value());
  CHECK(run().oldest == parse_time("2026-12-03T00:00:00Z").value());
  CHECK(listed(read_catalog(*filled, cluster), FilledRepository::first_id).verified);
}

TEST_CASE("what is not read within a month is told of", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  ManualClock clock(parse_time("2026-12-01T00:00:00Z").value());
  VerifyRequest request;
  request.cluster = cluster;
  request.budget = VerifyBudget{.bytes = 1, .time = {}};
  const auto told = [&](std::chrono::hours pause) {
    Progress progress;
    clock.advance(pause);
    const VerifyReport report = verify(*filled, request, clock, progress, {});
    return std::ranges::any_of(report.findings, [](const Finding& each) { return each.kind == finding_kind::not_read; });
  };
  CHECK_FALSE(told(std::chrono::hours(1)));
  CHECK_FALSE(told(std::chrono::hours(1)));
  CHECK(told(std::chrono::hours(29 * 24)));
  CHECK(told(std::chrono::hours(29 * 24)));
}

TEST_CASE("a budget has a size or a time", "[verify]") {
  CHECK(parse_verify_budget("10GB").value().bytes == 10'000'000'000U);
  CHECK(parse_verify_budget("30m").value().time == std::chrono::minutes(30));
  CHECK_FALSE(parse_verify_budget("0B"));
  CHECK_FALSE(parse_verify_budget("0s"));
  CHECK_FALSE(parse_verify_budget("half"));
}

TEST_CASE("verify stops when asked to", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  std::stop_source stop;
  stop.request_stop();
  VerifyRequest request;
  request.cluster = cluster;
  Progress progress;
  const Error error = error_of([&] { (void)verify(*filled, request, verify_clock(), progress, stop.get_token()); });
  CHECK(error.kind() == ErrorKind::cancelled);
}

TEST_CASE("progress of a whole verify ends at what was to be read", "[verify]") {
  const FilledRepository filled(Repository::Sealing::none);
  VerifyRequest request;
  request.cluster = cluster;
  Progress progress;
  (void)verify(*filled, request, verify_clock(), progress, {});
  const Progress::Snapshot end = progress.snapshot();
  CHECK(end.total > 0);
  CHECK(end.done <= end.total);
  // Headers, indexes and trailers of packs are not counted as done.
  CHECK(end.done > end.total / 2);
}

TEST_CASE(
    "WAL that was received and is missing right behind the newest backup is damage; where none was received, nothing is lost") {
  FakeLife life(Repository::Sealing::none, std::chrono::hours(24));
  static_cast<void>(life.take_backup());
  life.backups.lose_wal(2);
  life.backups.add_wal(life.source, 2);
  const auto told = [](const VerifyReport& report) {
    INFO(text_of(report));
    return std::ranges::count(report.findings, std::string(finding_kind::missing_wal), &Finding::kind);
  };
  const VerifyReport alone = life.run_verify();
  CHECK(told(alone) == 1);
  CHECK_FALSE(alone.damaged());
  life.put_time();
  const VerifyReport received = life.run_verify();
  CHECK(told(received) == 1);
  CHECK(received.damaged());
}

}  // namespace verify_test
