#include "store/store_url.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "store/object_store.h"
#include "unit/io/temporary_directory.h"
#include "unit/store/conformance.h"

namespace store_url_test {

using namespace pgrecall;

TEST_CASE("file URLs and absolute paths name directories") {
  CHECK(path_of_url("file:///srv/backup") == "/srv/backup");
  CHECK(path_of_url("/srv/backup") == "/srv/backup");
  CHECK(path_of_url("file:///srv/backup///") == "/srv/backup");
  CHECK(path_of_url("file:///srv/my%20back%2Fup%c3%A4") == "/srv/my back/up\xc3\xa4");
  CHECK(path_of_url("/srv/100%25") == "/srv/100%25");
}

TEST_CASE("a path and its URL name the same directory") {
  for (const char* path : {"/srv/backup", "/srv/my backup", "/a%20b", "/x?y#z", "/\xc3\xa4\n"}) {
    CHECK(path_of_url(file_url(path)) == path);
  }
  CHECK(file_url("/srv/my backup") == "file:///srv/my%20backup");
}

TEST_CASE("other addresses are refused as wrong usage") {
  for (const char* url : {"", "backup", "./backup", "file://host/srv", "file:/srv", "file://", "file:///", "/", "ftp://host/x",
                          "file:///a%2", "file:///a%zz", "file:///a%00b", "file:///a?b", "file:///a#b"}) {
    INFO(url);
    try {
      (void)open_store(url);
      FAIL("no Error was thrown");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      CHECK_FALSE(error.hint().empty());
    }
  }
}

TEST_CASE("an opened store is where its address says") {
  const test::TemporaryDirectory directory;
  const auto store = open_store(file_url(directory / "my store"));
  CHECK(store->address() == file_url(directory / "my store"));
  REQUIRE(test::put_text(*store, "a", "content") == PutResult::created);
  CHECK(test::get_text(*open_store(directory / "my store"), "a") == "content");
}

}  // namespace store_url_test
