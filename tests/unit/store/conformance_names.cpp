#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "base/error.h"
#include "unit/store/conformance.h"

namespace pgrecall::test {

namespace {
void check_refused(const std::string& name, const std::function<void()>& call) {
  INFO(name);
  try {
    call();
    FAIL("no Error was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::usage);
  }
}

std::multiset<std::string> names(ObjectStore& store, const std::string& prefix) {
  std::multiset<std::string> found;
  store.list(prefix, [&](const ObjectInfo& info) { found.insert(info.name); });
  return found;
}

// A name of that many bytes, of parts that a file system takes.
std::string name_of_length(std::size_t length) {
  std::string name = std::string(200, 'a') + "/" + std::string(200, 'b') + "/";
  return name + std::string(length - name.size(), 'c');
}
}  // namespace

void check_names(ObjectStore& store) {
  SECTION("names that are not well formed are refused by every call") {
    const std::string bad[] = {"",      "/",    "/a",   "a/",  "a//b",         ".",        "..",
                               "a/./b", "a/..", "../a", "a b", "a\n",          "\xc3\xa4", std::string("a\0b", 3),
                               "a+b",   "a\\b", "a:b",  "a*",  "lost+found/x", "~a",       name_of_length(513)};
    for (const std::string& name : bad) {
      const MemoryBody body(bytes_of("x"));
      check_refused(name, [&] { (void)store.put(name, body); });
      check_refused(name, [&] { (void)store.open(name); });
      check_refused(name, [&] { (void)store.remove(name); });
      check_refused(name, [&] { (void)store.replace(name, "v", body); });
      check_refused(name, [&] { (void)store.remove_version(name, "v"); });
    }
    CHECK(names(store, "").empty());
  }
  SECTION("names that are well formed are taken") {
    const std::string good[] = {"a", "A-z_0.9", "...", ".hidden", "-", ".pgrecall-tmp/x", name_of_length(512)};
    for (const std::string& name : good) {
      INFO(name);
      CHECK(put_text(store, name, name) == PutResult::created);
      CHECK(get_text(store, name) == name);
      CHECK(names(store, name) == std::multiset<std::string>{name});
    }
    CHECK(names(store, "").size() == std::size(good));
  }
}

void check_listing(ObjectStore& store) {
  SECTION("a prefix picks the objects whose names start so") {
    for (const char* name : {"a/b/one", "a/b/two", "a/bc/three", "a/c", "ab", "b/b/one"}) {
      REQUIRE(put_text(store, name, name) == PutResult::created);
    }
    using Names = std::multiset<std::string>;
    CHECK(names(store, "") == Names{"a/b/one", "a/b/two", "a/bc/three", "a/c", "ab", "b/b/one"});
    CHECK(names(store, "a") == Names{"a/b/one", "a/b/two", "a/bc/three", "a/c", "ab"});
    CHECK(names(store, "a/") == Names{"a/b/one", "a/b/two", "a/bc/three", "a/c"});
    CHECK(names(store, "a/b") == Names{"a/b/one", "a/b/two", "a/bc/three"});
    CHECK(names(store, "a/b/") == Names{"a/b/one", "a/b/two"});
    CHECK(names(store, "a/b/t") == Names{"a/b/two"});
    CHECK(names(store, "a/b/two") == Names{"a/b/two"});
    for (const char* none : {"a/b/two/", "a/b/twos", "c", "/", "/a", "..", "../", "a/../a/", "a//", "a/./b", "a/ b"}) {
      INFO(none);
      CHECK(names(store, none).empty());
    }
  }
  SECTION("a listing tells size and time") {
    const Time before = SystemClock().now() - std::chrono::seconds(2);  // file systems keep time coarsely
    REQUIRE(put_text(store, "a/five", "12345") == PutResult::created);
    REQUIRE(put_text(store, "a/none", "") == PutResult::created);
    std::map<std::string, ObjectInfo> found;
    store.list("a/", [&](const ObjectInfo& info) { found[info.name] = info; });
    CHECK(found["a/five"].size == 5);
    CHECK(found["a/none"].size == 0);
    CHECK(found["a/five"].modified >= before);
    CHECK(found["a/five"].modified <= SystemClock().now() + std::chrono::seconds(2));
  }
  SECTION("many objects are each listed once") {
    std::multiset<std::string> put;
    for (unsigned i = 0; i < 60; ++i) {
      const std::string name = "packs/" + std::to_string(i % 16) + "/" + std::to_string(i);
      REQUIRE(put_text(store, name, "") == PutResult::created);
      put.insert(name);
    }
    CHECK(names(store, "packs/") == put);
  }
  SECTION("the visitor may use the store") {
    for (const char* name : {"x/1", "x/2", "y/3"}) {
      REQUIRE(put_text(store, name, name) == PutResult::created);
    }
    std::size_t removed = 0;
    store.list("", [&](const ObjectInfo& info) { removed += store.remove(info.name) ? 1U : 0U; });
    CHECK(removed == 3);
    CHECK(names(store, "").empty());
  }
}

}  // namespace pgrecall::test
