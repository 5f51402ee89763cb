#include "engine/wal/reception.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "engine/wal/backoff.h"
#include "engine/wal/known_system.h"
#include "engine/wal/stream_session.h"
#include "postgres/wal_segment.h"

namespace pgrecall {

namespace {

constexpr std::chrono::milliseconds longest_spool_delay{2000};

bool is_disk_trouble(const Error& error) {
  const int code = error.errno_value();
  return code == ENOSPC || code == EDQUOT || code == EIO || code == EROFS || code == EACCES || code == EPERM;
}

// What trying again cannot heal. Servers ban addresses for failed authentications.
bool is_final(const Error& error, bool connected) {
  const std::string_view code = error.context("sqlstate");
  if (error.kind() == ErrorKind::database_unreachable) {
    return code.starts_with("28") || code == "42501" || code == "42601" || code == "3D000" || (!connected && !error.passing());
  }
  return error.kind() != ErrorKind::corruption && error.kind() != ErrorKind::cancelled && !error.passing() &&
         error.errno_value() == 0;
}

}  // namespace

class WalReception::Life {
 public:
  Life(const Repository& repository, WalReceptionOptions options, const Clock& clock, WalEvents& events)
      : repository_(repository),
        options_(std::move(options)),
        clock_(clock),
        events_(events),
        directory_(options_.spool + "/" + options_.cluster),
        lock_(directory_),
        health_(events) {
    board_.change([this](WalReceiverStatus& status) {
      status.cluster = options_.cluster;
      status.slot = options_.slot;
      status.spool_limit = options_.spool_limit;
    });
  }

  void run(const std::stop_token& stop);
  [[nodiscard]] WalReceiverStatus status() const;

 private:
  void receive(const std::stop_token& stop);
  [[nodiscard]] StreamSession::End stream_once(const std::stop_token& stop);
  void meet(const ServerInfo& server);
  void check_system(const ServerInfo& server);
  void open_pipeline(const WalSegmentHeader& system);
  [[nodiscard]] std::unique_ptr<WalPipeline> make_pipeline(const WalSegmentHeader& system, WalPipeline::Use use,
                                                           std::function<void()> tick);
  void leave_system();
  [[nodiscard]] bool is_open(std::uint64_t system_identifier) const;
  void open_leftovers();
  void wait_for_room(const std::stop_token& stop);
  void settle(const Error& error);
  void note_heard();
  void set_state(WalReceiverState state, const std::string& last_error);
  void spool_trouble(WalEventKind kind, const std::string& text, const std::string& hint);
  void finish();
  void write_status() noexcept;
  void tell(WalEventKind kind, const std::string& text, const std::string& hint);

