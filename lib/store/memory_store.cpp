#include "store/memory_store.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/error.h"

namespace pgrecall {

namespace {
const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}
}  // namespace

class MemoryStore::Reader final : public ObjectReader {
 public:
  explicit Reader(std::shared_ptr<const Object> object) : object_(std::move(object)) {}

  [[nodiscard]] std::uint64_t size() const override { return object_->content.size(); }
  [[nodiscard]] std::string version() const override { return std::to_string(object_->version); }
  [[nodiscard]] std::size_t read(std::uint64_t offset, MutableByteView out) const override {
    if (offset >= object_->content.size()) {
      return 0;
    }
    const ByteView rest = ByteView(object_->content).subspan(static_cast<std::size_t>(offset));
    const std::size_t count = std::min(rest.size(), out.size());
    std::copy_n(rest.begin(), count, out.begin());
    return count;
  }

 private:
  std::shared_ptr<const Object> object_;
};

MemoryStore::MemoryStore() : MemoryStore(system_clock()) {}

std::shared_ptr<const MemoryStore::Object> MemoryStore::make_object(const std::string& name, const ObjectBody& body) {
  auto object = std::make_shared<Object>();
  object->content.reserve(static_cast<std::size_t>(body.size()));
  body.for_each_piece([&](ByteView piece) { object->content.insert(object->content.end(), piece.begin(), piece.end()); });
  if (object->content.size() != body.size()) {
    throw Error(ErrorKind::failed, "object is not as long as announced")
        .with("object", name)
        .with("expected", body.size())
        .with("found", object->content.size());
  }
  object->modified = clock_.now();
  const std::lock_guard lock(mutex_);
  object->version = ++last_version_;
  return object;
}

void MemoryStore::require_room(const std::string& name, std::uint64_t bytes) const {
  if (bytes > limit_ || used_ > limit_ - bytes) {
    throw io_error("cannot write", name, ENOSPC);
  }
}

PutResult MemoryStore::put(const std::string& name, const ObjectBody& body) {
  check_object_name(name);
  std::shared_ptr<const Object> object = make_object(name, body);
  const std::lock_guard lock(mutex_);
  if (objects_.contains(name)) {
    return PutResult::already_exists;
  }
  require_room(name, object->content.size());
  used_ += object->content.size();
  objects_.emplace(name, std::move(object));
  return PutResult::created;
}

std::unique_ptr<ObjectReader> MemoryStore::open(const std::string& name) {
  check_object_name(name);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(name);
  return found == objects_.end() ? nullptr : std::make_unique<Reader>(found->second);
}

void MemoryStore::list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) {
  // Visited without the lock, so that the visitor may use the store.
  std::vector<ObjectInfo> found;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = objects_.lower_bound(prefix); at != objects_.end() && at->first.starts_with(prefix); ++at) {
      found.push_back({at->first, at->second->content.size(), at->second->modified});
    }
  }
  std::for_each(found.begin(), found.end(), visit);
}

void MemoryStore::erase(Objects::iterator object) {
  used_ -= object->second->content.size();
  objects_.erase(object);
}

bool MemoryStore::remove(const std::string& name) {
  check_object_name(name);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(name);
  if (found == objects_.end()) {
    return false;
  }
  erase(found);
  return true;
}

ReplaceResult MemoryStore::replace(const std::string& name, const std::string& version, const ObjectBody& body) {
  check_object_name(name);
  std::shared_ptr<const Object> object = make_object(name, body);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(name);
  if (found == objects_.end()) {
    return ReplaceResult::missing;
  }
  if (std::to_string(found->second->version) != version) {
    return ReplaceResult::changed;
  }
  require_room(name, object->content.size());
  used_ += object->content.size() - found->second->content.size();
  found->second = std::move(object);
  return ReplaceResult::replaced;
}

ReplaceResult MemoryStore::remove_version(const std::string& name, const std::string& version) {
  check_object_name(name);
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(name);
  if (found == objects_.end()) {
    return ReplaceResult::missing;
  }
  if (std::to_string(found->second->version) != version) {
    return ReplaceResult::changed;
  }
  erase(found);
  return ReplaceResult::replaced;
}

std::uint64_t MemoryStore::remove_leftovers(std::chrono::seconds /*age*/) { return 0; }

std::optional<StoreSpace> MemoryStore::space() {
  const std::uint64_t limit = limit_;
  if (limit == UINT64_MAX) {
    return std::nullopt;
  }
  const std::lock_guard lock(mutex_);
  return StoreSpace{limit, limit - std::min(used_, limit)};
}

}  // namespace pgrecall
