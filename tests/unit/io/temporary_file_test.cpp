#include "io/temporary_file.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/error.h"
#include "unit/io/temporary_directory.h"

namespace temporary_file_test {

using namespace pgrecall;
using pgrecall::test::TemporaryDirectory;

TEST_CASE("a temporary file keeps what is appended and has no name") {
  const TemporaryDirectory directory;
  TemporaryFile file(directory.path());
  file.append(bytes_of("hello "));
  file.append(bytes_of("world"));
  CHECK(file.size() == 11);
  Bytes out(5);
  file.read(6, out);
  CHECK(text_of(out) == "world");
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("a temporary file does not give fewer bytes than asked for") {
  TemporaryFile file;
  file.append(bytes_of("abc"));
  Bytes out(2);
  CHECK_THROWS_AS(file.read(2, out), Error);
  CHECK_THROWS_AS(file.read(9, out), Error);
}

TEST_CASE("an emptied temporary file begins anew") {
  TemporaryFile file;
  file.append(bytes_of("a long text"));
  file.truncate();
  CHECK(file.size() == 0);
  CHECK(file_size(file.fd(), "") == 0);
  file.append(bytes_of("new"));
  Bytes out(3);
  file.read(0, out);
  CHECK(text_of(out) == "new");
  CHECK(file_size(file.fd(), "") == 3);
}

TEST_CASE("a temporary file in a directory that is not there is an error that names it") {
  try {
    const TemporaryFile file("/nonexistent/directory");
    FAIL("no Error was thrown");
  } catch (const Error& error) {
    CHECK(error.context("path") == "/nonexistent/directory");
  }
}

}  // namespace temporary_file_test
