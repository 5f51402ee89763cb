#include "service/cluster_guard.h"

#include <algorithm>

#include "base/error.h"
#include "engine/canary.h"
#include "jobs/reception_options.h"
#include "service/canary_writer.h"
#include "service/window_facts.h"

namespace pgrecall {

namespace {
using namespace std::chrono_literals;

// Another host takes over two lifetimes after this one died. Each renewal is two requests to the store.
constexpr Lease::Options lease_options{.lifetime = 180s, .renew_every = 60'000ms};
constexpr std::chrono::milliseconds look_every = 60s;
constexpr std::size_t drills_looked_at = 60;
constexpr std::chrono::milliseconds ask_holder_every = 5s;
constexpr std::chrono::milliseconds first_pause = 2s;
constexpr std::chrono::milliseconds longest_pause = 5min;         // of the receiver
constexpr std::chrono::milliseconds longest_opening_pause = 60s;  // `repo init`, and it goes on
constexpr std::chrono::milliseconds refused_pause = 1h;
constexpr std::chrono::milliseconds slot_made_within = 5s;
constexpr std::ptrdiff_t max_known = 200;

std::string hint_of(const std::exception& error) {
  const auto* known = dynamic_cast<const Error*>(&error);
  return known != nullptr ? known->hint() : std::string();
}

BackupFacts facts_of(const Catalog& catalog) {
  BackupFacts facts;
  for (const ListedBackup& backup : catalog.backups) {
    Time& newest = facts.newest.try_emplace(std::string(name(backup.summary.keep)), Time::min()).first->second;
    newest = std::max(newest, backup.summary.started);
    facts.newest_started = std::max(facts.newest_started, std::optional(backup.summary.started));
    facts.newest_verified = std::max(facts.newest_verified, backup.verified);
    facts.backups.push_back(
        {backup.summary.id.text, std::string(name(backup.summary.keep)), backup.summary.started, backup.summary.finished});
  }
  if (std::ssize(facts.backups) > max_known) {
    facts.backups.erase(facts.backups.begin(), facts.backups.end() - max_known);
  }
  return facts;
}
}  // namespace

std::string_view name(GuardState state) noexcept {
  switch (state) {
    case GuardState::opening: return "opening";
    case GuardState::held_by_another: return "held_by_another";
    case GuardState::active: return "active";
    case GuardState::stopped: break;
  }
  return "stopped";
}

class ClusterGuard::Events final : public WalEvents {
 public:
  explicit Events(ClusterGuard& guard) : guard_(guard) {}
  void on_event(const WalEvent& event) noexcept override {
    if (told_already(event)) {
      return;
    }
    guard_.listener_.on_wal_event(guard_.options_.cluster, event);
    if (event.kind == WalEventKind::connected) {
      guard_.change([](GuardStatus& status) {
        status.receiver_problem.clear();
        status.receiver_hint.clear();
      });
    }
    if (event.kind == WalEventKind::gap) {
      const std::lock_guard lock(guard_.mutex_);
      guard_.lost_ = LostWal{event.timeline, event.until};
    }
    if (!event.harmless()) {
      guard_.look_again();
    }
  }

 private:
  // The receiver tries again and again, and one reason is one line of the log.
  bool told_already(const WalEvent& event) {
    const std::lock_guard lock(mutex_);
    if (event.kind == WalEventKind::connected) {
      told_.clear();
    }
    return event.kind == WalEventKind::disconnected && std::exchange(told_, event.text) == event.text;
  }

