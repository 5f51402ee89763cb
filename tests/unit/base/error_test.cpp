#include "base/error.h"

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <set>
#include <tuple>

namespace error_test {

using namespace pgrecall;

namespace {
struct Row {
  ErrorKind kind;
  const char* name;
  int code;
};

// The table of exit codes that users script against; a change here is a breaking change.
constexpr std::array<Row, 11> table{{{ErrorKind::failed, "failed", 1},
                                     {ErrorKind::usage, "usage", 2},
                                     {ErrorKind::configuration, "configuration", 4},
                                     {ErrorKind::no_repository, "no_repository", 10},
                                     {ErrorKind::held, "held", 11},
                                     {ErrorKind::wrong_key, "wrong_key", 12},
                                     {ErrorKind::corruption, "corruption", 13},
                                     {ErrorKind::database_unreachable, "database_unreachable", 14},
                                     {ErrorKind::store_unreachable, "store_unreachable", 15},
                                     {ErrorKind::target_unreachable, "target_unreachable", 16},
                                     {ErrorKind::cancelled, "cancelled", 130}}};
}  // namespace

TEST_CASE("every kind of error has its own exit code and name", "[error]") {
  std::set<int> codes{exit_done, exit_done_with_warnings};
  for (const Row& row : table) {
    CHECK(exit_code(row.kind) == row.code);
    CHECK(name(row.kind) == row.name);
    codes.insert(row.code);
  }
  CHECK(codes.size() == table.size() + 2);
  CHECK(exit_done == 0);
  CHECK(exit_done_with_warnings == 3);
}

TEST_CASE("an error keeps message, hint, ordered context and cause apart", "[error]") {
  const Error cause(ErrorKind::failed, "disk on fire");
  const Error error = Error(ErrorKind::corruption, "chunk hash differs", "run pgrecall verify")
                          .with("object", "packs/ab/1")
                          .with("offset", 64U)
                          .caused_by(cause);
  CHECK(error.kind() == ErrorKind::corruption);
  CHECK(error.message() == "chunk hash differs");
  CHECK(error.hint() == "run pgrecall verify");
  CHECK(error.cause() == "disk on fire");
  CHECK(error.context("object") == "packs/ab/1");
  CHECK(error.context("offset") == "64");
  CHECK(error.context("absent").empty());
  REQUIRE(error.context().size() == 2);
  CHECK(error.context()[0].first == "object");
  CHECK(std::string(error.what()) == "chunk hash differs (object=packs/ab/1, offset=64): disk on fire");
}

TEST_CASE("errors say so themselves when trying again may help", "[error]") {
  CHECK_FALSE(Error(ErrorKind::store_unreachable, "full").passing());
  CHECK(Error(ErrorKind::store_unreachable, "full").mark_passing().passing());
  CHECK(std::string(Error(ErrorKind::failed, "bare").what()) == "bare");
}

TEST_CASE("what the system reports becomes a kind and a hint", "[error]") {
  for (const int number : {ENOSPC, EDQUOT, EIO, EROFS, ESTALE, ETIMEDOUT, ENODEV, ENXIO}) {
    const Error error = system_error("writing pack", "/srv/backup/x", number);
    INFO(error.what());
    CHECK(error.kind() == ErrorKind::store_unreachable);
    CHECK_FALSE(error.hint().empty());
    CHECK(error.context("path") == "/srv/backup/x");
    CHECK(error.errno_value() == number);
  }
  for (const int number : {ENOENT, EACCES, EPERM, EMFILE, EINVAL, EEXIST}) {
    CHECK(system_error("opening", "/x", number).kind() == ErrorKind::failed);
  }
  CHECK(std::string(system_error("opening", "/x", ENOENT).what()) == "opening: No such file or directory (path=/x)");
  CHECK(system_error("opening", "/x", EACCES).hint().find("owner and mode") != std::string::npos);
  CHECK(system_error("opening", "/x", EMFILE).hint().find("open files") != std::string::npos);
}

TEST_CASE("a path that cannot be is answered with what to do", "[error]") {
  for (const int number : {ELOOP, ENAMETOOLONG, ENOTDIR, EACCES}) {
    const Error error = system_error("cannot look at", "/x", number);
    CAPTURE(number);
    CHECK(error.kind() == ErrorKind::failed);
    CHECK_FALSE(error.hint().empty());
    CHECK(error.context("path") == "/x");
  }
}

}  // namespace error_test
