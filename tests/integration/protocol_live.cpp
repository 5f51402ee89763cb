// Speaks the replication protocol with a live server and prints what it got, one JSON object a line.
//
//   protocol_live identity CONNINFO
//   protocol_live backup   CONNINFO [LABEL]        base backup with the WAL it needs, streamed from a temporary slot
//   protocol_live drain    CONNINFO                base backup, bytes thrown away: how fast can it be?
//   protocol_live sql      CONNINFO VALUE          a plain session: gives VALUE, NULL, a server's notice and refusal back
//   protocol_live wal      CONNINFO START TLI END  WAL of that timeline
//
// Without arguments it takes a backup of PGRECALL_TEST_CONNINFO. PGRECALL_PASSWORD is the password. SIGINT and SIGTERM stop it.
// Exit codes are those of pgrecall.

#include <pthread.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/hash.h"
#include "postgres/base_backup.h"
#include "postgres/connection.h"
#include "postgres/replication.h"
#include "postgres/wal_stream.h"

namespace {

using namespace pgrecall;
using Json = nlohmann::ordered_json;

void print(const Json& line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::cout << line.dump() << std::endl;
}

class CountingBackup final : public BaseBackupSink {
 public:
  explicit CountingBackup(bool hash) : hash_(hash) {}

  void on_start(const BaseBackupStart& start) override {
    Json tablespaces = Json::array();
    for (const auto& tablespace : start.tablespaces) {
      tablespaces.push_back({{"oid", tablespace.oid}, {"location", tablespace.location}});
    }
    print({{"event", "start"}, {"lsn", start.start.to_string()}, {"timeline", start.timeline}, {"tablespaces", tablespaces}});
  }

  void on_archive(std::uint32_t tablespace_oid) override {
    archive_ = {{"event", "archive"}, {"tablespace", tablespace_oid}};
    bytes_ = 0;
  }

  void on_data(ByteView bytes) override {
    bytes_ += bytes.size();
    if (hash_) {
      digest_.update(bytes);
    }
  }

  void on_archive_end() override {
    archive_["bytes"] = bytes_;
    if (hash_) {
      archive_["sha256"] = digest_.finish().to_string();
    }
    print(archive_);
    total_ += bytes_;
  }

  void on_manifest_data(ByteView bytes) override { manifest_.append(text_of(bytes)); }

  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] const std::string& manifest() const { return manifest_; }

 private:
  bool hash_;
  Json archive_;
  std::uint64_t bytes_ = 0;
  std::uint64_t total_ = 0;
  Sha256 digest_;
  std::string manifest_;
};

// Holds everything durable at the end of each batch, as a receiver that fsyncs there would.
class CountingWal final : public WalSink {
 public:
  void on_wal(Lsn start, ByteView bytes, Time /*server_time*/) override {
    received_ = Lsn{start.value + bytes.size()};
    bytes_ += bytes.size();
    digest_.update(bytes);
  }
  void on_keepalive(Lsn /*server_end*/, Time server_time) override { last_keepalive_ = format_time(server_time); }
  void on_batch_end() override { durable_ = received_; }
  [[nodiscard]] Lsn durable_position() const override { return durable_; }

  Json summary() {
    return {{"event", "wal"},
            {"bytes", bytes_},
            {"durable", durable_.to_string()},
            {"sha256", digest_.finish().to_string()},
            {"keepalive", last_keepalive_}};
  }

 private:
  Lsn received_;
  Lsn durable_;
  std::uint64_t bytes_ = 0;
  std::string last_keepalive_;
  Sha256 digest_;
};

ConnectionSettings settings_from(const std::string& conninfo) {
  ConnectionSettings settings;
  settings.conninfo = conninfo;
  if (const char* password = std::getenv("PGRECALL_PASSWORD")) {
    settings.password = Secret(password);
  }
  return settings;
}

