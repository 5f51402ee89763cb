#include "engine/wal/tail_uploader.h"

#include <fcntl.h>

#include <algorithm>

#include "base/error.h"
#include "io/fd.h"
#include "repository/names.h"
#include "repository/wal_archive.h"
#include "repository/wal_times.h"

namespace pgrecall {

namespace {
constexpr std::chrono::milliseconds tick_interval{1000};
constexpr std::chrono::milliseconds continuous_interval{100};
constexpr std::chrono::milliseconds retry_interval{2000};
// An idle server's time moves on without WAL; so often that is written down.
constexpr std::chrono::minutes idle_time_interval{5};
}  // namespace

TailUploader::TailUploader(const Repository& repository, WalStoring storing, WalSpool& spool, ReceivedWal& received,
                           StoreHealth& health, Options options)
    : repository_(repository),
      storing_(std::move(storing)),
      spool_(spool),
      received_(received),
      health_(health),
      options_(std::move(options)),
      thread_([this] { run(); }) {}

void TailUploader::run() {
  const auto interval = options_.pace == Pace::continuous ? continuous_interval : options_.interval;
  while (!received_.finishing()) {
    const SteadyTime began = std::chrono::steady_clock::now();
    try_upload();
    wait(std::max(began + interval, std::chrono::steady_clock::now() + (health_.failing() ? retry_interval : tick_interval * 0)));
  }
}

void TailUploader::finish() {
  thread_.join();
  try_upload();
  options_.tick();
}

void TailUploader::wait(SteadyTime next_upload) {
  SteadyTime now = std::chrono::steady_clock::now();
  for (; now < next_upload && !received_.finishing(); now = std::chrono::steady_clock::now()) {
    received_.wait_for_growth(std::nullopt,
                              std::min(tick_interval, std::chrono::ceil<std::chrono::milliseconds>(next_upload - now)));
    options_.tick();
  }
  if (options_.pace == Pace::continuous) {
    const auto growing = received_.growing();
    received_.wait_for_growth(growing ? std::max(growing->tail_end, growing->segment.start()) : received_.durable(),
                              tick_interval);
  }
}

void TailUploader::try_upload() {
  try {
    upload();
  } catch (const Error& error) {
    health_.failed(error);
  } catch (const std::exception& error) {
    health_.failed(Error(ErrorKind::failed, error.what()));
  }
}

void TailUploader::upload() {
  if (const auto growing = received_.growing(); growing && growing->durable > growing->segment.start()) {
    const Lsn from = known_tail_end(*growing);
    if (growing->durable > from && growing->durable < growing->segment.end()) {
      put_tail(*growing, from);
    }
  }
  put_time();
}

Lsn TailUploader::known_tail_end(const ReceivedWal::Growing& growing) {
  if (growing.tail_end.valid()) {
    return growing.tail_end;
  }
  const Lsn end = stored_tail_end(repository_, storing_.system, growing.segment);
  received_.tail_stored(growing.segment, end);
  return end;
}

void TailUploader::put_tail(const ReceivedWal::Growing& growing, Lsn from) {
  require_repository(repository_);
  const std::string partial = spool_.partial_path_of(growing.segment);
  Fd file = open_existing(partial, O_RDONLY);
  if (!file) {
    return;  // became whole meanwhile, and is stored as such
  }
  const std::uint64_t offset = from.value - growing.segment.start().value;
  const WalDescription description{.system_identifier = storing_.system.identifier,
                                   .segment = growing.segment,
                                   .from = static_cast<std::uint32_t>(offset),
                                   .length = growing.durable.value - from.value,
                                   .major_version = storing_.major_version,
                                   .digest = {}};
  static_cast<void>(put_wal(
      repository_, storing_.system.cluster, description,
      [&](std::uint64_t at, MutableByteView out) {
        if (read_at(file, offset + at, out, partial) != out.size()) {
          throw Error(ErrorKind::failed, "the spool's file is shorter than what was received", "look at the spool's disk")
              .with("path", partial);
        }
      },
      storing_.compression));
  require_stored(repository_, wal_tail_name(storing_.system, growing.segment, description.from,
                                            static_cast<std::uint32_t>(description.from + description.length)));
  health_.worked();
  received_.tail_stored(growing.segment, growing.durable);
}

void TailUploader::put_time() {
  const auto time = received_.take_time();
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!time || time == last_time_) {
    return;
  }
  const bool moved = !last_time_ || last_time_->timeline != time->timeline || last_time_->lsn != time->lsn;
  const auto since_last = now - last_time_put_;
  // The first time that is known behind a commit lies before it. So one more follows soon, and only then the server is idle.
  if (!received_.finishing() &&
      since_last < (moved || !idle_ ? std::min(options_.interval, tick_interval * 10) : idle_time_interval)) {
    return;
  }
  require_repository(repository_);
  put_wal_time(repository_, storing_.system.cluster, storing_.system.identifier, *time);
  health_.worked();
  last_time_ = time;
  last_time_put_ = now;
  idle_ = !moved;
}

}  // namespace pgrecall
