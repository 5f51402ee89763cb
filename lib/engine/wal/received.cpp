#include "engine/wal/received.h"

#include <algorithm>

namespace pgrecall {

namespace {
constexpr std::chrono::milliseconds time_distance{500};  // between two times that are remembered
constexpr std::size_t max_times = 256;
}  // namespace

void ReceivedWal::begin(const WalSegment& segment, Tails tails) {
  {
    const std::lock_guard lock(mutex_);
    if (segment.timeline != timeline_) {
      times_.clear();
      complete_until_ = {};
      durable_.store(0);
    }
    timeline_ = segment.timeline;
    growing_ = segment;
    tail_end_ = tails == Tails::none_yet ? segment.start() : Lsn{};
    update_stored_until();
  }
  changed_.notify_all();
}

void ReceivedWal::set_durable(Lsn durable) {
  durable_.store(durable.value);
  if (growth_awaited_.load()) {
    // Whoever waits has looked at durable_ with the lock held, before or after this.
    { const std::lock_guard lock(mutex_); }
    grown_.notify_all();
  }
}

void ReceivedWal::add(SpoolItem item, Lsn tail_end) {
  item.number = next_number_++;
  pending_.emplace(item.number, Pending{.item = item, .tail_end = tail_end, .taken = false, .refused = false});
  update_stored_until();
}

void ReceivedWal::complete(const WalSegment& segment) {
  {
    const std::lock_guard lock(mutex_);
    const Lsn tail_end = growing_ == segment ? tail_end_ : Lsn{};
    growing_.reset();
    timeline_ = segment.timeline;
    complete_until_ = segment.end();
    last_complete_ = segment;
    add({.kind = SpoolItem::Kind::segment, .segment = segment, .length = segment.size, .timeline = 0, .number = 0}, tail_end);
  }
  changed_.notify_all();
}

void ReceivedWal::give_up(const WalSegment& segment, std::uint64_t length) {
  {
    const std::lock_guard lock(mutex_);
    if (growing_ == segment) {
      growing_.reset();
    }
    add({.kind = SpoolItem::Kind::rest, .segment = segment, .length = length, .timeline = 0, .number = 0}, {});
  }
  changed_.notify_all();
}

void ReceivedWal::add_history(Timeline timeline) {
  {
    const std::lock_guard lock(mutex_);
    add({.kind = SpoolItem::Kind::history, .segment = {}, .length = 0, .timeline = timeline, .number = 0}, {});
  }
  changed_.notify_all();
}

void ReceivedWal::add_time(const WalTime& at) {
  const std::lock_guard lock(mutex_);
  if (!times_.empty() && times_.back().timeline == at.timeline) {
    if (times_.back().lsn == at.lsn) {
      times_.back().time = std::max(times_.back().time, at.time);
      return;
    }
    if (at.time - times_.back().time < time_distance) {
      return;
    }
  }
  if (times_.size() == max_times) {  // the repository is far behind: thin them out
    for (std::size_t i = 1; i < times_.size(); ++i) {
      times_.erase(times_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  times_.push_back(at);
}

void ReceivedWal::add_last_time(const WalTime& at) {
  const std::lock_guard lock(mutex_);
  times_.push_back(at);
}

std::optional<SpoolItem> ReceivedWal::take() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (cancelled_) {
      return std::nullopt;
    }
    const auto next = std::ranges::find_if(pending_, [](const auto& each) { return !each.second.taken; });
    if (next != pending_.end()) {
      next->second.taken = true;
      return next->second.item;
    }
    if (finishing_) {
      return std::nullopt;
    }
    changed_.wait(lock);
  }
}

void ReceivedWal::stored(const SpoolItem& item) {
  {
    const std::lock_guard lock(mutex_);
    pending_.erase(item.number);
    ++stored_count_;
    if (item.kind == SpoolItem::Kind::segment) {
      ++stored_segments_;
      last_stored_ = std::max(last_stored_.value_or(item.segment), item.segment);
    }
    update_stored_until();
  }
  changed_.notify_all();
  notify_stored();
}

void ReceivedWal::give_up_storing(const SpoolItem& item) {
  const std::lock_guard lock(mutex_);
  pending_.at(item.number).refused = true;
}

std::optional<ReceivedWal::Growing> ReceivedWal::growing() const {
  const std::lock_guard lock(mutex_);
  if (!growing_) {
    return std::nullopt;
  }
  return Growing{.segment = *growing_, .durable = durable(), .tail_end = tail_end_};
}

void ReceivedWal::tail_stored(const WalSegment& segment, Lsn until) {
  {
    const std::lock_guard lock(mutex_);
    if (growing_ == segment) {
      tail_end_ = std::max(tail_end_, until);
    }
    for (auto& [number, each] : pending_) {
      if (each.item.kind == SpoolItem::Kind::segment && each.item.segment == segment) {
        each.tail_end = std::max(each.tail_end, until);
      }
    }
    update_stored_until();
  }
  notify_stored();
}

void ReceivedWal::wait_for_growth(std::optional<Lsn> known, std::chrono::milliseconds longest) {
  std::unique_lock lock(mutex_);
  growth_awaited_ = known.has_value();
  grown_.wait_for(lock, longest, [&] { return finishing_ || (known && durable_.load() > known->value); });
  growth_awaited_ = false;
}

std::optional<WalTime> ReceivedWal::take_time() {
  const std::lock_guard lock(mutex_);
  std::optional<WalTime> best;
  while (!times_.empty() && times_.front().lsn <= stored_until()) {
    best = times_.front();
    if (times_.size() == 1) {
      break;  // stays, for the next keepalive of an idle server to renew
    }
    times_.pop_front();
  }
  return best;
}

std::optional<Time> ReceivedWal::durable_time() const {
  const std::lock_guard lock(mutex_);
  std::optional<Time> newest;
  for (const WalTime& each : times_) {
    if (each.lsn <= durable()) {
      newest = std::max(newest.value_or(each.time), each.time);
    }
  }
  return newest;
}

bool ReceivedWal::holds_rest_of(const WalSegment& segment) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(pending_, [&](const auto& each) {
    return each.second.item.kind == SpoolItem::Kind::rest && each.second.item.segment == segment;
  });
}

ReceivedWal::Waiting ReceivedWal::waiting() const {
  const std::lock_guard lock(mutex_);
  Waiting result;
  result.last_complete = last_complete_;
  result.last_stored = last_stored_;
  result.stored_segments = stored_segments_;
  for (const auto& [number, each] : pending_) {
    result.segments += each.item.kind != SpoolItem::Kind::history;
    result.refused += each.refused;
  }
  return result;
}

void ReceivedWal::wait_for_room(std::chrono::milliseconds longest, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const std::uint64_t before = stored_count_;
  changed_.wait_for(lock, stop, longest, [&] { return stored_count_ != before; });
}

void ReceivedWal::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  changed_.notify_all();
  grown_.notify_all();
}

void ReceivedWal::cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    finishing_ = true;
  }
  changed_.notify_all();
  grown_.notify_all();
}

bool ReceivedWal::finishing() const {
  const std::lock_guard lock(mutex_);
  return finishing_;
}

void ReceivedWal::on_stored(std::function<void()> callback) {
  const std::lock_guard lock(callback_mutex_);
  on_stored_ = std::move(callback);
}

void ReceivedWal::notify_stored() {
  const std::lock_guard lock(callback_mutex_);
  if (on_stored_) {
    on_stored_();
  }
}

// With the lock held.
void ReceivedWal::update_stored_until() {
  Lsn until;
  if (!pending_.empty()) {
    const Pending& first = pending_.begin()->second;
    if (first.item.kind == SpoolItem::Kind::segment && first.item.segment.timeline == timeline_) {
      until = std::max(first.item.segment.start(), first.tail_end);
    }
  } else if (growing_) {
    until = tail_end_.valid() ? tail_end_ : growing_->start();
  } else {
    until = complete_until_;
  }
  stored_until_.store(until.value, std::memory_order_release);
}

}  // namespace pgrecall