Connection connect(const std::string& conninfo, const std::stop_token& stop) {
  Connection connection = connect_replication(settings_from(conninfo), stop);
  connection.on_notice([](const ServerNotice& notice) {
    print({{"event", "notice"}, {"severity", notice.severity}, {"sqlstate", notice.sqlstate}, {"message", notice.message}});
  });
  return connection;
}

ServerInfo print_identity(Connection& connection) {
  const ServerInfo info = read_server_info(connection);
  Json line = {{"event", "identity"},
               {"mode", name(connection.mode())},
               {"system", info.identity.system_identifier},
               {"timeline", info.identity.timeline},
               {"flushed", info.identity.flushed.to_string()},
               {"version_num", info.version_num},
               {"wal_segment_size", info.wal_segment_size},
               {"block_size", info.block_size},
               {"data_checksums", info.data_checksums},
               {"full_page_writes", info.full_page_writes},
               {"wal_level", info.wal_level}};
  line["in_recovery"] = info.in_recovery ? Json(*info.in_recovery) : Json();
  line["data_directory"] = info.data_directory ? Json(*info.data_directory) : Json();
  line["database"] = info.identity.database ? Json(*info.identity.database) : Json();
  print(line);
  return info;
}

void print_outcome(const WalStreamOutcome& outcome) {
  static const std::map<WalStreamEnd, std::string> names = {{WalStreamEnd::reached_end, "reached_end"},
                                                            {WalStreamEnd::timeline_ended, "timeline_ended"},
                                                            {WalStreamEnd::server_shutdown, "server_shutdown"}};
  Json line = {{"event", "stream_end"}, {"end", names.at(outcome.end)}, {"received", outcome.received.to_string()}};
  if (outcome.next) {
    line["next_timeline"] = outcome.next->timeline;
    line["next_lsn"] = outcome.next->lsn.to_string();
  }
  print(line);
}

void backup(const std::string& conninfo, const std::string& label, const std::stop_token& stop) {
  Connection wal_connection = connect(conninfo, stop);
  const ServerInfo info = print_identity(wal_connection);
  create_temporary_physical_slot(wal_connection, "pgrecall_live_" + random_hex(4));
  const auto first = WalSegment::containing(info.identity.timeline, info.identity.flushed, info.wal_segment_size);
  WalStream stream(
      wal_connection,
      {.slot = {}, .start = first.start(), .timeline = info.identity.timeline, .status_interval = std::chrono::seconds(10)});
  CountingWal wal;
  std::exception_ptr failure;
  std::jthread receiver([&] {
    try {
      print_outcome(stream.run(wal));
    } catch (...) {
      failure = std::current_exception();
    }
  });
  Connection connection = connect(conninfo, stop);
  CountingBackup sink(true);
  BaseBackupOptions options;
  options.label = label;
  options.checkpoint = BackupCheckpoint::fast;
  try {
    const BaseBackupEnd end = receive_base_backup(connection, options, sink);
    print({{"event", "end"},
           {"lsn", end.stop.to_string()},
           {"timeline", end.timeline},
           {"manifest_bytes", sink.manifest().size()}});
    stream.end_at(WalSegment::containing(end.timeline, Lsn{end.stop.value - 1}, info.wal_segment_size).end());
  } catch (...) {
    stream.end_at(Lsn{});
    receiver.join();
    throw;
  }
  receiver.join();
  if (failure) {
    std::rethrow_exception(failure);
  }
  print(wal.summary());
}

void drain(const std::string& conninfo, const std::stop_token& stop) {
  Connection connection = connect(conninfo, stop);
  CountingBackup sink(false);
  BaseBackupOptions options;
  options.checkpoint = BackupCheckpoint::fast;
  options.sizes = SizeEstimate::none;
  const auto begin = std::chrono::steady_clock::now();
  static_cast<void>(receive_base_backup(connection, options, sink));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  print({{"event", "drain"},
         {"bytes", sink.total()},
         {"seconds", seconds.count()},
         {"mb_per_second", static_cast<double>(sink.total()) / 1e6 / seconds.count()}});
}

