#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/forwarding_store.h"

namespace pgrecall {

// What a store can be asked for; `read` and `version` are a reader's.
enum class StoreOperationKind { put, open, read, version, list, remove, replace, remove_version, remove_leftovers, space };
[[nodiscard]] std::string_view name(StoreOperationKind kind) noexcept;

struct StoreOperation {
  std::uint64_t number = 0;  // in the order of their beginnings, from 1
  StoreOperationKind kind = StoreOperationKind::put;
  std::string object;  // name or prefix; empty for space and remove_leftovers
};

enum class FaultEffect {
  error_before,  // fails, nothing happened
  error_midway,  // put, replace: fails after half of the body was taken; list: after the first object; else as error_before
  error_after,   // happened, but fails: the ambiguous case
  disk_full,     // put, replace only: as error_midway, with what ENOSPC gives
  short_read,    // read only: half of the bytes that are there
  flipped_byte,  // read only: one bit in the middle is wrong
};

// Whether the error says that trying again may help (store_unreachable), or not (failed).
enum class FaultNature { passing, permanent };

struct Fault {
  FaultEffect effect = FaultEffect::error_before;
  FaultNature nature = FaultNature::permanent;
};

// Says for each operation, before it begins, whether and how it fails. Called by one thread at a time.
using FaultPlan = std::function<std::optional<Fault>(const StoreOperation&)>;

// Operation `number` fails, no other.
[[nodiscard]] FaultPlan fault_at(std::uint64_t number, Fault fault);
// Operation `number` and all later ones fail.
[[nodiscard]] FaultPlan fault_from(std::uint64_t number, Fault fault);

struct FaultRecord {
  StoreOperation operation;
  std::optional<FaultEffect> injected;  // nothing where the plan had no fault, or one that does not fit the operation
};

// Counts operations, keeps a log of them, and makes them fail as planned. For tests. Without a plan it only counts. Safe for many
// threads; must outlive its readers.
class FaultStore final : public ForwardingStore {
 public:
  explicit FaultStore(InnerStore inner, FaultPlan plan = {}) : ForwardingStore(std::move(inner)), plan_(std::move(plan)) {}

  void set_plan(FaultPlan plan);
  [[nodiscard]] std::uint64_t operations() const;
  // How many operations were made to fail.
  [[nodiscard]] std::uint64_t injected() const;
  [[nodiscard]] std::vector<FaultRecord> log() const;

  PutResult put(const std::string& name, const ObjectBody& body) override;
  std::unique_ptr<ObjectReader> open(const std::string& name) override;
  void list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  bool remove(const std::string& name) override;
  ReplaceResult replace(const std::string& name, const std::string& version, const ObjectBody& body) override;
  ReplaceResult remove_version(const std::string& name, const std::string& version) override;
  std::uint64_t remove_leftovers(std::chrono::seconds age) override;
  std::optional<StoreSpace> space() override;

 private:
  class Reader;
  // One operation: its number and what is to go wrong with it.
  struct Begun {
    StoreOperation operation;
    std::optional<Fault> fault;

    [[nodiscard]] bool has(FaultEffect effect) const { return fault && fault->effect == effect; }
    [[noreturn]] void fail() const;
  };

  [[nodiscard]] Begun begin(StoreOperationKind kind, const std::string& object);
  template <typename Call>
  auto simple(StoreOperationKind kind, const std::string& object, const Call& call);
  template <typename Call>
  auto storing(StoreOperationKind kind, const std::string& object, const ObjectBody& body, const Call& call);

  mutable std::mutex mutex_;
  FaultPlan plan_;
  std::vector<FaultRecord> log_;
  std::uint64_t injected_ = 0;
};

}  // namespace pgrecall
