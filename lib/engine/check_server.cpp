#include <chrono>
#include <cstdlib>

#include "base/hash.h"
#include "base/units.h"
#include "engine/check_list.h"
#include "engine/server_files.h"
#include "io/rate_limiter.h"
#include "postgres/conninfo.h"
#include "postgres/postgres_version.h"
#include "postgres/replication.h"

namespace pgrecall {

namespace {

constexpr std::uint64_t connections_of_a_backup = 2;  // one copies files, one streams WAL
constexpr std::chrono::seconds tolerated_clock_difference{5};

class ServerCheck {
 public:
  ServerCheck(const ConnectionSettings& settings, std::optional<std::uint64_t> expected_system, const std::stop_token& stop)
      : settings_(settings), expected_system_(expected_system), stop_(stop) {}

  std::vector<CheckItem> run() {
    if (!list_.look_at("connection", [this] { connect(); }) || !list_.look_at("server", [this] { meet(); })) {
      return list_.take();
    }
    list_.look_at("encryption", [this] { encryption(); });
    list_.look_at("privileges", [this] { privileges(); });
    list_.look_at("wal senders", [this] {
      room("wal senders", "max_wal_senders", "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication",
           // This check's own session is one of them.
           connections_of_a_backup + 1);
    });
    list_.look_at("replication slots", [this] {
      room("replication slots", "max_replication_slots", "SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots", 1);
    });
    list_.look_at("temporary slot", [this] { temporary_slot(); });
    list_.look_at("clock", [this] { compare_clocks(); });
    list_.look_at("tablespaces", [this] { tablespaces(); });
    list_.look_at("configuration files", [this] { configuration_files(); });
    return list_.take();
  }

 private:
  [[nodiscard]] bool has_sql() const { return connection_->mode() == ReplicationMode::database; }

  void connect() {
    connection_.emplace(connect_replication(settings_, stop_));
    list_.good("connection", has_sql() ? "replication=database (pg_hba.conf needs no line for `replication`)"
                                       : "replication=true; no SQL in this session, so some things cannot be looked at");
  }

  void meet() {
    info_ = read_server_info(*connection_);
    const auto major = static_cast<unsigned>(info_.major());
    if (supported_major(major)) {
      list_.good("version",
                 "PostgreSQL " + info_.version + ", system identifier " + std::to_string(info_.identity.system_identifier));
    } else {
      list_.bad("version", "PostgreSQL " + info_.version,
                "pgrecall backs up PostgreSQL " + std::to_string(oldest_supported_major) + " to " +
                    std::to_string(newest_supported_major));
    }
    if (expected_system_ && *expected_system_ != info_.identity.system_identifier) {
      list_.bad(
          "system",
          "this name belongs to system " + std::to_string(*expected_system_) + ": nothing of this server is backed up under it",
          "is it the right host? When it was upgraded or rebuilt on purpose: pgrecall backup CLUSTER --new-system");
    }
    if (info_.wal_level == "minimal") {
      list_.bad("wal_level", info_.wal_level, "set wal_level = replica and restart the server");
    } else {
      list_.good("wal_level", info_.wal_level);
    }
    if (info_.full_page_writes) {
      list_.good("full_page_writes", "on");
    } else {
      list_.warning("full_page_writes", "off",
                    "set full_page_writes = on: without it a crash can leave torn pages, and a standby "
                    "cannot be backed up");
    }
    if (info_.data_checksums) {
      list_.good("data checksums", "on");
    } else {
      list_.warning("data checksums", "off: pages that rot on the server's disk cannot be noticed",
                    "stop the server and run pg_checksums --enable");
    }
    if (info_.in_recovery.value_or(false)) {
      list_.good("recovery", "the server is a standby; a backup waits for its next restart point");
    } else {
      list_.good("recovery", "the server is a primary");
    }
  }

  // A host is told by the session: several may be named in the settings.
  void encryption() {
    const Error session = connection_->error("");
    const std::string host(session.context("host"));
    if (host.empty() || host.starts_with('/') || host == "localhost" || host.starts_with("127.") || host == "::1") {
      list_.good("encryption", "not needed: the server is on this host");
      return;
    }
    const ConnectParameters parameters = connect_parameters(settings_, ReplicationMode::database);
    const std::string* configured = parameters.find("sslmode");
    const char* from_environment = std::getenv("PGSSLMODE");
    const std::string mode = configured != nullptr && !configured->empty() ? *configured
                             : from_environment != nullptr                 ? from_environment
                                                                           : "prefer";
    if (mode == "verify-full") {
      list_.good("encryption", "sslmode=verify-full");
    } else {
      list_.warning("encryption", "sslmode=" + mode + ": the server's identity is not checked, so all its data may go to another",
                    "use sslmode=verify-full with sslrootcert");
    }
  }

