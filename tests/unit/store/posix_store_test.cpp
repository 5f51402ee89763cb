#include "store/posix_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "unit/io/temporary_directory.h"
#include "unit/store/conformance.h"

namespace posix_store_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {
const SystemClock system_clock;
constexpr auto unnamed = PendingFile::Naming::unnamed_if_possible;

// Every path below the root, without the store's own lock.
std::set<std::string> paths_below(const std::string& root) {
  std::set<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    paths.insert(entry.path().string().substr(root.size() + 1));
  }
  paths.erase(".pgrecall+tmp");
  paths.erase(".pgrecall+tmp/lock");
  return paths;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

std::vector<std::string> listed(ObjectStore& store) {
  std::vector<std::string> names;
  store.list("", [&](const ObjectInfo& info) { names.push_back(info.name); });
  return names;
}

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

// While it is read, calls `meanwhile`.
class InterruptedBody final : public ObjectBody {
 public:
  explicit InterruptedBody(std::function<void()> meanwhile) : meanwhile_(std::move(meanwhile)) {}
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  void for_each_piece(const std::function<void(ByteView)>& visit) const override {
    visit(bytes_of(text_));
    meanwhile_();
  }

 private:
  std::string text_ = pattern(600'000, 1);
  std::function<void()> meanwhile_;
};
}  // namespace

TEST_CASE("an object is a file of its name, readable by owner and group") {
  const TemporaryDirectory directory;
  const std::string root = directory / "store";
  const mode_t mask = ::umask(0);
  PosixStore store(root, system_clock, GENERATE(unnamed, PendingFile::Naming::named));
  REQUIRE(put_text(store, "a/b/c", "content") == PutResult::created);
  REQUIRE(store.replace("a/b/c", version_of(store, "a/b/c"), MemoryBody(bytes_of("new"))) == ReplaceResult::replaced);
  ::umask(mask);
  CHECK(paths_below(root) == std::set<std::string>{"a", "a/b", "a/b/c"});
  CHECK(mode_of(root + "/a/b/c") == 0640);
  CHECK(mode_of(root + "/a/b") == 0750);
  CHECK(mode_of(root) == 0750);
  std::ifstream file(root + "/a/b/c");
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "new");
}

TEST_CASE("only putting makes anything") {
  const TemporaryDirectory directory;
  const std::string root = directory / "store";
  PosixStore store(root, system_clock);
  CHECK(store.open("a") == nullptr);
  CHECK_FALSE(store.remove("a"));
  CHECK(store.replace("a", "v", MemoryBody(bytes_of("x"))) == ReplaceResult::missing);
  CHECK(store.remove_version("a", "v") == ReplaceResult::missing);
  CHECK(listed(store).empty());
  CHECK(store.remove_leftovers(0s) == 0);
  CHECK(store.space()->total > 0);
  CHECK_FALSE(fs::exists(root));
}

TEST_CASE("an equal object is there already") {
  const TemporaryDirectory directory;
  PosixStore store(directory.path(), system_clock);
  REQUIRE(put_text(store, "a", "x") == PutResult::created);
  CHECK(put_text(store, "a", "x") == PutResult::already_exists);
  CHECK(paths_below(directory.path()) == std::set<std::string>{"a"});
}

TEST_CASE("directories go with their last object, never the root") {
  const TemporaryDirectory directory;
  const std::string root = directory / "store";
  PosixStore store(root, system_clock);
  REQUIRE(put_text(store, "a/b/c/one", "x") == PutResult::created);
  REQUIRE(put_text(store, "a/two", "x") == PutResult::created);
  CHECK(store.remove("a/b/c/one"));
  CHECK(paths_below(root) == std::set<std::string>{"a", "a/two"});
  CHECK(store.remove_version("a/two", version_of(store, "a/two")) == ReplaceResult::replaced);
  CHECK(paths_below(root).empty());
  CHECK(fs::exists(root));
}

TEST_CASE("files that no object's name fits are left alone") {
  const TemporaryDirectory directory;
  PosixStore store(directory.path(), system_clock);
  REQUIRE(put_text(store, "a", "x") == PutResult::created);
  fs::create_directories(directory / "lost+found");
  std::ofstream(directory / "lost+found/#123") << "x";
  std::ofstream(directory / "with space") << "x";
  fs::create_symlink("/nonexistent", directory / "dangling");
  CHECK(::mkfifo((directory / "pipe").c_str(), 0600) == 0);
  CHECK(listed(store) == std::vector<std::string>{"a"});
}

