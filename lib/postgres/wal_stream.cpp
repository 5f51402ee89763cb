#include "postgres/wal_stream.h"

#include <algorithm>
#include <limits>

namespace pgrecall {
namespace {

constexpr std::string_view operation = "streaming WAL";
using SteadyTime = std::chrono::steady_clock::time_point;

std::string start_command(const WalStreamOptions& options) {
  return "START_REPLICATION " + (options.slot.empty() ? "" : "SLOT \"" + options.slot + "\" ") + "PHYSICAL " +
         options.start.to_string() + " TIMELINE " + std::to_string(options.timeline);
}

// One run of a stream, from the first answer to the last.
class StreamRun {
 public:
  StreamRun(Connection& connection, const WalStreamOptions& options, const std::atomic<std::uint64_t>& end_at, WalSink& sink)
      : connection_(connection), options_(options), end_at_(end_at), sink_(sink), position_(options.start) {}

  WalStreamOutcome run() {
    connection_.send(start_command(options_), operation);
    std::optional<Result> first = connection_.next_result(operation);
    if (first && first->kind() == Result::Kind::rows) {
      // The timeline ended exactly where we start: nothing to stream.
      return timeline_ended(*first);
    }
    if (!first || first->kind() != Result::Kind::copy_both) {
      throw connection_.error("the server does not start to stream WAL");
    }
    heard_at_ = std::chrono::steady_clock::now();
    next_status_at_ = heard_at_ + options_.status_interval;
    try {
      sink_.on_started();
      return stream();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::cancelled) {
        take_leave();
        send_status(Reply::not_needed);
      }
      throw;
    }
  }

 private:
  WalStreamOutcome stream() {
    while (!reached_end()) {
      ByteView message;
      Connection::CopyState state = connection_.poll_copy_message(message, operation);
      if (state == Connection::CopyState::idle) {
        settle();
        state = connection_.next_copy_message(message, operation, next_status_at_);
      }
      if (state == Connection::CopyState::end) {
        return server_ended();
      }
      if (state == Connection::CopyState::message) {
        std::visit([this](const auto& decoded) { take(decoded); }, decode_stream_message(message));
        heard_at_ = std::chrono::steady_clock::now();
      }
      send_status_when_due(state);
    }
    return end_here();
  }

  [[nodiscard]] bool reached_end() const noexcept { return position_.value >= end_at_.load(std::memory_order_acquire); }

  void take(const WalBytes& wal) {
    if (wal.start != position_) {
      throw connection_.error("the server left a gap in the WAL it streams")
          .with("expected", position_.to_string())
          .with("found", wal.start.to_string());
    }
    sink_.on_wal(wal.start, wal.bytes, wal.server_time);
    position_.value += wal.bytes.size();
    sink_.on_keepalive(wal.server_end, wal.server_time);
    // While WAL comes without a pause, a commit that waits for us must not wait for one.
    if (sink_.durable_position() != told_) {
      send_status(Reply::not_needed);
    }
  }

  void take(const Keepalive& keepalive) {
    sink_.on_keepalive(keepalive.server_end, keepalive.server_time);
    if (keepalive.reply_requested) {
      sink_.on_batch_end();
      send_status(Reply::not_needed);
    }
  }

  // All that came is handed over. A commit that waits for us waits for this.
  void settle() {
    sink_.on_batch_end();
    if (sink_.durable_position() != told_) {
      send_status(Reply::not_needed);
    }
  }

