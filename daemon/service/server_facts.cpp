#include "service/server_facts.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "postgres/conninfo.h"
#include "postgres/replication.h"

namespace pgrecall {

namespace {
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds longest_answer = 20s;
constexpr std::uint64_t megabyte = 1U << 20U;

// Stops once the time is over, or once the other token is.
class TimeLimit {
 public:
  TimeLimit(std::chrono::milliseconds limit, const std::stop_token& other)
      : forward_(other, [this] { over_.request_stop(); }), thread_([this, limit](const std::stop_token& done) {
          std::mutex mutex;
          std::condition_variable_any woken;
          std::unique_lock lock(mutex);
          if (!woken.wait_for(lock, done, limit, [&] { return done.stop_requested(); })) {
            over_.request_stop();
          }
        }) {}
  [[nodiscard]] std::stop_token token() const { return over_.get_token(); }

 private:
  std::stop_source over_;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread thread_;
};

// A conninfo for replication may leave the database out; a plain connection would then ask for one named like the role.
ConnectionSettings with_database(ConnectionSettings settings) {
  if (connect_parameters(settings, ReplicationMode::none).find("dbname") == nullptr) {
    const bool url = settings.conninfo.find("://") != std::string::npos;
    const bool has_options = settings.conninfo.find('?') != std::string::npos;
    settings.conninfo += !url ? " dbname=postgres" : (has_options ? "&dbname=postgres" : "?dbname=postgres");
  }
  return settings;
}

std::string question(const std::string& slot) {
  return "SELECT s.wal_status, pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() THEN "
         "coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn()) ELSE "
         "pg_catalog.pg_current_wal_lsn() END, s.restart_lsn)::bigint, s.slot_name IS NOT NULL, "
         "(SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size'), session_user, "
         "(SELECT (extract(epoch FROM rolvaliduntil) * 1000000)::bigint FROM pg_catalog.pg_roles WHERE rolname = session_user "
         "AND pg_catalog.isfinite(rolvaliduntil)) "
         "FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_replication_slots AS s ON s.slot_name = " +
         quote_replication_literal(slot);
}

ServerFacts facts_of(const Result& answer) {
  ServerFacts facts;
  facts.slot.wal_status = std::string(answer.optional_text(0, 0).value_or(""));
  if (!answer.is_null(0, 1)) {
    facts.slot.retained_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, answer.number(0, 1)));
  }
  facts.slot.exists = answer.boolean(0, 2);
  if (!answer.is_null(0, 3) && answer.number(0, 3) >= 0) {
    facts.slot.limit_bytes = static_cast<std::uint64_t>(answer.number(0, 3)) * megabyte;
  }
  facts.role = std::string(answer.text(0, 4));
  if (!answer.is_null(0, 5)) {
    facts.role_ends = Time(std::chrono::microseconds(answer.number(0, 5)));
  }
  return facts;
}
}  // namespace

ServerFacts ask_server(const ConnectionSettings& settings, const std::string& slot, const std::stop_token& stop) {
  const TimeLimit limit(longest_answer, stop);
  try {
    Connection connection = Connection::open(with_database(settings), ReplicationMode::none, limit.token());
    return facts_of(connection.exec(question(slot)));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled && !stop.stop_requested()) {
      throw Error(ErrorKind::database_unreachable, "the server does not answer").caused_by(error);
    }
    throw;
  }
}

}  // namespace pgrecall
