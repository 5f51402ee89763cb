#pragma once

#include <optional>
#include <string>

#include "store/forwarding_store.h"

namespace pgrecall::test {

// A store of which one object is other than it was put, or gone. Everything else is as beneath; what is put vanishes, so that one
// store serves many tries.
class DamagedStore final : public ForwardingStore {
 public:
  explicit DamagedStore(ObjectStore& inner) : ForwardingStore(inner) {}

  // Nothing as `content`: the object is missing.
  void damage(const std::string& name, std::optional<Bytes> content) {
    name_ = name;
    content_ = std::move(content);
  }

  PutResult put(const std::string& name, const ObjectBody& body) override;
  std::unique_ptr<ObjectReader> open(const std::string& name) override;
  void list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) override;

 private:
  class Reader;

  std::string name_;
  std::optional<Bytes> content_;
};

}  // namespace pgrecall::test