TEST_CASE("a directory linked back into the store ends the walk") {
  const TemporaryDirectory directory;
  PosixStore store(directory.path(), system_clock);
  REQUIRE(put_text(store, "a/object", "x") == PutResult::created);
  fs::create_directory_symlink(directory.path(), directory / "a/back");
  std::size_t count = 0;
  store.list("a/object", [&](const ObjectInfo&) { ++count; });
  CHECK(count == 1);
  CHECK_THROWS_AS(store.list("", [&](const ObjectInfo&) {}), Error);
}

TEST_CASE("an object cannot have a directory's name, nor lie below an object") {
  const TemporaryDirectory directory;
  PosixStore store(directory.path(), system_clock, GENERATE(unnamed, PendingFile::Naming::named));
  REQUIRE(put_text(store, "a/b", "x") == PutResult::created);
  CHECK(error_of([&] { return put_text(store, "a", "y"); }).kind() == ErrorKind::failed);
  CHECK(error_of([&] { return put_text(store, "a/b/c", "y"); }).kind() == ErrorKind::failed);
  CHECK(store.open("a") == nullptr);
  CHECK(store.open("a/b/c") == nullptr);
  CHECK_FALSE(store.remove("a"));
  CHECK_FALSE(store.remove("a/b/c"));
  CHECK(paths_below(directory.path()) == std::set<std::string>{"a", "a/b"});
}

TEST_CASE("an object on its way is not seen") {
  const TemporaryDirectory directory;
  PosixStore store(directory.path(), system_clock, GENERATE(unnamed, PendingFile::Naming::named));
  bool seen = false;
  const InterruptedBody body([&] { seen = !listed(store).empty() || store.open("a/b") != nullptr; });
  REQUIRE(store.put("a/b", body) == PutResult::created);
  CHECK_FALSE(seen);
  CHECK(listed(store) == std::vector<std::string>{"a/b"});
}

TEST_CASE("a name taken while the body was written keeps its object") {
  const TemporaryDirectory directory;
  PosixStore store(directory.path(), system_clock, GENERATE(unnamed, PendingFile::Naming::named));
  const InterruptedBody body([&] { REQUIRE(put_text(store, "a/b", "faster") == PutResult::created); });
  CHECK(store.put("a/b", body) == PutResult::already_exists);
  CHECK(get_text(store, "a/b") == "faster");
  CHECK(paths_below(directory.path()) == std::set<std::string>{"a", "a/b"});
}

TEST_CASE("a put under way is no leftover, however old") {
  const TemporaryDirectory directory;
  ManualClock clock(SystemClock().now() + 1000h);
  PosixStore store(directory.path(), clock, PendingFile::Naming::named);
  std::uint64_t freed = 1;
  const InterruptedBody body([&] { freed = store.remove_leftovers(1h); });
  CHECK(store.put("a", body) == PutResult::created);
  CHECK(freed == 0);
}

TEST_CASE("leftovers go when they are old enough, and nothing else goes") {
  const TemporaryDirectory directory;
  ManualClock clock(SystemClock().now());
  PosixStore store(directory.path(), clock);
  REQUIRE(put_text(store, "a", "x") == PutResult::created);
  REQUIRE(store.remove("a"));  // makes the lock
  std::ofstream(directory / ".pgrecall+tmp/put-0123") << "12345";
  std::ofstream(directory / ".pgrecall+tmp/foreign") << "12345";
  clock.advance(59min);
  CHECK(store.remove_leftovers(1h) == 0);
  CHECK(fs::exists(directory / ".pgrecall+tmp/put-0123"));
  clock.advance(2min);
  CHECK(store.remove_leftovers(1h) == 5);
  CHECK_FALSE(fs::exists(directory / ".pgrecall+tmp/put-0123"));
  CHECK(fs::exists(directory / ".pgrecall+tmp/lock"));
  CHECK(fs::exists(directory / ".pgrecall+tmp/foreign"));
}

TEST_CASE("a version is the SHA-256 of the content") {
  const TemporaryDirectory directory;
  PosixStore store(directory.path(), system_clock);
  REQUIRE(put_text(store, "a", "abc") == PutResult::created);
  CHECK(version_of(store, "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, B.1
  const std::string large = pattern(600'000, 1);
  REQUIRE(put_text(store, "b", large) == PutResult::created);
  CHECK(version_of(store, "b") == sha256(bytes_of(large)).to_string());
}

}  // namespace posix_store_test
