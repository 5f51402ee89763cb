#include "engine/backup_wal.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

WalSegmentStore::WalSegmentStore(const Repository& repository, Options options)
    : repository_(repository), options_(std::move(options)), spool_(options_.spool_directory) {}

void WalSegmentStore::begin_segment(Lsn at) {
  segment_ = WalSegment::containing(options_.timeline, at, options_.segment_size);
  if (at != segment_.start()) {
    throw Error(ErrorKind::failed, "WAL does not begin at the start of a segment").with("lsn", at.to_string());
  }
  checker_ = std::make_unique<WalPageChecker>(WalSegmentExpectation{
      .system_identifier = options_.system_identifier, .segment = segment_, .major_version = options_.major_version});
  spool_.truncate();
  if (!durable_.valid()) {
    durable_ = at;
  }
}

void WalSegmentStore::on_wal(Lsn start, ByteView bytes, Time /*server_time*/) {
  while (!bytes.empty()) {
    if (!checker_) {
      begin_segment(start);
    }
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), segment_.end().value - start.value));
    checker_->feed(bytes.first(part));
    spool_.append(bytes.first(part));
    start.value += part;
    bytes = bytes.subspan(part);
    if (start == segment_.end()) {
      checker_->finish();
      put(options_.segment_size);
      durable_ = segment_.end();
      checker_.reset();
    }
  }
}

void WalSegmentStore::on_keepalive(Lsn /*server_end*/, Time /*server_time*/) {}

void WalSegmentStore::put(std::uint64_t length) {
  WalDescription description{.system_identifier = options_.system_identifier,
                             .segment = segment_,
                             .from = 0,
                             .length = length,
                             .major_version = options_.major_version,
                             .digest = {}};
  const WalStored stored = put_wal(
      repository_, options_.cluster, description, [&](std::uint64_t offset, MutableByteView out) { spool_.read(offset, out); },
      options_.compression);
  if (stored.result == WalPutResult::stored) {
    object_bytes_ += stored.object_size;
  }
}

void WalSegmentStore::store_tail() {
  if (checker_) {
    put(spool_.size());
    durable_ = Lsn{segment_.start().value + spool_.size()};
  }
}

BackupWal::BackupWal(const Repository& repository, Connection connection, std::string slot, WalSegmentStore::Options options,
                     Failure& failure)
    : connection_(std::move(connection)),
      slot_(std::move(slot)),
      options_(options),
      failure_(failure),
      store_(repository, std::move(options)) {}

BackupWal::~BackupWal() {
  if (thread_.joinable()) {
    failure_.request_stop();
  }
}

void BackupWal::start(Lsn backup_start) {
  const WalSegment first = WalSegment::containing(options_.timeline, backup_start, options_.segment_size);
  stream_ = std::make_unique<WalStream>(connection_,
                                        WalStreamOptions{.slot = slot_, .start = first.start(), .timeline = options_.timeline});
  thread_ = std::jthread([this] { run(); });
}

void BackupWal::run() noexcept {
  try {
    const WalStreamOutcome outcome = stream_->run(store_);
    if (outcome.end != WalStreamEnd::reached_end) {
      throw Error(ErrorKind::database_unreachable,
                  outcome.end == WalStreamEnd::timeline_ended ? "the server was promoted to a new timeline while it was backed up"
                                                              : "the server shut down while it was backed up",
                  "start the backup again");
    }
  } catch (...) {
    failure_.set(std::current_exception());
  }
}

void BackupWal::finish(Lsn stop, LastSegment last) {
  // A stop position at the very start of a segment needs nothing of that segment.
  const WalSegment segment = WalSegment::containing(options_.timeline, Lsn{stop.value - 1}, options_.segment_size);
  stream_->end_at(last == LastSegment::whole ? segment.end() : stop);
  thread_.join();
  failure_.rethrow();
  if (last == LastSegment::tail) {
    store_.store_tail();
  }
  if (store_.stored_until() < stop) {
    throw Error(ErrorKind::failed, "WAL ends before the end of the backup")
        .with("stored", store_.stored_until().to_string())
        .with("stop", stop.to_string());
  }
}

}  // namespace pgrecall
