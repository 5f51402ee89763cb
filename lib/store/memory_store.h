#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "store/object_store.h"

namespace pgrecall {

// Objects in memory, for tests and for measuring everything but a disk. Safe for many threads. Readers keep what they opened,
// also when it is removed or replaced.
class MemoryStore final : public ObjectStore {
 public:
  MemoryStore();
  // `clock` dates the objects.
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  // From now on a put or replace that would make all contents together larger fails like a full disk.
  void limit_to(std::uint64_t bytes) { limit_ = bytes; }

  PutResult put(const std::string& name, const ObjectBody& body) override;
  std::unique_ptr<ObjectReader> open(const std::string& name) override;
  void list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  bool remove(const std::string& name) override;
  ReplaceResult replace(const std::string& name, const std::string& version, const ObjectBody& body) override;
  ReplaceResult remove_version(const std::string& name, const std::string& version) override;
  std::uint64_t remove_leftovers(std::chrono::seconds age) override;
  // Nothing without a limit.
  std::optional<StoreSpace> space() override;
  std::string address() const override { return "memory:"; }

 private:
  struct Object {
    Bytes content;
    Time modified;
    std::uint64_t version = 0;
  };
  class Reader;
  using Objects = std::map<std::string, std::shared_ptr<const Object>>;

  [[nodiscard]] std::shared_ptr<const Object> make_object(const std::string& name, const ObjectBody& body);
  void require_room(const std::string& name, std::uint64_t bytes) const;
  void erase(Objects::iterator object);

  const Clock& clock_;
  std::atomic<std::uint64_t> limit_ = UINT64_MAX;
  std::mutex mutex_;
  Objects objects_;
  std::uint64_t used_ = 0;
  std::uint64_t last_version_ = 0;
};

}  // namespace pgrecall
