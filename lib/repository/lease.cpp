#include "repository/lease.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "repository/lease_record.h"

namespace pgrecall {

namespace {

constexpr std::string_view leases_prefix = "leases/";
// Each try that fails means that somebody else took or gave back the lease in between.
constexpr int max_tries = 16;

// Tokens of the leases that this process holds: one with our PID and another token was left by a put or a removal that failed
// half-way, and nobody renews it.
class HeldTokens {
 public:
  static HeldTokens& instance() {
    static HeldTokens tokens;
    return tokens;
  }
  void add(const std::string& token) {
    const std::lock_guard lock(mutex_);
    tokens_.insert(token);
  }
  void remove(const std::string& token) {
    const std::lock_guard lock(mutex_);
    tokens_.erase(token);
  }
  [[nodiscard]] bool contains(const std::string& token) {
    const std::lock_guard lock(mutex_);
    return tokens_.contains(token);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> tokens_;
};

struct StoredLease {
  LeaseRecord record;
  std::string version;
};

std::optional<StoredLease> read_lease(ObjectStore& store, const std::string& object_name) {
  const auto reader = store.open(object_name);
  if (!reader) {
    return std::nullopt;
  }
  Bytes bytes(std::min(reader->size(), max_lease_size));
  bytes.resize(reader->read(0, bytes));
  return StoredLease{parse_lease(bytes, object_name), reader->version()};
}

// docs/repository-format.md: an observer waits for one lifetime more than the holder allowed itself, so that clocks which differ
// by less than that never let two hold it.
bool stale(const LeaseRecord& record, const ProcessIdentity& self, Time now, std::chrono::seconds lifetime) {
  if (!self.host.empty() && record.process == self) {
    return !HeldTokens::instance().contains(record.token);
  }
  return record.process.certainly_dead() || now > record.holder.expires + lifetime;
}

}  // namespace

struct Lease::State {
  State(ObjectStore& in_store, std::string object, LeaseRecord ours, const Clock& with_clock, Options with_options)
      : store(in_store),
        object_name(std::move(object)),
        clock(with_clock),
        options(with_options),
        record(std::move(ours)),
        valid_until(clock.steady_now() + options.lifetime) {
    HeldTokens::instance().add(record.token);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { HeldTokens::instance().remove(record.token); }

  // False when the lease is another's now.
  bool renew_in_store(const LeaseRecord& renewed) {
    const auto stored = read_lease(store, object_name);
    if (!stored || stored->record.token != renewed.token) {
      return false;
    }
    const std::string text = format_lease(renewed);
    if (store.replace(object_name, stored->version, MemoryBody(bytes_of(text))) == ReplaceResult::replaced) {
      return true;
    }
    // A replace that was retried after it had worked finds its own bytes.
    const auto after = read_lease(store, object_name);
    return after && format_lease(after->record) == text;
  }

  void renew() {
    const std::lock_guard one_at_a_time(renewing);
    LeaseRecord renewed;
    {
      const std::lock_guard lock(mutex);
      renewed = record;
    }
    // Taken before the store is asked: a slow answer shortens the lease instead of lengthening it.
    const auto steady = clock.steady_now();
    renewed.holder.expires = clock.now() + options.lifetime;
    try {
      const bool ours = renew_in_store(renewed);
      const std::lock_guard lock(mutex);
      if (ours) {
        record = renewed;
        valid_until = steady + options.lifetime;
        problem.clear();
      } else {
        lost = true;
      }
    } catch (const std::exception& error) {
      // Told by require() when it lasts until the lease runs out.
      const std::lock_guard lock(mutex);
      problem = error.what();
    }
  }

  [[nodiscard]] bool valid() {
    const std::lock_guard lock(mutex);
    // The steady clock stands still while a host is suspended; the other one may be set back.
    return !lost && clock.steady_now() < valid_until && clock.now() < record.holder.expires;
  }

  void keep_renewing(const std::stop_token& stop) {
    std::unique_lock lock(waiting);
    while (!wake.wait_for(lock, stop, options.renew_every, [&] { return stop.stop_requested(); })) {
      renew();
    }
  }

  // What stays behind when this fails heals: our process is gone, or does not hold this token.
  void give_back() noexcept {
    try {
      const auto stored = read_lease(store, object_name);
      if (stored && stored->record.token == record.token) {
        static_cast<void>(store.remove_version(object_name, stored->version));
      }
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }

  ObjectStore& store;
  const std::string object_name;
  const Clock& clock;
  const Options options;

  std::mutex renewing;
  std::mutex mutex;  // of what follows
  LeaseRecord record;
  std::chrono::steady_clock::time_point valid_until;
  bool lost = false;
  std::string problem;  // of the last renewal

  std::mutex waiting;
  std::condition_variable_any wake;
  std::jthread thread;
};

Lease::Lease(std::unique_ptr<State> state) : state_(std::move(state)) {
  if (state_->options.renew_every.count() > 0) {
    state_->thread = std::jthread([&state = *state_](const std::stop_token& stop) { state.keep_renewing(stop); });
  }
}

Lease::~Lease() {
  if (state_->thread.joinable()) {
    state_->thread.request_stop();
    state_->thread.join();
  }
  state_->give_back();
}

std::unique_ptr<Lease> Lease::acquire(const Repository& repository, const std::string& name, const std::string& why,
                                      const Clock& clock, std::optional<Holder>& holder, Options options) {
  ObjectStore& store = repository.store();
  const std::string object_name = std::string(leases_prefix) + name;
  const Time now = clock.now();
  const LeaseRecord ours{{describe_this_process(), now, now + options.lifetime, why}, ProcessIdentity::self(), random_hex(16)};
  const std::string text = format_lease(ours);
  const MemoryBody body(bytes_of(text));
  auto state = std::make_unique<State>(store, object_name, ours, clock, options);
  for (int tries = 0; tries < max_tries; ++tries) {
    const bool created = store.put(object_name, body) == PutResult::created;
    const auto stored = created ? std::nullopt : read_lease(store, object_name);
    // Also ours when the store tried the put again after it had worked.
    if (created || (stored && stored->record.token == ours.token)) {
      return std::unique_ptr<Lease>(new Lease(std::move(state)));
    }
    if (!stored) {
      continue;
    }
    if (!stale(stored->record, ours.process, now, options.lifetime)) {
      holder = stored->record.holder;
      return nullptr;
    }
    if (store.replace(object_name, stored->version, body) == ReplaceResult::replaced) {
      return std::unique_ptr<Lease>(new Lease(std::move(state)));
    }
  }
  throw Error(ErrorKind::held, "others take and give back the lease all the time", "try again later").with("object", object_name);
}

void Lease::renew() { state_->renew(); }

void Lease::require() const {
  if (state_->valid()) {
    return;
  }
  // Perhaps only the clock jumped, or the host slept: as long as nobody took it, it is still ours.
  state_->renew();
  if (state_->valid()) {
    return;
  }
  const std::lock_guard lock(state_->mutex);
  throw Error(ErrorKind::held,
              state_->lost ? "the lease was lost to another" : "the lease ran out, since it could not be renewed",
              "check that no other host works on this cluster, that the clocks agree and that the store answers; then try again")
      .with("object", state_->object_name)
      .with("problem", state_->problem);
}

std::vector<ListedLease> list_leases(const Repository& repository) {
  std::vector<std::string> names;
  repository.store().list(std::string(leases_prefix), [&](const ObjectInfo& object) { names.push_back(object.name); });
  std::vector<ListedLease> leases;
  for (const std::string& name : names) {
    if (auto stored = read_lease(repository.store(), name)) {
      leases.push_back({name.substr(leases_prefix.size()), std::move(stored->record.holder)});
    }
  }
  std::ranges::sort(leases, {}, &ListedLease::name);
  return leases;
}

}  // namespace pgrecall