  ClusterGuard& guard_;
  std::mutex mutex_;
  std::string told_;  // why it was disconnected
};

ClusterGuard::ClusterGuard(Options options, RepositoryPool& pool, const Clock& clock, GuardListener& listener)
    : options_(std::move(options)), pool_(pool), clock_(clock), listener_(listener) {
  status_.counters = counters_;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ClusterGuard::~ClusterGuard() = default;

void ClusterGuard::request_stop() { thread_.request_stop(); }

void ClusterGuard::look_again() {
  {
    const std::lock_guard lock(mutex_);
    look_ = true;
  }
  wake_.notify_all();
}

void ClusterGuard::receive_again() {
  {
    const std::lock_guard lock(mutex_);
    receive_again_ = true;
  }
  wake_receiver_.notify_all();
}

GuardStatus ClusterGuard::status() const {
  const std::lock_guard lock(mutex_);
  GuardStatus status = status_;
  if (reception_) {
    status.receiver = reception_->status();
  }
  return status;
}

template <typename Change>
void ClusterGuard::change(const Change& apply) {
  const std::lock_guard lock(mutex_);
  apply(status_);
}

bool ClusterGuard::wait(const std::stop_token& stop, std::chrono::milliseconds duration) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, duration, [this] { return look_; });
  look_ = false;
  return !stop.stop_requested();
}

void ClusterGuard::failed(const std::exception& error) {
  change([&](GuardStatus& status) {
    status.state = GuardState::opening;
    status.problem = error.what();
    status.hint = hint_of(error);
  });
  // Told once: the pause between two tries says how bad it is.
  if (told_ != error.what()) {
    told_ = error.what();
    listener_.on_trouble(options_.cluster, "work on the cluster cannot begin: " + std::string(error.what()), hint_of(error));
  }
}

void ClusterGuard::run(const std::stop_token& stop) {
  try {
    guard(stop);
  } catch (const std::exception& error) {
    listener_.on_trouble(options_.cluster, std::string("unexpected: ") + error.what(), {});
  }
  lease_.reset();
  change([](GuardStatus& status) { status.state = GuardState::stopped; });
  listener_.on_ended(options_.cluster);
}

void ClusterGuard::guard(const std::stop_token& stop) {
  std::chrono::milliseconds pause = first_pause;
  while (!stop.stop_requested()) {
    try {
      if (!take(stop)) {
        wait(stop, ask_holder_every);
        continue;
      }
      pause = first_pause;
      told_.clear();
      hold(stop);
    } catch (const std::exception& error) {
      failed(error);
      wait(stop, pause);
      pause = std::min(2 * pause, longest_opening_pause);
    }
  }
}

bool ClusterGuard::take(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    return false;
  }
  repository_ = pool_.get(options_.config.repository, options_.repository);
  std::optional<Lease::Holder> holder;
  lease_ = Lease::acquire(*repository_->repository, "daemon-" + options_.cluster, "daemon for " + options_.cluster, clock_,
                          holder, lease_options);
  if (!lease_) {
    const std::string owner = holder ? holder->owner : "another";
    change([&](GuardStatus& status) {
      status.state = GuardState::held_by_another;
      status.holder = holder;
      status.problem = "another daemon works on this cluster: " + owner;
      status.hint = "this one takes over when that one is gone";
    });
    if (told_ != owner) {
      told_ = owner;
      listener_.on_trouble(options_.cluster, "another daemon works on this cluster: " + owner,
                           "this one waits, and takes over when that one is gone; end one of them if that is not meant so");
    }
    return false;
  }
  const BackupFacts facts = facts_of(read_catalog(*repository_->repository, options_.cluster));
  compute_window_facts();
  change([&](GuardStatus& status) {
    status.state = GuardState::active;
    status.holder.reset();
    status.problem.clear();
    status.hint.clear();
  });
  listener_.on_taken(options_.cluster, facts);
  return true;
}

void ClusterGuard::hold(const std::stop_token& stop) {
  std::jthread receiver([this](const std::stop_token& stopped) { receive(stopped); });
  std::jthread watch([this](const std::stop_token& stopped) { watch_server(stopped); });
  std::optional<CanaryWriter> canary;
  if (options_.config.drill.canary) {
    canary.emplace(CanaryWriter::Options{.cluster = options_.cluster,
                                         .config = options_.config,
                                         .ledger = HeartbeatLedger::path_in(options_.state, options_.cluster)},
                   [this](LogLevel level, const std::string& text) { listener_.on_line(options_.cluster, level, text); });
  }
  const std::stop_callback forward(stop, [&] {
    receiver.request_stop();
    watch.request_stop();
  });
  while (wait(stop, look_every)) {
    if (!still_ours()) {
      listener_.on_trouble(options_.cluster, "another daemon took the work on this cluster over",
                           "this one waits; check the clocks of both hosts and that both reach the repository");
      return;
    }
    compute_window_facts();
  }
}

bool ClusterGuard::still_ours() {
  try {
    if (lease_) {
      lease_->require();
      return true;
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::held) {
      return true;  // the store fails; whose the lease is will be seen when it is back
    }
    lease_.reset();
  }
  // It ran out, or went to another: whoever can take it now works on.
  try {
    std::optional<Lease::Holder> holder;
    lease_ = Lease::acquire(*repository_->repository, "daemon-" + options_.cluster, "daemon for " + options_.cluster, clock_,
                            holder, lease_options);
    return lease_ != nullptr;
  } catch (const Error& error) {
    return true;
  }
}

