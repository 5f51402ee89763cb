#include "repository/names.h"

#include <chrono>

#include "scratch_repository.h"

namespace names_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

const BackupId id{"20261123T023000Z-full"};
const WalSegment segment{1, 0x1a2, 16U << 20U};

PackId counting_pack() {
  PackId pack;
  for (unsigned i = 0; i < pack.bytes.size(); ++i) {
    pack.bytes[i] = static_cast<std::byte>(0xa0 + i);
  }
  return pack;
}

}  // namespace

TEST_CASE("Backup ids say when and what, and sort by time") {
  const Time start = parse_time("2026-11-23T02:30:00Z").value();
  CHECK(BackupId::make(start, BackupKind::full).text == "20261123T023000Z-full");
  CHECK(BackupId::make(start + std::chrono::hours(1), BackupKind::incremental).text == "20261123T033000Z-incr");
  CHECK(BackupId::parse("20261123T033000Z-incr")->kind() == BackupKind::incremental);
  CHECK(id.kind() == BackupKind::full);
  CHECK(id.time() == start);
  CHECK(BackupId::make(start, BackupKind::incremental) < BackupId::make(start + std::chrono::seconds(1), BackupKind::full));
  const auto text = GENERATE(as<std::string>(), "", "20261123T023000Z", "20261123T023000Z-diff", "20261323T023000Z-full",
                             "20261123T023000Z-full ", "2026-11-23T02:30:00Z-full", "../../../../x/summa-full");
  CHECK_FALSE(BackupId::parse(text));
}

TEST_CASE("Cluster names are bounded") {
  CHECK(valid_cluster_name("prod"));
  CHECK(valid_cluster_name("0-a_b"));
  CHECK(valid_cluster_name(std::string(63, 'a')));
  const auto name =
      GENERATE(as<std::string>(), "", "Prod", "-a", "_a", "a.b", "a/b", "..", "a b", "\xc3\xa4", std::string(64, 'a'));
  CHECK_FALSE(valid_cluster_name(name));
  CHECK(error_of([&] { static_cast<void>(cluster_prefix(name)); }).kind() == ErrorKind::usage);
}

