#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "store/posix_store.h"
#include "unit/io/temporary_directory.h"
#include "unit/store/conformance.h"

namespace posix_processes_test {

// What other processes, other users and small file systems do to a store.

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;

namespace {
const SystemClock system_clock;
constexpr auto unnamed = PendingFile::Naming::unnamed_if_possible;
constexpr auto named = PendingFile::Naming::named;

// Runs `call` in a child process; the child ends with its result, or 255 after an exception.
template <typename Call>
pid_t start_child(const Call& call) {
  const pid_t child = ::fork();
  if (child == 0) {
    int result = 255;
    try {
      result = call();
    } catch (const std::exception& error) {
      (void)std::fputs(error.what(), stderr);
    }
    ::_exit(result);
  }
  REQUIRE(child > 0);
  return child;
}

int result_of(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
}

std::size_t count_objects(ObjectStore& store) {
  std::size_t count = 0;
  store.list("", [&](const ObjectInfo&) { ++count; });
  return count;
}

std::ptrdiff_t temporary_files(const std::string& root) {
  const std::filesystem::directory_iterator files(root + "/.pgrecall+tmp");
  return std::count_if(begin(files), end(files), [](const auto& entry) { return entry.path().filename() != "lock"; });
}

// Ends the process, without a word, after `pieces` pieces of 100,000 bytes.
class FatalBody final : public ObjectBody {
 public:
  explicit FatalBody(int pieces) : pieces_(pieces) {}
  [[nodiscard]] std::uint64_t size() const override { return 1'000'000; }
  void for_each_piece(const std::function<void(ByteView)>& visit) const override {
    const std::string piece = pattern(100'000, 1);
    for (int i = 0; i < pieces_; ++i) {
      visit(bytes_of(piece));
    }
    ::_exit(77);
  }

 private:
  int pieces_;
};

// A tmpfs of 1 MiB. Not there when this system does not let us mount.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=1m,nr_inodes=100") == 0;
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;
  ~SmallFileSystem() {
    if (mounted_) {
      (void)::umount(path_.c_str());
    }
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

template <typename Call>
Error error_of(const Call& call) {
  try {
    (void)call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no Error was thrown");
  throw std::logic_error("not reached");
}
}  // namespace

TEST_CASE("of puts by several processes, exactly one creates each object") {
  const TemporaryDirectory directory;
  constexpr int objects = 40;
  const auto naming = GENERATE(unnamed, named);
  const auto put_all = [&](unsigned who) {
    PosixStore store(directory / "store", system_clock, naming);
    int created = 0;
    for (int i = 0; i < objects; ++i) {
      const std::string name = "d" + std::to_string(i) + "/object";
      created += put_text(store, name, pattern(1000, who)) == PutResult::created ? 1 : 0;
    }
    return created;
  };
  const pid_t first = start_child([&] { return put_all(1); });
  const pid_t second = start_child([&] { return put_all(2); });
  CHECK(result_of(first) + result_of(second) == objects);
  PosixStore store(directory / "store", system_clock);
  CHECK(count_objects(store) == objects);
}

TEST_CASE("of replaces by several processes, exactly one changes each version") {
  const TemporaryDirectory directory;
  constexpr int rounds = 50;
  PosixStore store(directory.path(), system_clock);
  REQUIRE(put_text(store, "lease", "0") == PutResult::created);
  // Each counts the number in the object up, and counts how often it was the one to do so.
  const auto count_up = [&] {
    PosixStore mine(directory.path(), system_clock);
    int replaced = 0;
    while (true) {
      const auto reader = mine.open("lease");
      Bytes content(static_cast<std::size_t>(reader->size()));
      (void)reader->read(0, content);
      const int number = std::stoi(std::string(text_of(content)));
      if (number >= rounds) {
        return replaced;
      }
      const std::string next = std::to_string(number + 1);
      replaced += mine.replace("lease", reader->version(), MemoryBody(bytes_of(next))) == ReplaceResult::replaced ? 1 : 0;
    }
  };
  const pid_t first = start_child(count_up);
  const pid_t second = start_child(count_up);
  CHECK(result_of(first) + result_of(second) == rounds);
  CHECK(get_text(store, "lease") == std::to_string(rounds));
}

TEST_CASE("a put that dies leaves nothing to be seen") {
  const TemporaryDirectory directory;
  const std::string root = directory / "store";
  const int pieces = GENERATE(0, 5, 10);
  SECTION("and nothing at all, where files need no name") {
    CHECK(result_of(
              start_child([&] { return static_cast<int>(PosixStore(root, system_clock).put("a/b", FatalBody(pieces))); })) == 77);
    PosixStore store(root, system_clock);
    CHECK(count_objects(store) == 0);
    CHECK(temporary_files(root) == 0);
    CHECK(put_text(store, "a/b", "next") == PutResult::created);
  }
  SECTION("but a leftover to be removed, where they do") {
    CHECK(result_of(start_child(
              [&] { return static_cast<int>(PosixStore(root, system_clock, named).put("a/b", FatalBody(pieces))); })) == 77);
    ManualClock clock(SystemClock().now() + 1h);
    PosixStore store(root, clock, named);
    CHECK(count_objects(store) == 0);
    CHECK(put_text(store, "a/b", "next") == PutResult::created);
    CHECK(store.remove_leftovers(2h) == 0);
    // What was not yet worth a write is not in the file.
    const std::uint64_t freed = store.remove_leftovers(30min);
    CHECK(freed <= static_cast<std::uint64_t>(pieces) * 100'000);
    CHECK((freed > 0) == (pieces > 2));
    CHECK(temporary_files(root) == 0);
    CHECK(get_text(store, "a/b") == "next");
  }
}

TEST_CASE("a full disk fails the put, gives its space back and breaks nothing") {
  const TemporaryDirectory directory;
  const SmallFileSystem small(directory / "small");
  if (!small.mounted()) {
    WARN("skipped: this system does not let the tests mount a tmpfs");
    return;
  }
  PosixStore store(small.path() + "/store", system_clock, GENERATE(unnamed, named));
  REQUIRE(put_text(store, "first", "x") == PutResult::created);
  const std::uint64_t available = store.space()->available;
  const Error error = error_of([&] { return put_text(store, "a/large", pattern(2'000'000, 1)); });
  CHECK(error.kind() == ErrorKind::store_unreachable);
  CHECK(error.passing());
  CHECK(error.message().find("No space left") != std::string::npos);
  CHECK_FALSE(error.hint().empty());
  CHECK(store.space()->available == available);
  CHECK(count_objects(store) == 1);
  const std::string version = version_of(store, "first");
  CHECK(error_of([&] { return store.replace("first", version, MemoryBody(bytes_of(pattern(2'000'000, 1)))); }).passing());
  CHECK(get_text(store, "first") == "x");
  CHECK(put_text(store, "a/large", pattern(500'000, 1)) == PutResult::created);
  CHECK(store.remove("a/large"));
  CHECK(store.space()->available + 8192 >= available);  // the lock's pages
}

TEST_CASE("objects can be removed from a disk without a free byte or inode") {
  const TemporaryDirectory directory;
  const SmallFileSystem small(directory / "small");
  if (!small.mounted()) {
    WARN("skipped: this system does not let the tests mount a tmpfs");
    return;
  }
  PosixStore store(small.path(), system_clock);
  const std::string content(GENERATE(std::size_t{0}, std::size_t{20'000}), 'x');
  std::size_t count = 0;
  bool full = false;
  while (!full) {
    try {
      count += put_text(store, "o" + std::to_string(count), content) == PutResult::created ? 1U : 0U;
    } catch (const Error& error) {
      full = true;
      CHECK(error.passing());
    }
  }
  REQUIRE(count > 10);
  CHECK(store.remove("o3"));
  CHECK(store.remove_version("o4", version_of(store, "o4")) == ReplaceResult::replaced);
  CHECK(put_text(store, "o3", content) == PutResult::created);
}

TEST_CASE("a store spread over file systems is refused, not half written") {
  const TemporaryDirectory directory;
  const SmallFileSystem small(directory / "store/clusters");
  if (!small.mounted()) {
    WARN("skipped: this system does not let the tests mount a tmpfs");
    return;
  }
  PosixStore store(directory / "store", system_clock, GENERATE(unnamed, named));
  const Error error = error_of([&] { return put_text(store, "clusters/a", "x"); });
  CHECK(error.kind() == ErrorKind::failed);
  CHECK_FALSE(error.passing());
  CHECK(error.message().find("file system") != std::string::npos);
  CHECK(count_objects(store) == 0);
}

TEST_CASE("what permissions forbid is an error that will not pass") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can become another user");
    return;
  }
  const TemporaryDirectory directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  PosixStore store(directory / "store", system_clock);
  REQUIRE(put_text(store, "private/a", "x") == PutResult::created);
  const auto refused = [](const auto& call) {
    try {
      (void)call();
    } catch (const Error& error) {
      return error.kind() == ErrorKind::failed && !error.passing() && !error.hint().empty();
    }
    return false;
  };
  const pid_t child = start_child([&] {
    if (::setegid(65534) != 0 || ::seteuid(65534) != 0) {
      return 200;
    }
    int wrong = 0;
    wrong |= refused([&] { return put_text(store, "b", "x"); }) ? 0 : 1;
    wrong |= refused([&] { return store.open("private/a"); }) ? 0 : 2;
    wrong |= refused([&] {
      store.list("", [](const ObjectInfo&) {});
      return 0;
    })
                 ? 0
                 : 4;
    wrong |= refused([&] { return store.remove("private/a"); }) ? 0 : 8;
    return wrong;
  });
  CHECK(result_of(child) == 0);
  CHECK(get_text(store, "private/a") == "x");
}

}  // namespace posix_processes_test