  void privileges() {
    if (!has_sql()) {
      list_.good("privileges", "the role may replicate");
      return;
    }
    const Result role = connection_->exec(
        "SELECT rolsuper, rolreplication, pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles WHERE rolname = current_user");
    if (role.rows() != 1) {
      list_.good("privileges", "the role may replicate");
      return;
    }
    role_ = role.text(0, 2);
    if (role.boolean(0, 0)) {
      list_.warning("privileges", "the role " + role_ + " is a superuser",
                    "a role with LOGIN and REPLICATION is enough: CREATE ROLE pgrecall LOGIN REPLICATION");
    } else {
      list_.good("privileges", "the role " + role_ + " has " + (role.boolean(0, 1) ? "REPLICATION" : "the right to replicate") +
                                   " and is no superuser");
    }
  }

  void room(const std::string& what, std::string_view setting, std::string_view count, std::uint64_t needed) {
    const auto shown = show_setting(*connection_, setting);
    const std::uint64_t most = shown ? std::strtoull(shown->c_str(), nullptr, 10) : 0;
    const std::uint64_t used = has_sql() ? connection_->exec(count).unsigned_number(0, 0) : 0;
    const std::string detail = std::to_string(used) + " of " + std::to_string(most) + " in use";
    const std::uint64_t own = what == "wal senders" && has_sql() ? 1 : 0;
    if (most < used + needed - own) {
      list_.bad(what, has_sql() ? detail : std::string(setting) + " is " + std::to_string(most),
                "a backup needs " + std::to_string(what == "wal senders" ? connections_of_a_backup : needed) + "; raise " +
                    std::string(setting) + " and restart the server");
    } else {
      list_.good(what, has_sql() ? detail : std::string(setting) + " is " + std::to_string(most));
    }
  }

  // The slot goes with its session: nothing stays on the server.
  void temporary_slot() {
    Connection second = connect_replication(settings_, stop_);
    create_temporary_physical_slot(second, "pgrecall_check_" + random_hex(6));
    list_.good("temporary slot", "could be made");
  }

  void compare_clocks() {
    if (!has_sql()) {
      return;
    }
    using std::chrono::microseconds;
    const auto before = std::chrono::system_clock::now();
    const Result answer =
        connection_->exec("SELECT pg_catalog.int8(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000)");
    const auto after = std::chrono::system_clock::now();
    const std::chrono::system_clock::time_point server{std::chrono::milliseconds(answer.number(0, 0))};
    const auto middle = before + (after - before) / 2;
    const auto difference = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::abs(server - middle));
    const std::string text = format_duration(difference) + (server < middle ? " behind" : " ahead of") + " this host";
    if (difference > tolerated_clock_difference + (after - before)) {
      list_.warning("clock", "the server's is " + text, "run NTP on both hosts: recovery targets are times of the server");
    } else {
      list_.good("clock", "the server's agrees with this host's");
    }
  }

  void tablespaces() {
    if (!has_sql()) {
      return;
    }
    // 1663 and 1664 are pg_default and pg_global.
    const Result found =
        connection_->exec("SELECT pg_catalog.count(*) FROM pg_catalog.pg_tablespace WHERE oid NOT IN (1663, 1664)");
    const std::uint64_t count = found.unsigned_number(0, 0);
    list_.good("tablespaces", count == 0 ? "none besides the default" : std::to_string(count) + " besides the default");
  }

  void configuration_files() {
    const ConfigurationFiles found = read_configuration_files(*connection_);
    if (found.problem.empty()) {
      list_.good("configuration files", "those outside the data directory can be read");
      return;
    }
    const std::string role = role_.empty() ? std::string("the role") : role_;
    list_.warning(
        "configuration files", "those outside the data directory, if there are any, would not be backed up: " + found.problem,
        has_sql() ? "GRANT pg_read_all_settings, pg_read_server_files TO " + role +
                        "; GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO " + role + "; or keep copies of them elsewhere"
                  : "let the role connect to a database, or keep copies of them elsewhere");
  }

  const ConnectionSettings& settings_;
  const std::optional<std::uint64_t> expected_system_;
  const std::stop_token stop_;
  CheckList list_;
  std::optional<Connection> connection_;
  ServerInfo info_;
  std::string role_;  // quoted for SQL
};

}  // namespace

std::vector<CheckItem> check_server(const ConnectionSettings& connection, std::optional<std::uint64_t> expected_system,
                                    const std::stop_token& stop) {
  return ServerCheck(connection, expected_system, stop).run();
}

}  // namespace pgrecall
