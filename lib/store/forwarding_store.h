#pragma once

#include <memory>
#include <utility>

#include "store/object_store.h"

namespace pgrecall {

// The store beneath a decorator: borrowed (it must outlive the decorator) or owned.
class InnerStore {
 public:
  InnerStore(ObjectStore& borrowed) : store_(&borrowed) {}
  InnerStore(std::unique_ptr<ObjectStore> owned) : owned_(std::move(owned)), store_(owned_.get()) {}

  [[nodiscard]] ObjectStore* operator->() const noexcept { return store_; }
  [[nodiscard]] ObjectStore& operator*() const noexcept { return *store_; }

 private:
  std::unique_ptr<ObjectStore> owned_;
  ObjectStore* store_;
};

// A store that does everything as the one beneath it; a decorator overrides what it changes.
class ForwardingStore : public ObjectStore {
 public:
  explicit ForwardingStore(InnerStore inner) : inner_(std::move(inner)) {}

  PutResult put(const std::string& name, const ObjectBody& body) override { return inner_->put(name, body); }
  std::unique_ptr<ObjectReader> open(const std::string& name) override { return inner_->open(name); }
  void list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) override {
    inner_->list(prefix, visit);
  }
  bool remove(const std::string& name) override { return inner_->remove(name); }
  ReplaceResult replace(const std::string& name, const std::string& expected_version, const ObjectBody& body) override {
    return inner_->replace(name, expected_version, body);
  }
  ReplaceResult remove_version(const std::string& name, const std::string& expected_version) override {
    return inner_->remove_version(name, expected_version);
  }
  std::uint64_t remove_leftovers(std::chrono::seconds age) override { return inner_->remove_leftovers(age); }
  std::optional<StoreSpace> space() override { return inner_->space(); }
  std::string address() const override { return inner_->address(); }

 protected:
  [[nodiscard]] ObjectStore& inner() const noexcept { return *inner_; }

 private:
  InnerStore inner_;
};

}  // namespace pgrecall
