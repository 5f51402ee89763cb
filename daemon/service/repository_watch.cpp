#include "service/repository_watch.h"

#include <algorithm>

#include "base/error.h"
#include "io/rate_limiter.h"
#include "service/space_trend.h"

namespace pgrecall {

namespace {
using namespace std::chrono_literals;

constexpr std::chrono::minutes between_samples = 60min;
constexpr std::chrono::hours samples_kept = 24h * 7;
// Every object is looked at.
constexpr std::chrono::minutes between_sums = 60min;
}  // namespace

RepositoryWatch::RepositoryWatch(Options options, RepositoryPool& pool, Journal& journal)
    : options_(std::move(options)), pool_(pool), journal_(journal) {
  figures_.repository = options_.repository;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void RepositoryWatch::look() {
  {
    const std::lock_guard lock(mutex_);
    look_ = true;
  }
  wake_.notify_all();
}

bool RepositoryWatch::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

RepositoryFigures RepositoryWatch::figures() const {
  RepositoryFigures figures;
  {
    const std::lock_guard lock(mutex_);
    figures = figures_;
  }
  if (auto counted = pool_.requests(options_.repository)) {
    figures.requests = std::move(counted->requests);
    figures.request_seconds = std::move(counted->seconds);
    figures.bytes_in = counted->bytes_in;
    figures.bytes_out = counted->bytes_out;
    figures.retries = counted->retries;
  }
  return figures;
}

void RepositoryWatch::run(const std::stop_token& stop) {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return look_; })) {
        ended_ = true;
        return;
      }
      look_ = false;
    }
    look_once(stop);
  }
}

void RepositoryWatch::look_once(const std::stop_token& stop) {
  RepositoryFigures figures;
  {
    const std::lock_guard lock(mutex_);
    figures = figures_;
  }
  try {
    figures.problem.clear();
    const auto opened = pool_.get(options_.repository, options_.config);
    if (!opened->repository->in_place()) {
      // The directory beneath a mount point would be measured.
      throw Error(ErrorKind::store_unreachable, "the repository is not at its address any more",
                  "is its file system mounted, and is it this one?");
    }
    measure_space(figures, *opened->store);
    sum_up(figures, *opened->store, stop);
  } catch (const std::exception& error) {
    figures.problem = error.what();
  }
  const std::lock_guard lock(mutex_);
  figures_ = std::move(figures);
}

void RepositoryWatch::measure_space(RepositoryFigures& figures, ObjectStore& store) {
  const std::optional<StoreSpace> space = store.space();
  if (!space) {
    return;
  }
  figures.free_bytes = space->available;
  figures.capacity_bytes = space->total;
  const Time now = options_.clock->now();
  std::vector<SpaceSample> samples = journal_.samples(options_.repository);
  if (samples.empty() || now - samples.back().time >= between_samples || now < samples.back().time) {
    journal_.add_sample(options_.repository, {now, space->total - std::min(space->total, space->available)}, now - samples_kept);
    samples = journal_.samples(options_.repository);
  }
  figures.growth_bytes_per_second = space_trend(samples);
  figures.full_at = full_at(now, space->available, figures.growth_bytes_per_second);
}

void RepositoryWatch::sum_up(RepositoryFigures& figures, ObjectStore& store, const std::stop_token& stop) {
  const auto now = std::chrono::steady_clock::now();
  if (summed_up_ && now - *summed_up_ < between_sums) {
    return;
  }
  std::uint64_t sum = 0;
  store.list("", [&](const ObjectInfo& object) {
    throw_if_stopped(stop);
    sum += object.size;
  });
  figures.stored_bytes = sum;
  summed_up_ = now;
}

}  // namespace pgrecall