  const Repository& repository_;
  const WalReceptionOptions options_;
  const Clock& clock_;
  WalEvents& events_;
  const std::string directory_;
  const SpoolLock lock_;
  StoreHealth health_;
  WalStatusBoard board_;
  std::unique_ptr<WalPipeline> pipeline_;
  std::vector<std::unique_ptr<WalPipeline>> leftovers_;  // of earlier systems
  std::atomic<bool> receives_{false};                    // pipeline_ is there, for its own threads
  Backoff backoff_;
  StreamSession::Start start_ = StreamSession::Start::go_on;
  bool connected_ = false;
  bool met_ = false;  // the server's system was compared with what is stored
  bool spool_in_trouble_ = false;
  bool falls_back_ = false;
  std::string told_;
  std::uint64_t counted_segments_ = 0;  // of those that pipeline_ stored
};

void WalReception::Life::tell(WalEventKind kind, const std::string& text, const std::string& hint) {
  events_.on_event({.kind = kind, .text = text, .hint = hint, .timeline = 0, .from = {}, .until = {}});
}

WalReceiverStatus WalReception::Life::status() const {
  WalReceiverStatus status = board_.read();
  status.updated = clock_.now();
  status.store_failing = health_.failing();
  return status;
}

// In the tail uploader's thread while there is one.
void WalReception::Life::write_status() noexcept {
  try {
    board_.change([this](WalReceiverStatus& status) {
      if (!receives_.load()) {
        return;
      }
      const ReceivedWal::Waiting waiting = pipeline_->received().waiting();
      status.durable = pipeline_->received().durable();
      status.server_end = std::max(status.server_end, status.durable);
      status.stored = pipeline_->received().stored_until();
      status.spool_bytes = pipeline_->spool().used();
      if (options_.counters != nullptr) {
        options_.counters->stored_segments += waiting.stored_segments - std::exchange(counted_segments_, waiting.stored_segments);
      }
      status.waiting_segments = waiting.segments;
      status.refused = waiting.refused;
      status.last_segment = waiting.last_complete ? waiting.last_complete->file_name() : "";
      status.last_stored = waiting.last_stored ? waiting.last_stored->file_name() : "";
      status.durable_time = std::max(status.durable_time, pipeline_->received().durable_time().value_or(Time{}));
    });
    write_status_file(directory_ + "/status.json", status());
  } catch (const std::exception& error) {
    // Whoever reads the file sees by its time that it is old; a full disk is told of by those who need it.
    board_.change([&](WalReceiverStatus& status) { status.last_error = error.what(); });
  }
}

void WalReception::Life::set_state(WalReceiverState state, const std::string& last_error) {
  board_.change([&](WalReceiverStatus& status) {
    status.state = state;
    status.last_error = last_error;
  });
  if (!pipeline_) {
    write_status();
  }
}

void WalReception::Life::run(const std::stop_token& stop) {
  try {
    receive(stop);
  } catch (...) {
    finish();
    throw;
  }
  finish();
}

void WalReception::Life::receive(const std::stop_token& stop) {
  set_state(WalReceiverState::connecting, {});
  open_leftovers();
  while (!stop.stop_requested()) {
    try {
      wait_for_room(stop);
      if (stream_once(stop) == StreamSession::End::server_shutdown) {
        backoff_.reset();
        tell(WalEventKind::disconnected, "the server was shut down", {});
        set_state(WalReceiverState::connecting, "the server was shut down");
      } else {
        continue;
      }
    } catch (const Error& error) {
      if (stop.stop_requested()) {
        return;
      }
      settle(error);
    }
    try {
      const auto delay = backoff_.next();
      wait_unless_stopped(spool_in_trouble_ ? std::min(delay, longest_spool_delay) : delay, stop);
    } catch (const Error& stopped) {
      return;
    }
  }
}

StreamSession::End WalReception::Life::stream_once(const std::stop_token& stop) {
  connected_ = false;
  Connection connection = connect_replication(options_.connection, stop);
  connected_ = true;
  const ServerInfo server = read_server_info(connection);
  meet(server);
  told_.clear();
  note_heard();
  StreamSession session(connection, server, repository_, options_, *pipeline_, health_, events_, board_, [this] {
    backoff_.reset();
    note_heard();
    if (std::exchange(spool_in_trouble_, false)) {
      tell(WalEventKind::spool_recovered, "there is room in the spool again", {});
    }
  });
  return session.run(std::exchange(start_, StreamSession::Start::go_on));
}

void WalReception::Life::meet(const ServerInfo& server) {
  if (server.major() < 13 || server.major() > 18) {
    throw Error(ErrorKind::failed, "this PostgreSQL version is not supported", "pgrecall works with PostgreSQL 13 to 18")
        .with("version", server.version);
  }
  const std::uint64_t system_identifier = server.identity.system_identifier;
  const bool another = pipeline_ && pipeline_->storing().system.identifier != system_identifier;
  if (!met_ || another) {
    met_ = false;
    check_system(server);
    met_ = true;
  }
  if (another) {
    leave_system();
  }
  if (!pipeline_) {
    open_pipeline({.major_version = static_cast<unsigned>(server.major()),
                   .system_identifier = system_identifier,
                   .segment_size = server.wal_segment_size});
  }
  board_.change([&](WalReceiverStatus& status) { status.system_identifier = system_identifier; });
}

void WalReception::Life::open_pipeline(const WalSegmentHeader& system) {
  // Of a server that was taken back: one pipeline for each spool.
  std::erase_if(leftovers_, [&](const std::unique_ptr<WalPipeline>& leftover) {
    const bool same = leftover->storing().system.identifier == system.system_identifier;
    if (same) {
      leftover->finish();
    }
    return same;
  });
  pipeline_ = make_pipeline(system, WalPipeline::Use::receiving, [this] { write_status(); });
  counted_segments_ = 0;
  receives_ = true;
}

std::unique_ptr<WalPipeline> WalReception::Life::make_pipeline(const WalSegmentHeader& system, WalPipeline::Use use,
                                                               std::function<void()> tick) {
  return std::make_unique<WalPipeline>(repository_, options_,
                                       WalStoring{.system = {options_.cluster, system.system_identifier},
                                                  .major_version = system.major_version,
                                                  .compression = options_.compression},
                                       system.segment_size, use, health_, events_, std::move(tick));
}

// What an earlier process left in the spool goes to the repository even when the server is gone for good, and when another system
// has taken its place. Only of systems that were said to be the cluster's.
void WalReception::Life::open_leftovers() {
  const std::vector<WalSegmentHeader> left = find_spooled_systems(directory_);
  for (const WalSegmentHeader& system : left) {
    bool present = left.size() == 1;
    try {
      if (!read_system(repository_, {options_.cluster, system.system_identifier})) {
        continue;
      }
      present = present_system(repository_, options_.cluster) == system.system_identifier;
    } catch (const Error& error) {
      health_.failed(error);
      if (!present) {
        continue;  // the next start stores it
      }
    }
    if (present && !pipeline_) {
      open_pipeline(system);
    } else if (!is_open(system.system_identifier)) {
      leftovers_.push_back(make_pipeline(system, WalPipeline::Use::leavings, [] {}));
    }
  }
}

bool WalReception::Life::is_open(std::uint64_t system_identifier) const {
  const auto is_it = [&](const std::unique_ptr<WalPipeline>& pipeline) {
    return pipeline && pipeline->storing().system.identifier == system_identifier;
  };
  return is_it(pipeline_) || std::ranges::any_of(leftovers_, is_it);
}

// The cluster's name is another system's now.
void WalReception::Life::leave_system() {
  receives_ = false;
  pipeline_->finish();
  pipeline_.reset();
  board_.change([](WalReceiverStatus& status) {
    WalReceiverStatus fresh;
    fresh.cluster = status.cluster;
    fresh.slot = status.slot;
    fresh.spool_limit = status.spool_limit;
    status = std::move(fresh);
  });
  open_leftovers();
}

void WalReception::Life::check_system(const ServerInfo& server) {
  try {
    require_known_system(repository_, options_.cluster, server, clock_.now());
    health_.worked();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::store_unreachable) {
      throw;
    }
    health_.failed(error);
    // The spool says whose WAL was received before. Of another system the repository must tell first whether it is the cluster's.
    if (!std::filesystem::exists(spool_directory(options_.spool, {options_.cluster, server.identity.system_identifier}))) {
      throw Error(ErrorKind::failed, "the repository cannot tell whether this server is the cluster's")
          .caused_by(error)
          .mark_passing();
    }
  }
}

