#pragma once

#include "store/forwarding_store.h"
#include "store/retry.h"

namespace pgrecall {

// Tries again what failed for a reason that may pass. Must outlive its readers.
//
// A call that failed may have had its effect all the same (the answer was lost). Hence, once a try has failed:
// - put() that then finds the name taken compares the stored bytes with the body. Equal is `created`: either our earlier try
//   stored them, or another put of the same bytes did, which is as good to a caller of an immutable store. Leases carry
//   a random token, so two owners' bytes never are equal. Different bytes are `already_exists`.
// - replace() that then finds another version compares likewise; equal is `replaced`.
// - remove() that then finds nothing says true, remove_version() says `replaced`: what was asked for is so. Another may have done
//   it between the tries; whoever races for a lease is told apart by the put that follows.
// - list() is tried again only while nothing was handed to the visitor, so that no object is visited twice by it.
// When the last try fails, its error is thrown, and the effect is there whole or not at all.
class RetryingStore final : public ForwardingStore {
 public:
  RetryingStore(InnerStore inner, Retry retry) : ForwardingStore(std::move(inner)), retry_(std::move(retry)) {}

  PutResult put(const std::string& name, const ObjectBody& body) override;
  std::unique_ptr<ObjectReader> open(const std::string& name) override;
  void list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  bool remove(const std::string& name) override;
  ReplaceResult replace(const std::string& name, const std::string& version, const ObjectBody& body) override;
  ReplaceResult remove_version(const std::string& name, const std::string& version) override;
  std::uint64_t remove_leftovers(std::chrono::seconds age) override;
  std::optional<StoreSpace> space() override;

 private:
  // Whether the object's content is the body's. Nothing when there is no such object.
  [[nodiscard]] std::optional<bool> holds(const std::string& name, const ObjectBody& body);

  Retry retry_;
};

}  // namespace pgrecall