  void send_status_when_due(Connection::CopyState state) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (state == Connection::CopyState::idle && now - heard_at_ > options_.silence_limit) {
      throw connection_
          .error("the server has been silent for " +
                     std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now - heard_at_).count()) +
                     " s while streaming WAL",
                 "the server or the network between is gone; connect anew")
          .mark_passing();
    }
    if (now >= next_status_at_) {
      sink_.on_batch_end();
      // Asked for an answer, a live server breaks its silence, and says until when an idle cluster is recoverable.
      send_status(Reply::requested);
    }
  }

  void send_status(Reply reply) {
    told_ = sink_.durable_position();
    const Time now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    connection_.send_copy_message(encode_status_update(told_, now, reply), operation);
    if (reply == Reply::requested) {  // others must not put off the sign of life that an idle server is asked for
      next_status_at_ = std::chrono::steady_clock::now() + options_.status_interval;
    }
  }

  // Twice: only the second answer comes behind all WAL that there was when the server gave the first one.
  void take_leave() {
    constexpr int answers = 2;
    const SteadyTime deadline = std::chrono::steady_clock::now() + options_.farewell;
    connection_.outlive_stop();
    sink_.on_farewell();
    bool answered = options_.farewell.count() > 0;
    for (int i = 0; answered && i < answers; ++i) {
      send_status(Reply::requested);
      answered = await_keepalive(deadline);
      sink_.on_batch_end();
    }
  }

  bool await_keepalive(SteadyTime deadline) {
    ByteView message;
    while (std::chrono::steady_clock::now() < deadline) {
      const Connection::CopyState state = connection_.next_copy_message(message, operation, deadline);
      if (state == Connection::CopyState::end) {
        return false;
      }
      if (state == Connection::CopyState::message) {
        const auto decoded = decode_stream_message(message);
        std::visit([this](const auto& each) { take(each); }, decoded);
        if (std::holds_alternative<Keepalive>(decoded)) {
          return true;
        }
      }
    }
    return false;
  }

  WalStreamOutcome end_here() {
    sink_.on_batch_end();
    send_status(Reply::not_needed);
    connection_.send_copy_end(operation);
    ByteView ignored;
    Connection::CopyState state = Connection::CopyState::message;
    const SteadyTime give_up_at = std::chrono::steady_clock::now() + options_.silence_limit;
    while (state != Connection::CopyState::end) {
      state = connection_.next_copy_message(ignored, operation, give_up_at);
      if (state == Connection::CopyState::idle && std::chrono::steady_clock::now() >= give_up_at) {
        throw connection_.error("the server does not end the WAL stream").mark_passing();
      }
    }
    connection_.finish_command(operation);
    return {.end = WalStreamEnd::reached_end, .received = position_, .next = std::nullopt};
  }

  WalStreamOutcome server_ended() {
    sink_.on_batch_end();
    std::optional<Result> result = connection_.next_result(operation);
    if (result && result->kind() == Result::Kind::copy_in) {
      connection_.send_copy_end(operation);
      result = connection_.next_result(operation);
    }
    if (result && result->kind() == Result::Kind::rows) {
      return timeline_ended(*result);
    }
    return {.end = WalStreamEnd::server_shutdown, .received = position_, .next = std::nullopt};
  }

  WalStreamOutcome timeline_ended(const Result& result) {
    if (result.rows() != 1) {
      throw connection_.error("the server does not say how its timeline goes on");
    }
    const TimelinePosition next = decode_next_timeline(result.fields(0));
    connection_.finish_command(operation);
    return {.end = WalStreamEnd::timeline_ended, .received = position_, .next = next};
  }

  Connection& connection_;
  const WalStreamOptions& options_;
  const std::atomic<std::uint64_t>& end_at_;
  WalSink& sink_;
  Lsn position_;
  Lsn told_;
  SteadyTime heard_at_;
  SteadyTime next_status_at_;
};

}  // namespace

WalStream::WalStream(Connection& connection, WalStreamOptions options)
    : connection_(connection), options_(std::move(options)), end_at_(std::numeric_limits<std::uint64_t>::max()) {}

WalStreamOutcome WalStream::run(WalSink& sink) { return StreamRun(connection_, options_, end_at_, sink).run(); }

void WalStream::end_at(Lsn position) noexcept {
  end_at_.store(position.value, std::memory_order_release);
  connection_.wake();
}

void WalStream::durable_position_advanced() noexcept { connection_.wake(); }

}  // namespace pgrecall