void WalReception::Life::wait_for_room(const std::stop_token& stop) {
  if (!pipeline_) {
    return;
  }
  if (falls_back_) {
    pipeline_->writer().fall_back();
    falls_back_ = false;
  }
  if (WalReceiver::has_room(pipeline_->spool(), options_.spool_limit)) {
    return;
  }
  spool_trouble(WalEventKind::spool_full,
                "the spool has reached its limit of " + std::to_string(options_.spool_limit) + " bytes; receiving waits",
                "the server keeps WAL meanwhile: find out why the repository takes none, or raise wal.spool_limit");
  while (!stop.stop_requested() && !WalReceiver::has_room(pipeline_->spool(), options_.spool_limit)) {
    pipeline_->received().wait_for_room(std::chrono::seconds(1), stop);
  }
}

void WalReception::Life::spool_trouble(WalEventKind kind, const std::string& text, const std::string& hint) {
  set_state(WalReceiverState::waiting_for_room, text);
  if (!std::exchange(spool_in_trouble_, true)) {
    tell(kind, text, hint);
  }
}

void WalReception::Life::note_heard() {
  board_.change([this](WalReceiverStatus& status) { status.heard = clock_.now(); });
}

void WalReception::Life::settle(const Error& error) {
  if (options_.counters != nullptr) {
    ++options_.counters->failures;
  }
  if (is_final(error, connected_)) {
    throw Error(error);
  }
  if (error.errno_value() == ENOENT && pipeline_ && !std::filesystem::exists(pipeline_->spool().directory())) {
    throw Error(ErrorKind::failed, "the spool was taken away while WAL was received",
                "start it again: it goes on from what the repository has, and tells of a gap if the server has less")
        .with("path", pipeline_->spool().directory())
        .caused_by(error);
  }
  if (error.context("sqlstate") == "58P01") {
    start_ = StreamSession::Start::fresh;
  }
  if (error.kind() != ErrorKind::database_unreachable && error.kind() != ErrorKind::cancelled) {
    falls_back_ = true;
  }
  if (is_disk_trouble(error)) {
    spool_trouble(WalEventKind::spool_failing,
                  std::string("WAL cannot be written to the spool; receiving waits: ") + error.what(), error.hint());
    return;
  }
  if (told_ != error.message()) {
    told_ = error.message();
    tell(WalEventKind::disconnected, error.what(), error.hint());
  }
  set_state(WalReceiverState::connecting, error.what());
}

void WalReception::Life::finish() {
  if (pipeline_) {
    pipeline_->finish();
  }
  for (const auto& leftover : leftovers_) {
    leftover->finish();
    std::error_code not_empty;
    std::filesystem::remove(leftover->spool().directory(), not_empty);
  }
  board_.change([](WalReceiverStatus& status) { status.state = WalReceiverState::stopped; });
  write_status();
}

WalReception::WalReception(const Repository& repository, WalReceptionOptions options, const Clock& clock, WalEvents& events)
    : life_(std::make_unique<Life>(repository, std::move(options), clock, events)) {}

WalReception::~WalReception() = default;

void WalReception::run(const std::stop_token& stop) { life_->run(stop); }

WalReceiverStatus WalReception::status() const { return life_->status(); }

}  // namespace pgrecall
