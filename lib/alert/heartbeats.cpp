#include "alert/heartbeats.h"

#include <algorithm>
#include <deque>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "http/http_client.h"

namespace pgrecall {

namespace {
using namespace std::chrono_literals;

constexpr auto call_timeout = 10s;
constexpr unsigned tries = 3;
constexpr std::size_t most_waiting = 100;
constexpr auto health_valid = 60s;

bool named(const std::vector<std::string>& listed, const std::string& name) {
  return listed.empty() || std::find(listed.begin(), listed.end(), name) != listed.end();
}
}  // namespace

std::string run_uuid(const std::string& run) {
  std::string digits = sha256(bytes_of(run)).to_string().substr(0, 32);
  digits[12] = '8';
  digits[16] = "89ab"[digits[16] % 4];
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-" + digits.substr(12, 4) + "-" + digits.substr(16, 4) + "-" +
         digits.substr(20);
}

std::string heartbeat_address(const std::string& url, Heartbeats::RunEvent event, const std::string& run) {
  const auto mark = url.find('?');
  std::string path = url.substr(0, mark);
  const std::string query = mark == std::string::npos ? "" : url.substr(mark + 1);
  const char* suffix = event == Heartbeats::RunEvent::start ? "start" : (event == Heartbeats::RunEvent::fail ? "fail" : "");
  if (*suffix != '\0') {
    path += std::string(path.ends_with('/') ? "" : "/") + suffix;
  }
  const std::string rid = run.empty() ? "" : "rid=" + run_uuid(run);
  const std::string all = query + (query.empty() || rid.empty() ? "" : "&") + rid;
  return path + (all.empty() ? "" : "?") + all;
}

class Heartbeats::Beat {
 public:
  Beat(const Clock& clock, std::string name, const HeartbeatConfig& config)
      : clock_(clock), name_(std::move(name)), config_(config) {
    figures_.heartbeat = name_;
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  }

  void configure(const HeartbeatConfig& config) {
    const std::lock_guard lock(mutex_);
    config_ = config;
    wake_.notify_all();
  }

  void run(RunEvent event, const std::string& cluster, const std::string& job, const std::string& id) {
    const std::lock_guard lock(mutex_);
    if (config_.on != HeartbeatConfig::On::runs || !named(config_.clusters, cluster) || !named(config_.jobs, job)) {
      return;
    }
    calls_.push_back({event, id});
    if (calls_.size() > most_waiting) {
      calls_.pop_front();
    }
    wake_.notify_all();
  }

  void health(const Health& health) {
    const std::lock_guard lock(mutex_);
    health_ = health;
    wake_.notify_all();
  }

  void request_stop() { thread_.request_stop(); }

  [[nodiscard]] HeartbeatFigures figures() const {
    const std::lock_guard lock(mutex_);
    return figures_;
  }

 private:
  struct Call {
    RunEvent event = RunEvent::success;
    std::string run;
  };

