#include "commands/wal.h"
#include "engine/wal/push.h"
#include "jobs/backup_job.h"
#include "output/text.h"

namespace pgrecall {

namespace {
struct WalPushOptions {
  std::vector<std::string> arguments;  // [CLUSTER] PATH
};

WalPushRequest request_of(const WalPushOptions& options, Session& session) {
  WalPushRequest request;
  request.path = options.arguments.back();
  if (options.arguments.size() == 2) {
    request.cluster = options.arguments.front();
  }
  const Config* config = session.config();
  if (config != nullptr && config->clusters.contains(request.cluster)) {
    request.compression = configured_compression(config->clusters.at(request.cluster).backup.compression);
  }
  return request;
}

std::string_view outcome_text(WalPushOutcome outcome) {
  switch (outcome) {
    case WalPushOutcome::stored: return "stored";
    case WalPushOutcome::already_there: return "already_there";
    case WalPushOutcome::ignored: break;
  }
  return "ignored";
}

int run_wal_push(const WalPushOptions& options, Session& session) {
  const WalPushRequest request = request_of(options, session);
  const Repository& repository = request.cluster.empty() ? *session.open({}).repository : session.repository_of(request.cluster);
  const WalPushed pushed = push_wal(repository, request);
  Console& console = session.console();
  if (console.json()) {
    console.json_data(nlohmann::ordered_json{
        {"pushed",
         {{"cluster", pushed.cluster.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(pushed.cluster)},
          {"file", pushed.file},
          {"outcome", outcome_text(pushed.outcome)},
          {"object", pushed.object.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(pushed.object)},
          {"object_bytes", pushed.object_size}}}});
  }
  // Archiving is quiet when all is well: the server's log gets every line of this.
  console.detail(pushed.file + ": " + std::string(outcome_text(pushed.outcome)));
  return exit_done;
}
}  // namespace

void add_wal_push(CommandLine& line, CLI::App& wal) {
  CLI::App& verb = add_verb(wal, "push", "Store one WAL file, as archive_command: pgrecall wal push CLUSTER %p");
  const auto options = std::make_shared<WalPushOptions>();
  verb.add_option("ARGUMENTS", options->arguments,
                  "[CLUSTER] PATH: the file to store; without CLUSTER, the one that has the file's system identifier")
      ->type_name("[CLUSTER] PATH")
      ->required()
      ->expected(1, 2);
  on_chosen(line, verb, [options](Session& session) { return run_wal_push(*options, session); });
}

}  // namespace pgrecall
