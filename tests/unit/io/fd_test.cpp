#include "io/fd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <fstream>
#include <functional>
#include <thread>

#include "unit/io/temporary_directory.h"

namespace fd_test {

using namespace pgrecall;
using pgrecall::test::TemporaryDirectory;

namespace {
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

ErrorKind kind_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("no Error was thrown");
  return ErrorKind::failed;
}
}  // namespace

TEST_CASE("a descriptor is closed once, by its last owner") {
  const TemporaryDirectory directory;
  Fd first = open_file(directory / "a", O_CREAT | O_RDWR);
  const int number = first.get();
  Fd second(std::move(first));
  CHECK_FALSE(first);
  CHECK(second.get() == number);
  Fd third = open_file(directory / "b", O_CREAT | O_RDWR);
  const int replaced = third.get();
  third = std::move(second);
  CHECK(third.get() == number);
  CHECK_FALSE(is_open(replaced));
  CHECK(is_open(number));
  third.reset();
  CHECK_FALSE(is_open(number));
}

TEST_CASE("opened files are not inherited by child processes") {
  const TemporaryDirectory directory;
  const Fd fd = open_file(directory / "a", O_CREAT | O_RDWR);
  CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("an absent file is an error to open_file and a value to open_existing") {
  const TemporaryDirectory directory;
  write_text(directory / "file", "x");
  CHECK(kind_of([&] { (void)open_file(directory / "none", O_RDONLY); }) == ErrorKind::failed);
  CHECK_FALSE(open_existing(directory / "none", O_RDONLY));
  CHECK_FALSE(open_existing(directory / "file/below", O_RDONLY));
  CHECK(open_existing(directory / "file", O_RDONLY));
  CHECK(kind_of([&] { (void)open_existing(directory.path(), O_WRONLY); }) == ErrorKind::failed);
}

TEST_CASE("writes and reads at offsets meet") {
  const TemporaryDirectory directory;
  const std::string path = directory / "f";
  const Fd fd = open_file(path, O_CREAT | O_RDWR);
  write_all(fd, bytes_of("0123456789"), path);
  write_all_at(fd, bytes_of("AB"), 4, path);
  CHECK(file_size(fd, path) == 10);
  Bytes out(6);
  CHECK(read_at(fd, 2, out, path) == 6);
  CHECK(text_of(out) == "23AB67");
  CHECK(read_at(fd, 7, out, path) == 3);
  CHECK(text_of(ByteView(out).first(3)) == "789");
  CHECK(read_at(fd, 10, out, path) == 0);
}

TEST_CASE("write_all goes on after a short write") {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const Fd here(ends[0]);
  const Fd there(ends[1]);
  // Non-blocking reads are drained meanwhile: the kernel takes a large write in parts.
  const std::string sent(4U << 20U, 'x');
  std::size_t received = 0;
  std::thread reader([&] {
    std::string part(60'000, '\0');
    while (received < sent.size()) {
      const ssize_t count = ::read(there.get(), part.data(), part.size());
      if (count <= 0) {
        break;
      }
      received += static_cast<std::size_t>(count);
    }
  });
  write_all(here, bytes_of(sent), "socket");
  reader.join();
  CHECK(received == sent.size());
}

TEST_CASE("errors that may pass are marked so, others are not") {
  CHECK(io_error("x", "/p", ENOSPC).passing());
  CHECK(io_error("x", "/p", EIO).passing());
  CHECK(io_error("x", "/p", ENOSPC).kind() == ErrorKind::store_unreachable);
  CHECK_FALSE(io_error("x", "/p", EACCES).passing());
  CHECK_FALSE(io_error("x", "/p", EROFS).passing());
  CHECK(io_error("x", "/p", EACCES).context("path") == "/p");
}

TEST_CASE("a device that is full is told by write_all") {
  const Fd full = open_file("/dev/full", O_WRONLY);
  CHECK(kind_of([&] { write_all(full, bytes_of("x"), "/dev/full"); }) == ErrorKind::store_unreachable);
}

TEST_CASE("read_file takes whole files up to its limit") {
  const TemporaryDirectory directory;
  const std::string path = directory / "f";
  write_text(path, "12345");
  CHECK(text_of(read_file(path, 5)) == "12345");
  CHECK(text_of(read_file(path, UINT64_MAX)) == "12345");
  CHECK(kind_of([&] { (void)read_file(path, 4); }) == ErrorKind::failed);
  write_text(path, "");
  CHECK(read_file(path, 0).empty());
  // Says to have no bytes, and has some.
  CHECK(text_of(read_file("/proc/self/stat", 1U << 20U)).find('(') != std::string_view::npos);
  CHECK(kind_of([&] { (void)read_file("/proc/self/stat", 3); }) == ErrorKind::failed);
}

TEST_CASE("make_directories makes what is missing, with its mode, and accepts what is there") {
  const TemporaryDirectory directory;
  make_directories(directory / "a/b/c", 0750);
  struct stat status {};
  for (const char* path : {"a", "a/b", "a/b/c"}) {
    REQUIRE(::stat((directory / path).c_str(), &status) == 0);
    CHECK(S_ISDIR(status.st_mode));
    CHECK((status.st_mode & 0777U & ~0750U) == 0);
  }
  make_directories(directory / "a/b/c/d/", 0750);
  make_directories(directory / "a/b/c/d", 0750);
  CHECK(::stat((directory / "a/b/c/d").c_str(), &status) == 0);
  write_text(directory / "file", "x");
  CHECK(kind_of([&] { make_directories(directory / "file", 0750); }) == ErrorKind::failed);
  CHECK(kind_of([&] { make_directories(directory / "file/x", 0750); }) == ErrorKind::failed);
}

TEST_CASE("make_directories gets there while another removes empty directories") {
  const TemporaryDirectory directory;
  // It may come between a hundred times a round: fewer than the tries there are, however fast it is.
  std::atomic<int> removals = 0;
  std::atomic<bool> done = false;
  std::thread remover([&] {
    while (!done) {
      if (removals > 0 &&
          ::rmdir((directory / "a/b/c").c_str()) + ::rmdir((directory / "a/b").c_str()) + ::rmdir((directory / "a").c_str()) >
              -3) {
        --removals;
      }
    }
  });
  std::string failure;
  try {
    for (int round = 0; round < 200; ++round) {
      removals = 100;
      make_directories(directory / "a/b/c", 0750);
    }
  } catch (const Error& error) {
    failure = error.what();
  }
  done = true;
  remover.join();
  CHECK(failure == "");
}

TEST_CASE("sync_directory takes directories only") {
  const TemporaryDirectory directory;
  sync_directory(directory.path());
  write_text(directory / "file", "x");
  CHECK(kind_of([&] { sync_directory(directory / "file"); }) == ErrorKind::failed);
}

TEST_CASE("what root makes in the directory of another belongs to that one") {
  if (::geteuid() != 0) {
    return;
  }
  constexpr uid_t user = 12345;
  constexpr gid_t group = 54321;
  const TemporaryDirectory directory;
  REQUIRE(::mkdir((directory / "theirs").c_str(), 0755) == 0);
  REQUIRE(::chown((directory / "theirs").c_str(), user, group) == 0);
  make_directories(directory / "theirs/a/b", 0750);
  inherit_owner(open_file(directory / "theirs/file", O_CREAT | O_RDWR), directory / "theirs");
  make_directories(directory / "ours/a", 0750);
  for (const auto& [name, owner] :
       {std::pair{"theirs/a", user}, {"theirs/a/b", user}, {"theirs/file", user}, {"ours/a", uid_t{0}}}) {
    INFO(name);
    struct stat status {};
    REQUIRE(::stat((directory / name).c_str(), &status) == 0);
    CHECK(status.st_uid == owner);
    CHECK(status.st_gid == (owner == user ? group : 0));
  }
}

}  // namespace fd_test
