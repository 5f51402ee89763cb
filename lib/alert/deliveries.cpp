#include "alert/deliveries.h"

#include <algorithm>
#include <random>

#include "alert/delivery_step.h"
#include "base/error.h"

namespace pgrecall {

namespace {
using namespace std::chrono_literals;

// A clock that jumps is seen at least this soon.
constexpr auto longest_nap = 30s;
constexpr auto told_again_after = 1h;
constexpr auto sent_kept = std::chrono::hours(24 * 30);
}  // namespace

// The messages to one receiver. All but run() is for any thread.
class Deliveries::Queue {
 public:
  Queue(Deliveries& owner, std::string receiver, const AlertsConfig& config) : owner_(owner), receiver_(std::move(receiver)) {
    take(config);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  void configure(const AlertsConfig& config) {
    {
      const std::lock_guard lock(mutex_);
      take(config);
      paused_.reset();
      news_ = true;
    }
    wake_.notify_all();
  }

  void look() {
    {
      const std::lock_guard lock(mutex_);
      news_ = true;
    }
    wake_.notify_all();
  }

  void request_stop() { thread_.request_stop(); }

  [[nodiscard]] ReceiverFigures figures() const {
    const std::lock_guard lock(mutex_);
    return figures_;
  }

 private:
  void take(const AlertsConfig& config) {
    config_ = config.receivers.at(receiver_);
    rules_ = rules_of(config, config_);
    repeat_interval_ = config.repeat_interval;
    figures_.receiver = receiver_;
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::chrono::milliseconds nap = longest_nap;
      bool good = try_to([&] { nap = step(stop); });
      good = try_to([&] { mark_sent(); }) && good;
      good = try_to([&] { owner_.outbox_.write_kept(); }) && good;
      if (good) {
        trouble_.clear();
      }
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, nap, [this] { return news_; });
      news_ = false;
    }
  }

  // Whether it could be done. Each trouble is told once until all is well again.
  template <typename Work>
  bool try_to(const Work& work) {
    try {
      work();
      return true;
    } catch (const std::exception& error) {
      if (trouble_ != error.what()) {
        trouble_ = error.what();
        owner_.listener_.on_trouble("messages for receiver " + receiver_ + " are sent, but cannot be kept: " + trouble_);
      }
      return false;
    }
  }

  // How long there is nothing to do.
  std::chrono::milliseconds step(const std::stop_token& stop) {
    const Time now = owner_.clock_.now();
    std::vector<Outgoing> waiting = owner_.outbox_.waiting(receiver_);
    std::erase_if(waiting, [this](const Outgoing& message) { return unmarked_.contains(message.id); });
    DeliveryStep next;
    {
      const std::lock_guard lock(mutex_);
      figures_.waiting = waiting.size();
      next = next_step(waiting, rules_, paused_, now);
    }
    if (const auto* wait = std::get_if<delivery_step::Wait>(&next)) {
      const auto until = wait->until ? std::chrono::ceil<std::chrono::milliseconds>(*wait->until - now) : longest_nap;
      return std::clamp<std::chrono::milliseconds>(until, 1ms, longest_nap);
    }
    if (const auto* lost = std::get_if<delivery_step::GiveUp>(&next)) {
      for (const Outgoing& message : lost->messages) {
        give_up(message.id, message.notification,
                "given up after " + std::to_string(message.tries) + " tries: " + message.problem);
      }
    } else {
      send(std::get<delivery_step::Send>(next), stop);
    }
    return 0ms;
  }

  void send(const delivery_step::Send& message, const std::stop_token& stop) {
    DeliveryOrder order;
    {
      const std::lock_guard lock(mutex_);
      order = {receiver_, config_, repeat_interval_, owner_.clock_.now(), stop};
    }
    const DeliveryResult result = deliver(order, message.notification);
    if (result.outcome == DeliveryResult::Outcome::taken) {
      taken(message, result);
    } else if (!stop.stop_requested()) {  // an attempt that was broken off says nothing of the receiver
      failed(message, result);
    }
  }

  void taken(const delivery_step::Send& message, const DeliveryResult& result) {
    const Time now = owner_.clock_.now();
    for (const std::int64_t id : message.ids) {
      unmarked_.emplace(id, now);
    }
    bool was_failing = false;
    {
      const std::lock_guard lock(mutex_);
      was_failing = failures_ > 0;
      failures_ = 0;
      paused_.reset();
      ++figures_.delivered;
      figures_.last_success = now;
      figures_.failing_since.reset();
      figures_.barred = false;
      figures_.last_given_up.reset();
      figures_.problem.clear();
    }
    owner_.listener_.on_taken(receiver_, message.notification, result.remark);
    if (was_failing) {
      owner_.outbox_.retry_soon(receiver_);
    }
    owner_.outbox_.forget(now - sent_kept);
  }

