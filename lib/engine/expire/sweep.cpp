#include "engine/expire/sweep.h"

#include "base/error.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

// Removed between two looks at the lease and at whether to stop.
constexpr std::size_t batch_objects = 64;

void remove_all(const SweepPlan::Group& group, const Lease& lease, ObjectStore& store, SweepResult& result,
                const std::stop_token& stop) {
  for (std::size_t i = 0; i < group.names.size(); ++i) {
    if (i % batch_objects == 0) {
      throw_if_stopped(stop);
      lease.require();
    }
    result.objects += store.remove(group.names[i]) ? 1U : 0U;
  }
}

}  // namespace

std::unique_ptr<Lease> acquire_cluster_lease(const Repository& repository, const std::string& cluster, const std::string& why,
                                             const Clock& clock) {
  std::optional<Lease::Holder> holder;
  auto lease = Lease::acquire(repository, "backup-" + cluster, why, clock, holder, {});
  if (!lease) {
    throw Error(ErrorKind::held, "somebody else works on this cluster's backups",
                "wait for it to end; `pgrecall repo info` lists leases and their owners")
        .with("cluster", cluster)
        .with("owner", holder ? holder->owner : "unknown")
        .with("why", holder ? holder->why : "unknown")
        .with("since", holder ? format_time(holder->taken) : "unknown");
  }
  return lease;
}

SweepResult sweep_under(const Lease& lease, const Repository& repository, const SweepRequest& request, const Clock& clock,
                        Progress& progress, const std::stop_token& stop) {
  SweepResult result;
  progress.enter("looking for what nobody needs");
  const SweepPlan plan = plan_sweep(repository, request, clock.now());
  result.problems = plan.problems;
  result.notes = plan.notes;
  result.waiting_bytes = plan.waiting_bytes();
  progress.enter("removing what nobody needs");
  ObjectStore& store = repository.store();
  remove_all(plan.remains, lease, store, result, stop);
  result.remains_bytes = plan.remains.bytes;
  remove_all(plan.packs, lease, store, result, stop);
  result.pack_bytes = plan.packs.bytes;
  remove_all(plan.wal, lease, store, result, stop);
  result.wal_bytes = plan.wal.bytes;
  result.rewritten = rewrite_packs(
      repository, request, plan, clock.now(), [&lease] { lease.require(); }, progress, stop);
  result.problems.insert(result.problems.end(), result.rewritten.problems.begin(), result.rewritten.problems.end());
  result.objects += result.rewritten.removed_packs;
  result.waiting_bytes += result.rewritten.waiting_bytes;
  result.leftover_bytes = store.remove_leftovers(std::max(request.grace, std::chrono::seconds(std::chrono::hours(1))));
  const std::uint64_t freed = plan.bytes() + result.rewritten.removed_bytes + result.leftover_bytes;
  result.bytes = freed > result.rewritten.new_bytes ? freed - result.rewritten.new_bytes : 0;
  return result;
}

SweepResult sweep(const Repository& repository, const SweepRequest& request, const Clock& clock, Progress& progress,
                  const std::stop_token& stop) {
  const auto lease = acquire_cluster_lease(repository, request.cluster, "sweep of " + request.cluster, clock);
  return sweep_under(*lease, repository, request, clock, progress, stop);
}

}  // namespace pgrecall
