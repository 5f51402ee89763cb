#include <catch2/catch.hpp>

#include "unit/store/conformance.h"

namespace pgrecall::test {

void check_changes(ObjectStore& store) {
  const MemoryBody longer(bytes_of("a longer content"));
  const MemoryBody shorter(bytes_of("short"));
  REQUIRE(put_text(store, "leases/a", "content") == PutResult::created);
  const std::string first = version_of(store, "leases/a");

  SECTION("an object keeps its version as long as its content") {
    CHECK(version_of(store, "leases/a") == first);
    REQUIRE(put_text(store, "leases/a", "other") == PutResult::already_exists);
    CHECK(version_of(store, "leases/a") == first);
  }
  SECTION("replacing the known version changes content and version") {
    REQUIRE(store.replace("leases/a", first, longer) == ReplaceResult::replaced);
    CHECK(get_text(store, "leases/a") == "a longer content");
    const std::string second = version_of(store, "leases/a");
    CHECK(second != first);
    REQUIRE(store.replace("leases/a", second, shorter) == ReplaceResult::replaced);
    CHECK(get_text(store, "leases/a") == "short");
  }
  SECTION("another version is left alone") {
    REQUIRE(store.replace("leases/a", first, longer) == ReplaceResult::replaced);
    CHECK(store.replace("leases/a", first, shorter) == ReplaceResult::changed);
    CHECK(store.replace("leases/a", "", shorter) == ReplaceResult::changed);
    CHECK(store.remove_version("leases/a", first) == ReplaceResult::changed);
    CHECK(get_text(store, "leases/a") == "a longer content");
  }
  SECTION("a reader keeps the content and version that it opened") {
    const auto reader = store.open("leases/a");
    REQUIRE(reader);
    REQUIRE(store.replace("leases/a", first, shorter) == ReplaceResult::replaced);
    Bytes out(7);
    CHECK(reader->size() == 7);
    CHECK(reader->read(0, out) == 7);
    CHECK(text_of(out) == "content");
    CHECK(reader->version() == first);
  }
  SECTION("removing the known version removes the object") {
    CHECK(store.remove_version("leases/a", first) == ReplaceResult::replaced);
    CHECK(store.open("leases/a") == nullptr);
    CHECK(put_text(store, "leases/a", "again") == PutResult::created);
  }
  SECTION("what is not there is neither replaced nor made") {
    CHECK(store.replace("leases/b", first, longer) == ReplaceResult::missing);
    CHECK(store.replace("none/at/all", first, longer) == ReplaceResult::missing);
    CHECK(store.remove_version("leases/b", first) == ReplaceResult::missing);
    std::size_t count = 0;
    store.list("", [&](const ObjectInfo&) { ++count; });
    CHECK(count == 1);
  }
}

}  // namespace pgrecall::test