TEST_CASE("Names are those of the format, and parse back to what they are") {
  const auto expect = [](const std::string& name, const std::string& expected, NameKind kind, const std::string& rest) {
    CHECK(name == expected);
    const ParsedName parsed = parse_object_name(name);
    CHECK(parsed.kind == kind);
    CHECK(parsed.cluster == "prod");
    CHECK(parsed.rest == rest);
    const bool of_system = kind == NameKind::system || kind == NameKind::history || kind == NameKind::wal_segment ||
                           kind == NameKind::wal_tail || kind == NameKind::wal_time;
    CHECK(parsed.system == (of_system ? std::optional<std::uint64_t>(7'000'000'000'000'000'001) : std::nullopt));
    return parsed;
  };
  const ClusterSystem system("prod", 7'000'000'000'000'000'001);
  CHECK(wal_prefix("prod") == "clusters/prod/wal/");
  CHECK(wal_prefix(system) == "clusters/prod/wal/7000000000000000001/");
  expect(wal_time_name(system, 2, Lsn{0x1a2b3c}, parse_time("2026-11-23T02:30:00Z").value() + std::chrono::microseconds(999'999)),
         "clusters/prod/wal/7000000000000000001/00000002/00000000001A2B3C.time-20261123T023000Z", NameKind::wal_time,
         "00000000001A2B3C.time-20261123T023000Z");
  expect(system_name("prod", 7'000'000'000'000'000'001), "clusters/prod/systems/7000000000000000001", NameKind::system,
         "7000000000000000001");
  CHECK(expect(summary_name("prod", id), "clusters/prod/backups/20261123T023000Z-full/summary", NameKind::summary, "summary")
            .backup == id);
  expect(manifest_name("prod", id), "clusters/prod/backups/20261123T023000Z-full/manifest", NameKind::manifest, "manifest");
  expect(mark_name("prod", id, "pinned", id.time()), "clusters/prod/backups/20261123T023000Z-full/pinned-20261123T023000Z",
         NameKind::mark, "pinned-20261123T023000Z");
  const std::string pack = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
  CHECK(expect(pack_name("prod", counting_pack()), "clusters/prod/packs/a0/" + pack, NameKind::pack, pack).pack ==
        counting_pack());
  CHECK(expect(relocation_name("prod", counting_pack()), "clusters/prod/packs/a0/" + pack + ".moved", NameKind::relocation,
               pack + ".moved")
            .pack == counting_pack());
  expect(wal_segment_name(system, segment), "clusters/prod/wal/7000000000000000001/00000001/0000000100000001000000A2",
         NameKind::wal_segment, "0000000100000001000000A2");
  expect(wal_tail_name(system, segment, 0x100, 0xabcd00),
         "clusters/prod/wal/7000000000000000001/00000001/0000000100000001000000A2.00000100-00abcd00", NameKind::wal_tail,
         "0000000100000001000000A2.00000100-00abcd00");
  expect(history_name(system, 0x1f), "clusters/prod/wal/7000000000000000001/0000001F.history", NameKind::history,
         "0000001F.history");
}

TEST_CASE("Names outside of clusters are known too") {
  CHECK(parse_object_name("pgrecall.json").kind == NameKind::repository);
  CHECK(parse_object_name("leases/prod").kind == NameKind::lease);
  CHECK(parse_object_name("leases/prod").rest == "prod");
  CHECK(parse_object_name("keys/0123456789abcdef.json").kind == NameKind::key);
  CHECK(parse_object_name("keys/0123456789abcdef.json").rest == "0123456789abcdef");
}

TEST_CASE("What this version does not know is other") {
  const auto name = GENERATE(
      as<std::string>(), "", "/", "pgrecall.jso", "keys/0123.json", "keys/0123456789ABCDEF.json", "leases/", "clusters",
      "clusters/prod", "clusters/Prod/systems/1", "clusters/prod/systems/", "clusters/prod/systems/1x",
      "clusters/prod/systems/123456789012345678901", "clusters/prod/backups/x/summary",
      "clusters/prod/backups/20261123T023000Z-full/summary2",
      "clusters/prod/backups/20261123T023000Z-full/forgotten-20261123T023000Z",
      "clusters/prod/backups/20261123T023000Z-full/pinned-2026", "clusters/prod/packs/a1/a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
      "clusters/prod/packs/a0/a0a1a2a3a4a5a6a7a8a9aaabacadae", "clusters/prod/packs/a0/a0a1a2a3a4a5a6a7a8a9aaabacadaeaf.gone",
      "clusters/prod/wal/7/00000002/0000000100000001000000A2", "clusters/prod/wal/7/00000001/0000000100000001000000a2",
      "clusters/prod/wal/7/00000001/0000000100000001000000A2.partial",
      "clusters/prod/wal/7/00000001/0000000100000001000000A2.00000100-00ABCD00", "clusters/prod/wal/7/1F.history",
      "clusters/prod/wal/00000001/0000000100000001000000A2", "clusters/prod/wal/0000001F.history", "clusters/prod/wal/0000001F",
      "clusters/prod/wal/07/00000001/0000000100000001000000A2", "clusters/prod/wal/7x/0000001F.history",
      "clusters/prod/wal/-7/0000001F.history", "clusters/prod/wal/18446744073709551616/0000001F.history",
      "clusters/prod/wal//0000001F.history", "clusters/prod/systems/01", "clusters/prod/systems/18446744073709551616",
      "clusters/prod/other/x");
  INFO(name);
  CHECK(parse_object_name(name).kind == NameKind::other);
  CHECK_FALSE(parse_object_name(name).system);
}

}  // namespace names_test
