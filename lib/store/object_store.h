#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "io/fd.h"

namespace pgrecall {

struct ObjectInfo {
  std::string name;
  std::uint64_t size = 0;  // bytes
  Time modified;
};

// What put() stores. It can be read any number of times, so that a retry starts from the beginning.
class ObjectBody {
 public:
  virtual ~ObjectBody() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Hands out all bytes in order, in pieces of any size; a piece is valid during the call only.
  virtual void for_each_piece(const std::function<void(ByteView)>& visit) const = 0;
};

// Bytes in memory, borrowed: they must outlive the body.
class MemoryBody final : public ObjectBody {
 public:
  explicit MemoryBody(ByteView bytes) : pieces_{bytes} {}
  explicit MemoryBody(std::vector<ByteView> pieces) : pieces_(std::move(pieces)) {}
  [[nodiscard]] std::uint64_t size() const override;
  void for_each_piece(const std::function<void(ByteView)>& visit) const override;

 private:
  std::vector<ByteView> pieces_;
};

// A whole open file, borrowed.
class FileBody final : public ObjectBody {
 public:
  FileBody(const Fd& fd, std::uint64_t size, std::string path) : fd_(fd), size_(size), path_(std::move(path)) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void for_each_piece(const std::function<void(ByteView)>& visit) const override;

 private:
  const Fd& fd_;
  std::uint64_t size_;
  std::string path_;
};

// One object, open for reading. Safe for many threads.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Changes whenever the object's content does; only leases ever change. Used by replace() and remove_version().
  [[nodiscard]] virtual std::string version() const = 0;
  // Reads until `out` is full or the object ends; returns the bytes read.
  [[nodiscard]] virtual std::size_t read(std::uint64_t offset, MutableByteView out) const = 0;
};

enum class [[nodiscard]] PutResult{created, already_exists};
enum class [[nodiscard]] ReplaceResult{replaced, changed, missing};

// Bytes of the store's underlying space.
struct StoreSpace {
  std::uint64_t total = 0;
  std::uint64_t available = 0;
};

// Named, immutable objects: a directory, memory, a bucket. Names are '/'-separated parts of [A-Za-z0-9._-]+, none of them "." or
// "..", at most 512 bytes in all; anything else is Error{usage}. No object's name may be another's with "/..." behind it ("a" and
// "a/b"): a directory cannot hold both. Safe for many threads and many processes.
//
// Errors: store_unreachable, with passing() set where a retry may help (disk full, I/O, network), `failed` for what will not
// pass (permission). What a caller expects is a value. After a put() that threw, the object is there whole or not at all.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Stores the object durably and atomically under a name that is not taken; never touches an existing object. After either
  // answer the object of that name is durable.
  virtual PutResult put(const std::string& name, const ObjectBody& body) = 0;
  // Null when there is no such object.
  [[nodiscard]] virtual std::unique_ptr<ObjectReader> open(const std::string& name) = 0;
  // Every object whose name starts with `prefix` (any string, also half a part), in no particular order. Objects put or
  // removed meanwhile may be seen or not. Nothing of a put() under way or broken off is ever seen.
  virtual void list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) = 0;
  // False when it was not there.
  virtual bool remove(const std::string& name) = 0;

  // For leases: acts only while the object's version is still the given one, atomically among all processes.
  virtual ReplaceResult replace(const std::string& name, const std::string& version, const ObjectBody& body) = 0;
  virtual ReplaceResult remove_version(const std::string& name, const std::string& version) = 0;

  // Removes what broken-off puts left behind longer ago than `age` (temporary files, unfinished uploads); returns the bytes
  // freed.
  virtual std::uint64_t remove_leftovers(std::chrono::seconds age) = 0;
  // Nothing where the store cannot tell.
  [[nodiscard]] virtual std::optional<StoreSpace> space() = 0;
  // For people, without credentials: "file:///srv/backup".
  [[nodiscard]] virtual std::string address() const = 0;
};

// The whole object, or nothing when absent. Error{corruption} when larger than `limit` bytes.
[[nodiscard]] std::optional<Bytes> read_object(ObjectStore& store, const std::string& name, std::uint64_t limit);
// True for one part of an object's name, as between two slashes.
[[nodiscard]] bool valid_name_part(std::string_view part) noexcept;
// Throws Error{usage} unless `name` is well formed.
void check_object_name(std::string_view name);
// Opens the store at "file:///path" (%XX as in any URL) or at a plain absolute path, taken as it is. Error{usage} for other
// schemes, hosts and relative paths. The directory need not exist yet; put() makes it.
[[nodiscard]] std::unique_ptr<ObjectStore> open_store(const std::string& url);

}  // namespace pgrecall
