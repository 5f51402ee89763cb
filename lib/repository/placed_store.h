#pragma once

#include <functional>
#include <utility>

#include "store/forwarding_store.h"

namespace pgrecall {

// A store that is used only while it holds the repository that was opened in it. A directory is there also when its file system
// is not: without this, backups and WAL would be stored in the directory beneath the mount point and look well, and a repository
// that nobody can see would look empty.
//
// Error{store_unreachable} where `in_place` says no: before and after something is stored, and whenever something is not found.
// What is found needs no such question.
class PlacedStore final : public ForwardingStore {
 public:
  using InPlace = std::function<bool(ObjectStore& inner)>;
  PlacedStore(InnerStore inner, InPlace in_place) : ForwardingStore(std::move(inner)), in_place_(std::move(in_place)) {}

  PutResult put(const std::string& name, const ObjectBody& body) override;
  std::unique_ptr<ObjectReader> open(const std::string& name) override;
  void list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  bool remove(const std::string& name) override;
  ReplaceResult replace(const std::string& name, const std::string& expected_version, const ObjectBody& body) override;
  ReplaceResult remove_version(const std::string& name, const std::string& expected_version) override;
  std::optional<StoreSpace> space() override;

  [[nodiscard]] bool in_place() const { return in_place_(inner()); }

 private:
  void require_place() const;

  InPlace in_place_;
};

}  // namespace pgrecall