void ClusterGuard::compute_window_facts() {
  const std::optional<WalReceiverStatus> receiver = status().receiver;  // before the repository is read: it only goes on
  const std::optional<LostWal> lost = [&] {
    const std::lock_guard lock(mutex_);
    return lost_;
  }();
  const Time now = clock_.now();
  WindowFacts facts;
  try {
    const std::vector<RecoveryWindow> windows = compute_windows(*repository_->repository, options_.cluster);
    const RecoveryWindow& window = windows.back();
    facts = window_facts(window, receiver, lost);
    add_earlier_systems(windows, facts);
    facts.drill = drill_figures(drills_.read(*repository_->repository, options_.cluster, drills_looked_at), window);
  } catch (const Error& error) {
    change([&](GuardStatus& status) { status.window.problem = error.what(); });
    return;
  }
  facts.computed = now;
  note_window(std::move(facts));
}

void ClusterGuard::note_window(WindowFacts facts) {
  change([&](GuardStatus& status) {
    // While older WAL waits to be stored, the receiver cannot tell; what it told last still holds, for a gap makes it begin anew.
    const bool untold = status.receiver && !status.receiver->stored.valid();
    facts.followed = facts.followed || (untold && status.window.followed);
    status.window = std::move(facts);
  });
}

// Apart from the receiver's connection, which streams, and from the thread that keeps the lease: a server that hangs holds up
// nobody else.
void ClusterGuard::watch_server(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any pause_over;
  bool missing = false;
  while (!stop.stop_requested()) {
    std::chrono::milliseconds pause = look_every;
    ServerFacts facts;
    try {
      const ConnectionSettings connection = configured_connection(options_.cluster, options_.config);
      const std::string slot = options_.config.wal.slot.value_or(default_slot(options_.cluster));
      facts = ask_server(connection, slot, stop);
    } catch (const std::exception& error) {
      facts.slot.problem = error.what();
      const auto* known = dynamic_cast<const Error*>(&error);
      // Servers ban addresses that fail to authenticate again and again.
      pause = known != nullptr && known->context("sqlstate").starts_with("28") ? refused_pause : look_every;
    }
    facts.slot.asked = clock_.now();
    if (facts.slot.problem.empty() && !facts.slot.exists && !std::exchange(missing, true)) {
      pause = slot_made_within;  // the receiver is about to make it
    } else {
      missing = facts.slot.problem.empty() && !facts.slot.exists;
      change([&](GuardStatus& status) { status.server = std::move(facts); });
    }
    std::unique_lock lock(mutex);
    pause_over.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); });
  }
}

void ClusterGuard::receive(const std::stop_token& stop) {
  std::chrono::milliseconds pause = first_pause;
  std::string told;
  while (!stop.stop_requested()) {
    const auto began = std::chrono::steady_clock::now();
    std::string problem;
    std::string hint;
    try {
      receive_once(stop);
      return;
    } catch (const std::exception& error) {
      problem = error.what();
      hint = hint_of(error);
    }
    ++counters_->failures;
    change([&](GuardStatus& status) {
      status.receiver_problem = problem;
      status.receiver_hint = hint;
    });
    if (told != problem) {
      told = problem;
      listener_.on_trouble(options_.cluster, "WAL is not received: " + problem, hint);
    }
    if (std::chrono::steady_clock::now() - began > longest_pause) {
      pause = first_pause;  // it went well for a while
    }
    std::unique_lock lock(mutex_);
    const bool again = wake_receiver_.wait_for(lock, stop, pause, [this] { return receive_again_; });
    receive_again_ = false;
    pause = again ? first_pause : std::min(2 * pause, longest_pause);
  }
}

void ClusterGuard::receive_once(const std::stop_token& stop) {
  Events events(*this);
  WalReceptionOptions reception = reception_options(options_.cluster, configured_connection(options_.cluster, options_.config),
                                                    &options_.config, options_.spool);
  reception.counters = counters_.get();
  auto receiver = std::make_unique<WalReception>(*repository_->repository, std::move(reception), clock_, events);
  WalReception& running = *receiver;
  {
    const std::lock_guard lock(mutex_);
    reception_ = std::move(receiver);
  }
  const auto take_away = [this] {
    const std::lock_guard lock(mutex_);
    return std::move(reception_);
  };
  // Destroyed by this thread and without the lock: its own threads are joined.
  try {
    running.run(stop);
  } catch (...) {
    take_away().reset();
    throw;
  }
  take_away().reset();
}

}  // namespace pgrecall
