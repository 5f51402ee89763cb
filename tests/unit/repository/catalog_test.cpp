#include "repository/catalog.h"

#include "repository/names.h"
#include "scratch_repository.h"
#include "some_backup.h"

namespace catalog_test {

using namespace pgrecall;
using namespace pgrecall::test;
using std::chrono::seconds;

namespace {

const Time noon = parse_time("2026-11-25T12:00:00Z").value();

BackupSummary summary_of(const std::string& id) {
  BackupSummary summary = some_summary();
  summary.id = {id};
  return summary;
}

struct Fixture {
  ScratchRepository scratch{GENERATE(Repository::Sealing::none, Repository::Sealing::sealed)};
  const Repository& repository = *scratch;
  const BackupId first{"20261123T023000Z-full"};
  const BackupId second{"20261124T023000Z-incr"};

  void flip(const std::string& name, std::size_t at) const {
    Bytes content = scratch.content(name);
    content.at(at) ^= std::byte{1};
    scratch.overwrite(name, content);
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "The catalog lists backups oldest first, and apart from them what is unfinished") {
  put_summary(repository, summary_of(second.text));
  put_summary(repository, summary_of(first.text));
  REQUIRE(scratch.store().put(manifest_name("prod", {"20261125T023000Z-full"}), MemoryBody(bytes_of("x"))) == PutResult::created);
  const Catalog catalog = read_catalog(repository, "prod");
  REQUIRE(catalog.backups.size() == 2);
  CHECK(catalog.backups[0].summary.id == first);
  CHECK(format_summary(catalog.backups[1].summary) == format_summary(summary_of(second.text)));
  REQUIRE(catalog.unfinished.size() == 1);
  CHECK(catalog.unfinished[0].text == "20261125T023000Z-full");
  CHECK(catalog.damaged.empty());
  CHECK(read_catalog(repository, "other").backups.empty());
  CHECK(list_clusters(repository) == std::vector<std::string>{"prod"});
}

TEST_CASE_METHOD(Fixture, "One damaged summary hides no other backup") {
  put_summary(repository, summary_of(first.text));
  put_summary(repository, summary_of(second.text));
  flip(summary_name("prod", first), 100);
  const Catalog catalog = read_catalog(repository, "prod");
  REQUIRE(catalog.backups.size() == 1);
  CHECK(catalog.backups[0].summary.id == second);
  REQUIRE(catalog.damaged.size() == 1);
  CHECK(catalog.damaged[0].id == first);
  CHECK(catalog.damaged[0].object == summary_name("prod", first));
  CHECK_FALSE(catalog.damaged[0].problem.empty());
  CHECK(catalog.unfinished.empty());
  CHECK(error_of([&] { static_cast<void>(find_backup(repository, "prod", first)); }).kind() == ErrorKind::corruption);
}

TEST_CASE_METHOD(Fixture, "A summary that says it is another backup is damage") {
  BackupSummary other = summary_of(second.text);
  const std::string name = summary_name("prod", first);
  SECTION("another id") {}
  SECTION("another cluster") {
    other.id = first;
    other.cluster = "staging";
  }
  REQUIRE(put_json(repository, ObjectKind::summary, name, format_summary(other)) == PutResult::created);
  REQUIRE(read_catalog(repository, "prod").damaged.size() == 1);
}

TEST_CASE_METHOD(Fixture, "A backup id is committed once") {
  put_summary(repository, summary_of(first.text));
  BackupSummary again = summary_of(first.text);
  again.note = "again";
  CHECK(error_of([&] { put_summary(repository, again); }).kind() == ErrorKind::failed);
  CHECK(find_backup(repository, "prod", first)->summary.note == some_summary().note);
  CHECK_FALSE(find_backup(repository, "prod", second));
}

TEST_CASE_METHOD(Fixture, "Of pins and unpins the later one counts, and the pin's note is told") {
  put_summary(repository, summary_of(first.text));
  const auto listed = [&] { return find_backup(repository, "prod", first).value(); };
  CHECK_FALSE(listed().pinned);
  put_mark(repository, "prod", first, "pinned", noon, "audit");
  CHECK(listed().pinned);
  CHECK(listed().pin_note == "audit");
  CHECK(read_catalog(repository, "prod").backups.at(0).pin_note == "audit");
  put_mark(repository, "prod", first, "unpinned", noon, "");  // in the same second
  CHECK_FALSE(listed().pinned);
  CHECK(listed().pin_note.empty());
  put_mark(repository, "prod", first, "pinned", noon - seconds(3600), "caf\xe9");  // a clock that went back
  CHECK(listed().pinned);
  CHECK(listed().pin_note == "caf\xe9");
}

TEST_CASE_METHOD(Fixture, "Marks of verification say when") {
  put_summary(repository, summary_of(first.text));
  put_mark(repository, "prod", first, "damaged", noon, "pack x");
  put_mark(repository, "prod", first, "verified", noon + seconds(60), "");
  const ListedBackup listed = find_backup(repository, "prod", first).value();
  CHECK(listed.damaged == noon);
  CHECK(listed.verified == noon + seconds(60));
  CHECK_FALSE(listed.pinned);
  CHECK(error_of([&] { put_mark(repository, "prod", first, "forgotten", noon, ""); }).kind() == ErrorKind::failed);
}

TEST_CASE_METHOD(Fixture, "A damaged pin still pins, and is told") {
  put_summary(repository, summary_of(first.text));
  put_mark(repository, "prod", first, "pinned", noon, "audit");
  flip(mark_name("prod", first, "pinned", noon), 110);
  const Catalog catalog = read_catalog(repository, "prod");
  REQUIRE(catalog.backups.size() == 1);
  CHECK(catalog.backups[0].pinned);
  REQUIRE(catalog.damaged.size() == 1);
  CHECK(catalog.damaged[0].object == mark_name("prod", first, "pinned", noon));
}

TEST_CASE_METHOD(Fixture, "Every changed byte and every truncation of summary, mark and system objects is corruption") {
  put_summary(repository, summary_of(first.text));
  put_mark(repository, "prod", first, "pinned", noon, "audit");
  record_system(repository, "prod", some_system());
  const std::vector<std::pair<std::string, ObjectKind>> objects = {
      {summary_name("prod", first), ObjectKind::summary},
      {mark_name("prod", first, "pinned", noon), ObjectKind::mark},
      {system_name("prod", some_system().system_identifier), ObjectKind::system}};
  for (const auto& [name, kind] : objects) {
    const auto refused = [&, &object = name, as = kind] {
      const Error error = error_of([&] { static_cast<void>(read_json(repository, as, object)); });
      return error.kind() == ErrorKind::corruption && error.context("object") == object;
    };
    const Bytes whole = scratch.content(name);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      INFO(name << " byte " << at);
      Bytes damaged = whole;
      damaged[at] ^= static_cast<std::byte>(1U << (at % 8));
      scratch.overwrite(name, damaged);
      REQUIRE(refused());
      scratch.overwrite(name, ByteView(whole).first(at));
      REQUIRE(refused());
    }
    Bytes longer = whole;
    longer.push_back(std::byte{0});
    scratch.overwrite(name, longer);
    CHECK(refused());
    scratch.overwrite(name, whole);
    CHECK(read_json(repository, kind, name));
  }
}

TEST_CASE_METHOD(Fixture, "An object under another's name is corruption") {
  put_summary(repository, summary_of(first.text));
  put_summary(repository, summary_of(second.text));
  scratch.overwrite(summary_name("prod", second), scratch.content(summary_name("prod", first)));
  const Error error = error_of([&] { static_cast<void>(find_backup(repository, "prod", second)); });
  CHECK(error.kind() == ErrorKind::corruption);
  CHECK(error.context("object") == summary_name("prod", second));
}

TEST_CASE_METHOD(Fixture, "A cluster's system is recorded once and compared afterwards") {
  record_system(repository, "prod", some_system());
  SystemRecord later = some_system();
  later.first_seen += seconds(100);
  later.server_version = 150005;
  later.page_checksums = false;
  record_system(repository, "prod", later);
  const auto systems = read_systems(repository, "prod");
  REQUIRE(systems.size() == 1);
  CHECK(systems[0].system_identifier == some_system().system_identifier);
  CHECK(systems[0].server_version == 150004);
  CHECK(systems[0].page_size == 8192);
  CHECK(systems[0].wal_segment_size == 16U << 20U);
  CHECK(systems[0].page_checksums);
  CHECK(systems[0].first_seen == some_system().first_seen);
  SystemRecord other = some_system();
  other.page_size = 16384;
  CHECK(error_of([&] { record_system(repository, "prod", other); }).context("property") == "page_size");
  other = some_system();
  other.wal_segment_size = 1U << 20U;
  CHECK(error_of([&] { record_system(repository, "prod", other); }).context("property") == "wal_segment_size");
  other.system_identifier = 5;
  record_system(repository, "prod", other);
  CHECK(read_systems(repository, "prod").size() == 2);
}

}  // namespace catalog_test
