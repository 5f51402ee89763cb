#include <catch2/catch.hpp>
#include <stdexcept>

#include "base/error.h"
#include "io/temporary_file.h"
#include "unit/store/conformance.h"

namespace pgrecall::test {

namespace {
// Says to be longer than it is, or breaks off.
class BadBody final : public ObjectBody {
 public:
  enum class Fault { too_short, too_long, throws };
  explicit BadBody(Fault fault) : fault_(fault) {}
  [[nodiscard]] std::uint64_t size() const override { return 1'000'000; }
  void for_each_piece(const std::function<void(ByteView)>& visit) const override {
    const std::string text = pattern(fault_ == Fault::too_long ? 1'000'001 : 999'999, 1);
    visit(bytes_of(text));
    if (fault_ == Fault::throws) {
      throw std::runtime_error("the source broke off");
    }
  }

 private:
  Fault fault_;
};

bool listed(ObjectStore& store, const std::string& name) {
  bool found = false;
  store.list(name, [&](const ObjectInfo& info) { found = found || info.name == name; });
  return found;
}

void check_put_and_read(ObjectStore& store) {
  SECTION("what was put is read back") {
    CHECK(put_text(store, "a/b/c", "content") == PutResult::created);
    CHECK(get_text(store, "a/b/c") == "content");
  }
  SECTION("a name that is taken keeps its object") {
    REQUIRE(put_text(store, "a", "first") == PutResult::created);
    CHECK(put_text(store, "a", "second") == PutResult::already_exists);
    CHECK(get_text(store, "a") == "first");
  }
  SECTION("an object may be empty") {
    REQUIRE(put_text(store, "empty", "") == PutResult::created);
    const auto reader = store.open("empty");
    REQUIRE(reader);
    CHECK(reader->size() == 0);
    Bytes out(1);
    CHECK(reader->read(0, out) == 0);
    CHECK(put_text(store, "empty", "x") == PutResult::already_exists);
  }
  SECTION("an absent object is a value") {
    CHECK(store.open("none") == nullptr);
    CHECK(store.open("none/below") == nullptr);
    CHECK(read_object(store, "none", 10) == std::nullopt);
    CHECK_FALSE(store.remove("none"));
    CHECK_FALSE(store.remove("none/below"));
  }
}

void check_bodies(ObjectStore& store) {
  SECTION("a large file is stored whole") {
    const std::string text = pattern((std::size_t{5} << 20U) + 17, 3);
    TemporaryFile file;
    file.append(bytes_of(text));
    REQUIRE(store.put("large", FileBody(file.fd(), file.size(), "source")) == PutResult::created);
    CHECK(get_text(store, "large") == text);
  }
  SECTION("pieces of all sizes are joined in order") {
    std::vector<std::string> pieces;
    std::string whole;
    for (unsigned i = 0; i < 300; ++i) {
      pieces.push_back(pattern(i % 50 == 7 ? 300'000 : i, i));
      whole += pieces.back();
    }
    std::vector<ByteView> views;
    for (const std::string& piece : pieces) {
      views.push_back(bytes_of(piece));
    }
    REQUIRE(store.put("pieces", MemoryBody(views)) == PutResult::created);
    CHECK(get_text(store, "pieces") == whole);
  }
  SECTION("a body that breaks its word leaves nothing") {
    CHECK_THROWS(store.put("bad", BadBody(BadBody::Fault::too_short)));
    CHECK_THROWS(store.put("bad", BadBody(BadBody::Fault::too_long)));
    CHECK_THROWS_AS(store.put("bad", BadBody(BadBody::Fault::throws)), std::runtime_error);
    CHECK(store.open("bad") == nullptr);
    CHECK_FALSE(listed(store, "bad"));
    CHECK(put_text(store, "bad", "good") == PutResult::created);
    CHECK(get_text(store, "bad") == "good");
  }
}

void check_readers(ObjectStore& store) {
  SECTION("reading at and past the end gives what is there") {
    REQUIRE(put_text(store, "r", "0123456789") == PutResult::created);
    const auto reader = store.open("r");
    REQUIRE(reader);
    CHECK(reader->size() == 10);
    Bytes out(4);
    CHECK(reader->read(3, out) == 4);
    CHECK(text_of(out) == "3456");
    CHECK(reader->read(8, out) == 2);
    CHECK(text_of(ByteView(out).first(2)) == "89");
    CHECK(reader->read(10, out) == 0);
    CHECK(reader->read(1'000'000, out) == 0);
    CHECK(reader->read(0, {}) == 0);
  }
  SECTION("an open object can be read after it was removed") {
    REQUIRE(put_text(store, "r", "content") == PutResult::created);
    const auto reader = store.open("r");
    REQUIRE(reader);
    REQUIRE(store.remove("r"));
    Bytes out(7);
    CHECK(reader->read(0, out) == 7);
    CHECK(text_of(out) == "content");
  }
  SECTION("read_object bounds what it takes") {
    REQUIRE(put_text(store, "r", "12345") == PutResult::created);
    CHECK(text_of(*read_object(store, "r", 5)) == "12345");
    try {
      (void)read_object(store, "r", 4);
      FAIL("no Error was thrown");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::corruption);
      CHECK(error.context("object") == "r");
    }
  }
}

void check_removal(ObjectStore& store) {
  SECTION("a removed object is gone, and its name is free") {
    REQUIRE(put_text(store, "d/e/f", "old") == PutResult::created);
    REQUIRE(put_text(store, "d/g", "stays") == PutResult::created);
    CHECK(store.remove("d/e/f"));
    CHECK_FALSE(store.remove("d/e/f"));
    CHECK(store.open("d/e/f") == nullptr);
    CHECK_FALSE(listed(store, "d/e/f"));
    CHECK(get_text(store, "d/g") == "stays");
    CHECK(put_text(store, "d/e/f", "new") == PutResult::created);
    CHECK(get_text(store, "d/e/f") == "new");
  }
  SECTION("removing leftovers touches no object") {
    REQUIRE(put_text(store, "a", "x") == PutResult::created);
    CHECK(store.remove_leftovers(std::chrono::seconds(0)) == 0);
    CHECK(get_text(store, "a") == "x");
  }
  SECTION("space is told in sensible numbers or not at all") {
    if (const auto space = store.space()) {
      CHECK(space->total > 0);
      CHECK(space->available <= space->total);
    }
  }
}
}  // namespace

void check_objects(ObjectStore& store) {
  check_put_and_read(store);
  check_bodies(store);
  check_readers(store);
  check_removal(store);
}

}  // namespace pgrecall::test
