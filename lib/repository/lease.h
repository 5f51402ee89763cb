#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "repository/repository.h"

namespace pgrecall {

// The right to write backups for a cluster, or to delete: docs/repository-format.md, "Checked JSON". Renewed by its own thread;
// given back by the destructor. A lease whose owner is dead heals itself: at once when the owner ran on this host (its process is
// gone), else one lifetime after it has expired: the holder stops trusting its lease at its expiry, so clocks of two hosts may
// differ by a lifetime before both could believe to hold it, and even then the older holder notices at its next renewal.
//
// The repository's store and the clock must outlive it. Safe for many threads.
class Lease {
 public:
  struct Holder {
    std::string owner;  // for people
    Time taken;
    Time expires;
    std::string why;
  };
  struct Options {
    std::chrono::seconds lifetime{90};
    std::chrono::milliseconds renew_every{20'000};  // 0: no thread; the caller renews
  };

  // Null when another holds it; `holder` then says who. Throws on store errors.
  static std::unique_ptr<Lease> acquire(const Repository& repository, const std::string& name, const std::string& why,
                                        const Clock& clock, std::optional<Holder>& holder, Options options);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // Throws Error{held} when it was lost or could not be renewed in time. Called before each commit. Asks the store only when the
  // lease seems to have run out.
  void require() const;
  // What the lease's own thread does every so often. Throws nothing: a failure counts when it lasts until the lease runs out.
  void renew();

 private:
  struct State;
  explicit Lease(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Leases that are there now, for `repo info` and verify.
struct ListedLease {
  std::string name;
  Lease::Holder holder;
};
[[nodiscard]] std::vector<ListedLease> list_leases(const Repository& repository);

}  // namespace pgrecall
