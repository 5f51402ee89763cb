#include "repository/repository.h"

#include <sys/stat.h>

#include <fstream>

#include "codec/key_file.h"
#include "scratch_repository.h"
#include "store/posix_store.h"

namespace repository_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

constexpr auto sealed = Repository::Sealing::sealed;
constexpr auto plain = Repository::Sealing::none;

KeySource by_file(const std::string& path) { return {path, {}}; }
KeySource by_passphrase(const std::string& text) { return {{}, Secret(text)}; }

std::string only_key_object(ObjectStore& store) {
  std::vector<std::string> names;
  store.list("keys/", [&](const ObjectInfo& object) { names.push_back(object.name); });
  REQUIRE(names.size() == 1);
  return names.front();
}

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

struct Fixture {
  MemoryStore store;
  ManualClock clock{parse_time("2026-11-23T02:30:00Z").value() + std::chrono::milliseconds(250)};
  ScratchDirectory directory;
  std::string key_path = directory.path() + "/keys/main.key";

  ErrorKind open_error(const KeySource& key) {
    return error_of([&] { static_cast<void>(Repository::open(store, key)); }).kind();
  }
  ErrorKind create_error(Repository::Sealing sealing, const KeySource& key) {
    return error_of([&] { static_cast<void>(Repository::create(store, sealing, key, clock)); }).kind();
  }
  void change(const std::string& name, const std::function<void(Bytes&)>& edit) {
    Bytes bytes = read_object(store, name, 1U << 20U).value();
    edit(bytes);
    REQUIRE(store.remove(name));
    REQUIRE(store.put(name, MemoryBody(bytes)) == PutResult::created);
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A repository that is not sealed opens as what it was made") {
  const Repository made = Repository::create(store, plain, {}, clock);
  const Repository opened = Repository::open(store, {});
  CHECK(opened.identity().id == made.identity().id);
  CHECK(opened.identity().id.size() == 32);
  CHECK(opened.identity().created == made.identity().created);
  CHECK(format_time(opened.identity().created) == "2026-11-23T02:30:00Z");
  CHECK(opened.identity().created_by.starts_with("pgrecall "));
  CHECK_FALSE(opened.sealed());
  CHECK(opened.data_key() == nullptr);
  CHECK(opened.export_key().empty());
  CHECK(opened.keys().empty());
}

TEST_CASE_METHOD(Fixture, "A sealed repository makes its key file, for its owner alone, and opens with it") {
  const Repository made = Repository::create(store, sealed, by_file(key_path), clock);
  struct stat status {};
  REQUIRE(::stat(key_path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
  const Repository opened = Repository::open(store, by_file(key_path));
  CHECK(std::ranges::equal(opened.data_key()->reveal(), made.data_key()->reveal()));
  REQUIRE(opened.keys().size() == 1);
  CHECK(opened.keys()[0].kind == "key_file");
  CHECK("keys/" + opened.keys()[0].id + ".json" == only_key_object(store));
}

TEST_CASE_METHOD(Fixture, "A key file that exists is used and not touched") {
  write_file(directory.path() + "/k", format_key_file({KeyFileKind::wrapping, Key::random()}).reveal());
  const Repository made = Repository::create(store, sealed, by_file(directory.path() + "/k"), clock);
  MemoryStore second_store;
  const Repository second = Repository::create(second_store, sealed, by_file(directory.path() + "/k"), clock);
  CHECK_FALSE(std::ranges::equal(made.data_key()->reveal(), second.data_key()->reveal()));
  CHECK(Repository::open(store, by_file(directory.path() + "/k")).sealed());
}

TEST_CASE_METHOD(Fixture, "A passphrase opens what it sealed, and no other does") {
  static_cast<void>(Repository::create(store, sealed, by_passphrase("correct horse"), clock));
  CHECK(Repository::open(store, by_passphrase("correct horse")).keys().at(0).kind == "passphrase");
  CHECK(open_error(by_passphrase("correct horsf")) == ErrorKind::wrong_key);
  CHECK(open_error(by_passphrase("")) == ErrorKind::wrong_key);
}

TEST_CASE_METHOD(Fixture, "A key of the other sort is told what the repository was made with") {
  const auto hint = [this](const KeySource& key) {
    return error_of([&] { static_cast<void>(Repository::open(store, key)); }).hint();
  };
  SECTION("a passphrase, where it is a key file") {
    static_cast<void>(Repository::create(store, sealed, by_file(key_path), clock));
    CHECK(hint(by_passphrase("x")).find("made with a key file") != std::string::npos);
  }
  SECTION("a key file, where it is a passphrase") {
    static_cast<void>(Repository::create(store, sealed, by_passphrase("x"), clock));
    const std::string other = directory.path() + "/k";
    write_file(other, format_key_file({KeyFileKind::wrapping, Key::random()}).reveal());
    CHECK(hint(by_file(other)).find("made with a passphrase") != std::string::npos);
  }
}

TEST_CASE_METHOD(Fixture, "Wrong keys of every sort are wrong_key, not corruption") {
  static_cast<void>(Repository::create(store, sealed, by_file(key_path), clock));
  const std::string other = directory.path() + "/other";
  SECTION("no key") { CHECK(open_error({}) == ErrorKind::wrong_key); }
  SECTION("a passphrase where a key file is right") { CHECK(open_error(by_passphrase("x")) == ErrorKind::wrong_key); }
  SECTION("no such file") { CHECK(open_error(by_file(other)) == ErrorKind::wrong_key); }
  SECTION("another wrapping key") {
    write_file(other, format_key_file({KeyFileKind::wrapping, Key::random()}).reveal());
    CHECK(open_error(by_file(other)) == ErrorKind::wrong_key);
  }
  SECTION("the exported key of another repository") {
    write_file(other, format_key_file({KeyFileKind::repository, Key::random()}).reveal());
    CHECK(open_error(by_file(other)) == ErrorKind::wrong_key);
  }
  SECTION("a damaged file") {
    write_file(other, "pgrecall-key-1 wrapping 00");
    CHECK(open_error(by_file(other)) == ErrorKind::wrong_key);
  }
  SECTION("a file that is no key at all, and large") {
    write_file(other, std::string(100'000, 'x'));
    CHECK(open_error(by_file(other)) == ErrorKind::wrong_key);
  }
  SECTION("both") { CHECK(open_error({key_path, Secret("x")}) == ErrorKind::usage); }
}

TEST_CASE_METHOD(Fixture, "A key given for a repository that is not sealed is refused") {
  static_cast<void>(Repository::create(store, plain, {}, clock));
  CHECK(open_error(by_passphrase("x")) == ErrorKind::wrong_key);
  CHECK(open_error(by_file(key_path)) == ErrorKind::wrong_key);
}

TEST_CASE_METHOD(Fixture, "An exported key opens the repository without its key objects") {
  const Repository made = Repository::create(store, sealed, by_file(key_path), clock);
  const std::string exported = directory.path() + "/exported";
  write_file(exported, made.export_key().reveal());
  REQUIRE(store.remove(only_key_object(store)));
  CHECK(open_error(by_file(key_path)) == ErrorKind::wrong_key);
  const Repository opened = Repository::open(store, by_file(exported));
  CHECK(std::ranges::equal(opened.data_key()->reveal(), made.data_key()->reveal()));
  CHECK(opened.export_key().reveal() == made.export_key().reveal());
  // It is one repository's key: a new repository is not sealed with it.
  MemoryStore empty;
  CHECK(error_of([&] { static_cast<void>(Repository::create(empty, sealed, by_file(exported), clock)); }).kind() ==
        ErrorKind::usage);
}

TEST_CASE_METHOD(Fixture, "Every flipped byte of pgrecall.json and of the key object is corruption") {
  static_cast<void>(Repository::create(store, sealed, by_file(key_path), clock));
  for (const std::string& name : {std::string("pgrecall.json"), only_key_object(store)}) {
    const std::size_t size = read_object(store, name, 1U << 20U).value().size();
    for (std::size_t at = 0; at < size; ++at) {
      const auto flip = [&](Bytes& bytes) { bytes[at] ^= std::byte{4}; };
      change(name, flip);
      const Error error = error_of([&] { static_cast<void>(Repository::open(store, by_file(key_path))); });
      REQUIRE(error.kind() == ErrorKind::corruption);
      REQUIRE(error.context("object") == name);
      change(name, flip);
    }
  }
  CHECK(Repository::open(store, by_file(key_path)).sealed());
}

TEST_CASE_METHOD(Fixture, "One damaged key object does not keep another key from opening") {
  static_cast<void>(Repository::create(store, sealed, by_file(key_path), clock));
  REQUIRE(store.put("keys/0000000000000000.json", MemoryBody(bytes_of("{}"))) == PutResult::created);
  CHECK(Repository::open(store, by_file(key_path)).sealed());
  CHECK(open_error(by_passphrase("x")) == ErrorKind::corruption);  // that one might have been it
}

TEST_CASE_METHOD(Fixture, "The key object of another repository opens nothing") {
  const std::string path = key_path;
  static_cast<void>(Repository::create(store, sealed, by_file(path), clock));
  MemoryStore other;
  static_cast<void>(Repository::create(other, sealed, by_file(path), clock));
  const Bytes foreign = read_object(other, only_key_object(other), 1U << 20U).value();
  change(only_key_object(store), [&](Bytes& bytes) { bytes = foreign; });
  CHECK(open_error(by_file(path)) == ErrorKind::wrong_key);
}

TEST_CASE_METHOD(Fixture, "A repository is made in empty places only") {
  SECTION("one is there") {
    static_cast<void>(Repository::create(store, plain, {}, clock));
    CHECK(create_error(plain, {}) == ErrorKind::failed);
  }
  SECTION("something else is there") {
    REQUIRE(store.put("holiday.jpg", MemoryBody(bytes_of("x"))) == PutResult::created);
    CHECK(create_error(plain, {}) == ErrorKind::failed);
    CHECK_FALSE(read_object(store, "pgrecall.json", 1000));
  }
  SECTION("a key object of a try that was broken off is no obstacle") {
    REQUIRE(store.put("keys/0000000000000000.json", MemoryBody(bytes_of("torn"))) == PutResult::created);
    static_cast<void>(Repository::create(store, sealed, by_file(key_path), clock));
    CHECK(Repository::open(store, by_file(key_path)).sealed());
  }
  SECTION("no key, and a key too many") {
    CHECK(create_error(sealed, {}) == ErrorKind::wrong_key);
    CHECK(create_error(plain, by_passphrase("x")) == ErrorKind::wrong_key);
  }
}

TEST_CASE_METHOD(Fixture, "An empty place is no repository") { CHECK(open_error({}) == ErrorKind::no_repository); }

TEST_CASE_METHOD(Fixture, "Key objects that ask for gigabytes are refused before anything is derived") {
  static_cast<void>(Repository::create(store, sealed, by_passphrase("p"), clock));
  change(only_key_object(store), [&](Bytes& bytes) {
    std::string text(text_of(bytes));
    const std::string cost = "\"memory_bytes\": ";
    text.insert(text.find(cost) + cost.size(), "99999");
    const std::size_t digest_at = text.size() - 68;
    text.replace(digest_at, 64, sha256(bytes_of(std::string_view(text).substr(0, digest_at))).to_string());
    bytes.assign(bytes_of(text).begin(), bytes_of(text).end());
  });
  CHECK(open_error(by_passphrase("p")) == ErrorKind::corruption);
}

TEST_CASE_METHOD(Fixture,
                 "What goes away beneath an open repository is no empty repository, and nothing is stored in its place") {
  const std::string root = directory.path() + "/srv";
  PosixStore files(root, clock);
  const Repository repository = Repository::create(files, plain, {}, clock);
  ObjectStore& seen = repository.store();
  const MemoryBody body(bytes_of("x"));
  REQUIRE(seen.put("clusters/a", body) == PutResult::created);
  const auto version = seen.open("clusters/a")->version();

  const auto unreachable = [](const auto& call) { return error_of(call).kind() == ErrorKind::store_unreachable; };
  const auto all_refused = [&] {
    CHECK(unreachable([&] { static_cast<void>(seen.put("clusters/b", body)); }));
    CHECK(unreachable([&] { static_cast<void>(seen.open("clusters/a")); }));
    CHECK(unreachable([&] { seen.list("", [](const ObjectInfo&) {}); }));
    CHECK(unreachable([&] { seen.remove("clusters/a"); }));
    CHECK(unreachable([&] { static_cast<void>(seen.replace("clusters/a", version, body)); }));
    CHECK(unreachable([&] { static_cast<void>(seen.remove_version("clusters/a", version)); }));
    CHECK(unreachable([&] { static_cast<void>(seen.space()); }));
  };
  std::filesystem::rename(root, root + ".away");
  all_refused();
  CHECK_FALSE(std::filesystem::exists(root));
  {
    static_cast<void>(Repository::create(files, plain, {}, clock));
    all_refused();
    CHECK(files.open("clusters/b") == nullptr);
  }
  std::filesystem::remove_all(root);
  std::filesystem::rename(root + ".away", root);
  CHECK(seen.open("clusters/a") != nullptr);
  CHECK(seen.put("clusters/b", body) == PutResult::created);
  CHECK(seen.remove("clusters/a"));
}

TEST_CASE_METHOD(Fixture, "An object that was stored while the repository went away was not stored") {
  const std::string root = directory.path() + "/srv";
  PosixStore files(root, clock);
  const Repository repository = Repository::create(files, plain, {}, clock);
  class LeavingBody final : public ObjectBody {
   public:
    explicit LeavingBody(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] std::uint64_t size() const override { return 1; }
    void for_each_piece(const std::function<void(ByteView)>& visit) const override {
      visit(bytes_of("x"));
      std::filesystem::rename(path_, path_ + ".away");
    }

   private:
    std::string path_;
  };
  const LeavingBody leaving(root);
  CHECK(error_of([&] { static_cast<void>(repository.store().put("clusters/a", leaving)); }).kind() ==
        ErrorKind::store_unreachable);
}

}  // namespace repository_test