  // Until the outbox can be written, as on a full disk, what was sent is not sent again.
  void mark_sent() {
    while (!unmarked_.empty()) {
      const auto first = unmarked_.begin();
      owner_.outbox_.mark_sent(first->first, first->second);
      unmarked_.erase(first);
    }
  }

  void failed(const delivery_step::Send& message, const DeliveryResult& result) {
    const Time now = owner_.clock_.now();
    const bool for_good = result.outcome == DeliveryResult::Outcome::refused;
    const bool barred = result.outcome == DeliveryResult::Outcome::barred;
    std::chrono::milliseconds pause{};
    {
      const std::lock_guard lock(mutex_);
      ++failures_;
      pause = std::max<std::chrono::milliseconds>(backoff(failures_, dice_(random_)), result.retry_after.value_or(0s));
      // What was refused for good says nothing of the next message.
      paused_ = for_good ? std::nullopt : std::optional(now + pause);
      if (barred) {
        paused_ = now + (pause = std::max<std::chrono::milliseconds>(pause, longest_nap));
      }
      figures_.barred = barred;
      ++figures_.failures[result.reason];
      figures_.failing_since = figures_.failing_since.value_or(now);
      figures_.problem = result.problem;
    }
    for (const std::int64_t id : message.ids) {
      if (for_good) {
        give_up(id, message.notification, result.problem);
      } else {
        owner_.outbox_.mark_tried(id, now, now + pause, result.problem);
      }
    }
    if (!for_good && (!told_ || now - *told_ >= told_again_after || failures_ == 1)) {
      told_ = now;
      owner_.listener_.on_failing(receiver_, result.problem, pause);
    }
  }

  void give_up(std::int64_t id, const Notification& notification, const std::string& problem) {
    const Time now = owner_.clock_.now();
    owner_.outbox_.mark_dropped(id, now, problem);
    {
      const std::lock_guard lock(mutex_);
      ++figures_.given_up;
      figures_.last_given_up = now;
      figures_.failing_since = figures_.failing_since.value_or(now);
      figures_.problem = problem;
    }
    owner_.listener_.on_given_up(receiver_, notification, problem);
  }

  Deliveries& owner_;
  const std::string receiver_;
  // Of the thread alone.
  std::optional<Time> told_;
  std::string trouble_;
  std::map<std::int64_t, Time> unmarked_;  // taken by the receiver; the outbox does not know yet
  std::mt19937 random_{std::random_device{}()};
  std::uniform_real_distribution<double> dice_{0.0, 1.0};

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable_any wake_;
  bool news_ = false;
  ReceiverConfig config_;
  DeliveryRules rules_;
  std::chrono::milliseconds repeat_interval_{};
  std::optional<Time> paused_;
  unsigned failures_ = 0;  // in a row
  ReceiverFigures figures_;

  std::jthread thread_;
};

Deliveries::Deliveries(Outbox& outbox, const Clock& clock, DeliveryListener& listener)
    : outbox_(outbox), clock_(clock), listener_(listener) {
  outbox_.on_added([this] {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, queue] : queues_) {
      queue->look();
    }
  });
}

Deliveries::~Deliveries() {
  outbox_.on_added({});
  // All are asked before any is waited for.
  for (const auto& [name, queue] : queues_) {
    queue->request_stop();
  }
}

void Deliveries::configure(const AlertsConfig& config) {
  const std::lock_guard lock(mutex_);
  for (auto queue = queues_.begin(); queue != queues_.end();) {
    if (config.receivers.contains(queue->first)) {
      ++queue;
    } else {
      queue->second->request_stop();
      leaving_.push_back(std::move(queue->second));
      queue = queues_.erase(queue);
    }
  }
  for (const std::string& receiver : outbox_.receivers()) {
    if (config.receivers.contains(receiver)) {
      outbox_.retry_soon(receiver);
      continue;
    }
    for (const Outgoing& message : outbox_.waiting(receiver)) {
      outbox_.mark_dropped(message.id, clock_.now(), "the configuration has no such receiver any more");
    }
  }
  for (const auto& [name, receiver] : config.receivers) {
    if (const auto found = queues_.find(name); found != queues_.end()) {
      found->second->configure(config);
    } else {
      queues_.emplace(name, std::make_unique<Queue>(*this, name, config));
    }
  }
}

std::vector<ReceiverFigures> Deliveries::figures() const {
  const std::lock_guard lock(mutex_);
  std::vector<ReceiverFigures> all;
  for (const auto& [name, queue] : queues_) {
    all.push_back(queue->figures());
  }
  return all;
}

}  // namespace pgrecall