void stream_wal(const std::string& conninfo, char** arguments, const std::stop_token& stop) {
  Connection connection = connect(conninfo, stop);
  WalStreamOptions options;
  options.start = Lsn::parse(arguments[0]).value();
  options.timeline = static_cast<Timeline>(std::stoul(arguments[1]));
  WalStream stream(connection, options);
  stream.end_at(Lsn::parse(arguments[2]).value());
  CountingWal wal;
  const WalStreamOutcome outcome = stream.run(wal);
  print_outcome(outcome);
  print(wal.summary());
  if (outcome.next) {
    const auto history = timeline_history(connection, outcome.next->timeline);
    print({{"event", "history"}, {"file", history ? history->file_name : ""}, {"content", history ? history->content : ""}});
  }
}

void plain_sql(const std::string& conninfo, const std::string& value, const std::stop_token& stop) {
  Connection connection = Connection::open(settings_from(conninfo), ReplicationMode::none, stop);
  const std::array<std::optional<std::string>, 2> parameters{value, std::nullopt};
  const Result echoed =
      connection.exec_params("SELECT $1::text, $2::text, 42, true, pg_catalog.pg_lsn '16/B374D848'", parameters);
  std::string notice;
  connection.on_notice([&notice](const ServerNotice& taken) { notice = taken.severity + " " + taken.sqlstate; });
  connection.exec("DO $$ BEGIN RAISE WARNING 'careful'; END $$");
  std::string refused;
  try {
    connection.exec("SELECT 1/0");
  } catch (const Error& error) {
    refused = error.context("sqlstate");
  }
  // The session is of use after a refusal.
  const bool alive = connection.exec("SELECT 1").number(0, 0) == 1;
  print({{"event", "sql"},
         {"value", echoed.text(0, 0)},
         {"null", !echoed.optional_text(0, 1).has_value()},
         {"number", echoed.number(0, 2)},
         {"boolean", echoed.boolean(0, 3)},
         {"lsn", echoed.lsn(0, 4).to_string()},
         {"notice", notice},
         {"refused", refused},
         {"alive", alive}});
}

int run(int argc, char** argv, const std::stop_token& stop) {
  const std::string verb = argc > 2 ? argv[1] : "";
  const char* conninfo = std::getenv("PGRECALL_TEST_CONNINFO");
  try {
    if (argc == 1 && conninfo != nullptr) {
      backup(conninfo, "it's live", stop);
    } else if (verb == "identity") {
      Connection connection = connect(argv[2], stop);
      static_cast<void>(print_identity(connection));
    } else if (verb == "backup") {
      backup(argv[2], argc > 3 ? argv[3] : "it's live", stop);
    } else if (verb == "drain") {
      drain(argv[2], stop);
    } else if (verb == "sql" && argc == 4) {
      plain_sql(argv[2], argv[3], stop);
    } else if (verb == "wal" && argc == 6) {
      stream_wal(argv[2], argv + 3, stop);
    } else {
      std::cerr << "usage: protocol_live identity|backup|drain|sql|wal CONNINFO ...\n";
      return exit_code(ErrorKind::usage);
    }
  } catch (const Error& error) {
    print({{"event", "error"},
           {"kind", name(error.kind())},
           {"message", error.what()},
           {"hint", error.hint()},
           {"sqlstate", error.context("sqlstate")},
           {"passing", error.passing()}});
    return exit_code(error.kind());
  }
  return exit_done;
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::stop_source source;
  std::thread waiter([&source, signals] {
    int received = 0;
    sigwait(&signals, &received);
    source.request_stop();
  });
  const int code = run(argc, argv, source.get_token());
  pthread_kill(waiter.native_handle(), SIGTERM);
  waiter.join();
  return code;
}