  void work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::unique_lock lock(mutex_);
      if (const auto call = next_call()) {
        const HeartbeatConfig config = config_;
        lock.unlock();
        make(*call, config, stop);
        continue;
      }
      wake_.wait_for(lock, stop, nap(), [this] { return !calls_.empty() || is_due(); });
    }
  }

  // The rest is called with mutex_ held.
  std::optional<Call> next_call() {
    if (!calls_.empty()) {
      Call call = calls_.front();
      calls_.pop_front();
      return call;
    }
    if (is_due()) {
      last_ = clock_.steady_now();
      return Call{};
    }
    return std::nullopt;
  }

  [[nodiscard]] bool is_due() const {
    return config_.on == HeartbeatConfig::On::healthy && (!last_ || clock_.steady_now() - *last_ >= config_.interval) &&
           is_healthy();
  }

  [[nodiscard]] bool is_healthy() const {
    const auto age = clock_.now() - health_.at;
    if (health_.good.empty() || age > health_valid || age < -health_valid) {
      return false;
    }
    const auto good = [this](const std::string& cluster) {
      const auto found = health_.good.find(cluster);
      return found != health_.good.end() && found->second;
    };
    if (!config_.clusters.empty()) {
      return std::all_of(config_.clusters.begin(), config_.clusters.end(), good);
    }
    return std::all_of(health_.good.begin(), health_.good.end(), [](const auto& each) { return each.second; });
  }

  [[nodiscard]] std::chrono::milliseconds nap() const {
    if (config_.on != HeartbeatConfig::On::healthy || !last_) {
      return 30s;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*last_ + config_.interval - clock_.steady_now());
    return std::clamp<std::chrono::milliseconds>(left, 1ms, 30s);
  }

  // Without mutex_ from here on.
  void make(const Call& call, const HeartbeatConfig& config, const std::stop_token& stop) {
    std::string problem;
    for (unsigned i = 0; i < tries && !stop.stop_requested(); ++i) {
      if (i > 0 && !pause(std::chrono::seconds(1U << i), stop)) {
        return;
      }
      problem = call_once(call, config, stop);
      if (problem.empty()) {
        break;
      }
    }
    const std::lock_guard lock(mutex_);
    if (problem.empty()) {
      figures_.last_success = clock_.now();
      figures_.failing_since.reset();
    } else if (stop.stop_requested()) {
      return;
    } else {
      ++figures_.failures;
      figures_.failing_since = figures_.failing_since.value_or(clock_.now());
    }
    figures_.problem = problem;
  }

  // False when asked to stop.
  bool pause(std::chrono::milliseconds span, const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, stop, span, [] { return false; });
    return !stop.stop_requested();
  }

  [[nodiscard]] std::string call_once(const Call& call, const HeartbeatConfig& config, const std::stop_token& stop) const {
    try {
      const Secret url = read_secret(config.url, "address of heartbeat " + name_);
      HttpCall request;
      request.method = HttpCall::Method::get;
      request.url = Secret(heartbeat_address(url.reveal(), call.event, call.run));
      request.ca_file = config.ca_file;
      request.timeout = call_timeout;
      request.stop = stop;
      const auto found = http_request(request);
      if (const auto* none = std::get_if<NoReply>(&found)) {
        return none->text;
      }
      const auto& reply = std::get<HttpReply>(found);
      return reply.good() ? "" : "the answer was " + std::to_string(reply.status) + " (host=" + host_of(url) + ")";
    } catch (const Error& error) {
      return error.what();
    }
  }

  const Clock& clock_;
  const std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  HeartbeatConfig config_;
  std::deque<Call> calls_;
  Health health_;
  std::optional<std::chrono::steady_clock::time_point> last_;
  HeartbeatFigures figures_;
  std::jthread thread_;
};

Heartbeats::Heartbeats(const Clock& clock) : clock_(clock) {}

Heartbeats::~Heartbeats() {
  for (const auto& [name, beat] : beats_) {
    beat->request_stop();
  }
}

void Heartbeats::configure(const AlertsConfig& config) {
  const std::lock_guard lock(mutex_);
  for (auto beat = beats_.begin(); beat != beats_.end();) {
    if (config.heartbeats.contains(beat->first)) {
      ++beat;
    } else {
      beat->second->request_stop();
      leaving_.push_back(std::move(beat->second));
      beat = beats_.erase(beat);
    }
  }
  for (const auto& [name, heartbeat] : config.heartbeats) {
    if (const auto found = beats_.find(name); found != beats_.end()) {
      found->second->configure(heartbeat);
    } else {
      beats_.emplace(name, std::make_unique<Beat>(clock_, name, heartbeat));
    }
  }
}

void Heartbeats::run(RunEvent event, const std::string& cluster, const std::string& job, const std::string& id) {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, beat] : beats_) {
    beat->run(event, cluster, job, id);
  }
}

void Heartbeats::health(Health health) {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, beat] : beats_) {
    beat->health(health);
  }
}

std::vector<HeartbeatFigures> Heartbeats::figures() const {
  const std::lock_guard lock(mutex_);
  std::vector<HeartbeatFigures> all;
  for (const auto& [name, beat] : beats_) {
    all.push_back(beat->figures());
  }
  return all;
}

}  // namespace pgrecall
