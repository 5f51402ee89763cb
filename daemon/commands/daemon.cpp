#include <filesystem>

#include "commands/commands.h"
#include "service/service.h"

namespace pgrecall {

namespace {
int run_daemon(Session& session) {
  if (session.names_repository()) {
    throw Error(ErrorKind::usage, "the daemon works by its configuration alone",
                "leave --repository and its key out; --config FILE");
  }
  static_cast<void>(session.config());  // told of as any command tells, before anything is started
  LoadedConfig loaded = load_config(session.config_path());
  loaded.file = std::filesystem::absolute(loaded.file).lexically_normal().string();  // it is read again at each reload
  return run_service(std::move(loaded), {});
}
}  // namespace

void add_daemon(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "daemon", "The service: receives WAL and runs jobs by schedule, until it is told to end");
  on_chosen(line, verb, [](Session& session) { return run_daemon(session); });
}

}  // namespace pgrecall
