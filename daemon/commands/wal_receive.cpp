#include <filesystem>

#include "commands/wal.h"
#include "jobs/reception_options.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct WalReceiveOptions {
  std::string cluster;
  std::string connection;
  std::string spool;
};

ordered_json to_json(const WalEvent& event) {
  const auto lsn = [](Lsn value) { return value.valid() ? ordered_json(value.to_string()) : ordered_json(nullptr); };
  return {{"event",
           {{"kind", name(event.kind)},
            {"text", event.text},
            {"hint", event.hint},
            {"timeline", event.timeline == 0 ? ordered_json(nullptr) : ordered_json(event.timeline)},
            {"from_lsn", lsn(event.from)},
            {"until_lsn", lsn(event.until)}}}};
}

// Prints what happens, as it happens.
class PrintedEvents final : public WalEvents {
 public:
  explicit PrintedEvents(Console& console) : console_(console) {}

  void on_event(const WalEvent& event) noexcept override {
    if (console_.json()) {
      const std::string line = to_json(event).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
      event.harmless() ? console_.message(line) : console_.error(line);
    } else if (event.harmless()) {
      console_.message(event.text);
    } else {
      console_.warning(event.text + (event.hint.empty() ? "" : "\nhint: " + event.hint));
    }
  }

 private:
  Console& console_;
};

WalReceptionOptions options_of(const WalReceiveOptions& options, Session& session) {
  const Config* config = session.config();
  const ClusterConfig* cluster =
      config != nullptr && config->clusters.contains(options.cluster) ? &config->clusters.at(options.cluster) : nullptr;
  WalReceptionOptions reception = reception_options(options.cluster, session.connection(options.cluster, options.connection),
                                                    cluster, config != nullptr ? config->spool : std::string());
  if (!options.spool.empty()) {
    reception.spool = std::filesystem::absolute(options.spool).lexically_normal().string();
  }
  if (reception.spool.empty()) {
    throw Error(ErrorKind::usage, "where received WAL is to lie until the repository has it was not said",
                "add --spool DIR, or name a configuration by --config");
  }
  return reception;
}

std::string summary_text(const WalReceiverStatus& status) {
  std::string text = "stopped receiving WAL of " + status.cluster;
  if (status.durable.valid()) {
    text += " at " + status.durable.to_string();
  }
  if (status.timeline != 0) {
    text += " on timeline " + std::to_string(status.timeline);
  }
  if (status.waiting_segments > 0) {
    text += "; " + format_count(status.waiting_segments, "segment waits", "segments wait") + " in the spool for the repository";
  }
  return text + "\n";
}

int run_wal_receive(const WalReceiveOptions& options, Session& session) {
  Console& console = session.console();
  const std::stop_token stop = session.stop();
  WalReceptionOptions reception = options_of(options, session);
  const Repository& repository = session.repository_of(options.cluster);
  PrintedEvents events(console);
  WalReception receiver(repository, std::move(reception), session.clock(), events);
  receiver.run(stop);
  const WalReceiverStatus status = receiver.status();
  if (console.json()) {
    console.json_data(ordered_json{{"receiver", to_json(status)}});
  }
  console.summary(summary_text(status));
  return exit_done;
}
}  // namespace

void add_wal_receive(CommandLine& line, CLI::App& wal) {
  CLI::App& verb = add_verb(wal, "receive", "Receive a cluster's WAL as it is written, until stopped");
  const auto options = std::make_shared<WalReceiveOptions>();
  verb.add_option("CLUSTER", options->cluster, "The cluster's name, in the configuration and in the repository")->required();
  verb.add_option("--connection", options->connection,
                  "How to reach the server, without a configuration: libpq's connection string or URI, without a password")
      ->type_name("CONNINFO");
  verb.add_option("--spool", options->spool, "Where WAL lies until the repository has it (default: the configuration's)")
      ->type_name("DIR");
  on_chosen(line, verb, [options](Session& session) { return run_wal_receive(*options, session); });
}

}  // namespace pgrecall
