#include "service/canary_writer.h"

#include <condition_variable>
#include <mutex>

#include "base/error.h"
#include "engine/canary.h"
#include "jobs/open_repository.h"

namespace pgrecall {

namespace {
constexpr std::chrono::minutes between_beats{1};
}

CanaryWriter::CanaryWriter(Options options, Tell tell)
    : options_(std::move(options)), tell_(std::move(tell)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void CanaryWriter::beat(const std::stop_token& stop) {
  Connection connection = Connection::open(configured_connection(options_.cluster, options_.config), ReplicationMode::none, stop);
  // A standby that waits for its primary must not hold the row's lock for ever.
  connection.exec("set statement_timeout = '20s'");
  HeartbeatLedger(options_.ledger).add(write_heartbeat(connection));
}

void CanaryWriter::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any over;
  while (!stop.stop_requested()) {
    try {
      beat(stop);
      if (!told_.empty()) {
        tell_(LogLevel::info, "heartbeats are written again");
        told_.clear();
      }
    } catch (const std::exception& error) {
      if (!stop.stop_requested() && told_ != error.what()) {
        told_ = error.what();
        tell_(LogLevel::warning, "the heartbeat of the canary cannot be written: " + told_);
      }
    }
    std::unique_lock lock(mutex);
    over.wait_for(lock, stop, between_beats, [] { return false; });
  }
}

}  // namespace pgrecall
