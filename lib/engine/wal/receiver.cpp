#include "engine/wal/receiver.h"

#include <algorithm>

namespace pgrecall {

namespace {
// At full speed nothing ends a batch; so much is synced and acknowledged at a time then.
constexpr std::uint64_t max_unsynced = 8U << 20U;  // bytes
constexpr std::chrono::milliseconds noting_interval{500};
constexpr std::size_t max_unacknowledged = 256;  // batches whose time is taken; the others go with the newest of them
}  // namespace

WalReceiver::WalReceiver(WalSpool& spool, SpoolWriter& writer, ReceivedWal& received, Timeline timeline, Options options)
    : spool_(spool), writer_(writer), received_(received), timeline_(timeline), options_(std::move(options)) {}

bool WalReceiver::has_room(const WalSpool& spool, std::uint64_t limit) noexcept {
  return spool.used() + 2ULL * spool.segment_size() <= limit;
}

void WalReceiver::on_wal(Lsn start, ByteView bytes, Time /*server_time*/) {
  if (options_.counters != nullptr) {
    options_.counters->received_bytes.fetch_add(bytes.size(), std::memory_order_relaxed);
  }
  if (start < writer_.position()->lsn) {
    const auto held =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), writer_.position()->lsn.value - start.value));
    writer_.compare(start, bytes.first(held));
    start.value += held;
    bytes = bytes.subspan(held);
    if (bytes.empty()) {
      return;
    }
  }
  if (options_.counters != nullptr) {
    if (!batch_) {
      batch_ = Batch{std::chrono::steady_clock::now(), {}};
    }
    batch_->end = Lsn{start.value + bytes.size()};
  }
  if (start >= room_until_) {
    // Looked at once a segment: without room for the one behind it, the stream ends with this one.
    const WalSegment segment = WalSegment::containing(timeline_, start, spool_.segment_size());
    room_until_ = segment.end();
    if (!has_room(spool_, options_.spool_limit)) {
      end_ = segment.end();
      options_.end_at(*end_);
    }
  }
  if (end_ && start.value + bytes.size() > end_->value) {
    bytes = bytes.first(static_cast<std::size_t>(end_->value - std::min(start.value, end_->value)));
  }
  writer_.write(start, bytes);
  if (writer_.unsynced() >= max_unsynced) {
    sync();
  }
}

void WalReceiver::sync() {
  writer_.sync();
  if (batch_) {
    if (unacknowledged_.size() < max_unacknowledged) {
      unacknowledged_.push_back(*batch_);
    } else {
      unacknowledged_.back().end = batch_->end;
    }
    batch_.reset();
  }
}

// The server's end and time belong to the moment at which it sent the message. What it had written when it sent the message
// before lies before the end that this one tells: so the earlier time and the later end make a pair that is true.
void WalReceiver::on_keepalive(Lsn server_end, Time server_time) {
  server_end_ = std::max(server_end_, server_end);
  if (last_message_ != Time{} && (leaving_ || last_message_ - last_noted_ >= noting_interval)) {
    last_noted_ = last_message_;
    const WalTime at{.timeline = timeline_, .lsn = server_end_, .time = last_message_};
    leaving_ ? received_.add_last_time(at) : received_.add_time(at);
    options_.seen({.end = server_end_, .time = server_time});
  }
  last_message_ = server_time;
}

void WalReceiver::on_batch_end() { sync(); }

Lsn WalReceiver::durable_position() const {
  const Lsn durable = writer_.durable();
  const Lsn safe = options_.acknowledge == WalAcknowledge::spool ? durable : std::min(durable, received_.stored_until());
  while (!unacknowledged_.empty() && unacknowledged_.front().end <= safe) {
    options_.counters->acknowledge.observe(std::chrono::steady_clock::now() - unacknowledged_.front().received);
    unacknowledged_.pop_front();
  }
  return safe;
}

}  // namespace pgrecall
