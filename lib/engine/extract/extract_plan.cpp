#include "engine/extract/extract_plan.h"

#include "base/error.h"
#include "base/wording.h"
#include "engine/extract/database_sink.h"
#include "engine/extract/dump_program.h"
#include "engine/postgres_program.h"
#include "engine/recovery_plan.h"

namespace pgrecall {

namespace {

using What = ExtractRequest::What;

std::string choose_binaries(const Repository& repository, const ExtractRequest& request) {
  if (request.binaries.empty()) {
    return {};
  }
  const unsigned major = major_of_target(repository, request.cluster, request.recovery.target, request.backup);
  for (const std::string& directory : request.binaries) {
    if (program_major(directory) == major) {
      return directory;
    }
  }
  return {};
}

void require_server(const RestorePlan& plan) {
  const unsigned major = plan.backup.summary.server_version / 10'000;
  if (plan.postgres_binaries.empty()) {
    throw Error(ErrorKind::failed, "extract needs PostgreSQL " + std::to_string(major) + " on this host, for the scratch server",
                "install it (postgresql-" + std::to_string(major) + "), or say where its programs are: --binaries DIR");
  }
  if (!plan.unreadable.empty()) {
    throw Error(ErrorKind::failed,
                "user " + plan.owner + ", who would run the scratch server, may not read what its restore_command needs",
                "let that user read it, or give the scratch directory to the user who owns it: that one runs the server")
        .with("path", plan.unreadable.front());
  }
}

std::string find_dump(const ExtractRequest& request, const RestorePlan& plan) {
  if (request.what == What::query || request.format == ExtractRequest::Format::csv) {
    return {};
  }
  const unsigned major = plan.backup.summary.server_version / 10'000;
  std::vector<std::string> directories{plan.postgres_binaries};
  directories.insert(directories.end(), request.binaries.begin(), request.binaries.end());
  const auto program = find_dump_program(directories, major);
  if (!program) {
    throw Error(ErrorKind::failed, "extract needs pg_dump of version " + std::to_string(major) + " or newer on this host",
                "install postgresql-client-" + std::to_string(major) +
                    ", or say where it is: --binaries DIR; --format csv does without, for the rows alone");
  }
  return program->path;
}

}  // namespace

std::string renamed(const std::vector<std::pair<std::string, std::string>>& renames, const std::string& name) {
  for (const auto& [from, to] : renames) {
    if (from == name) {
      return to;
    }
  }
  return name;
}

QualifiedName renamed(const std::vector<TableRename>& renames, const QualifiedName& name) {
  for (const TableRename& rename : renames) {
    if (rename.from == name) {
      return rename.to;
    }
  }
  return name;
}

Error name_taken(const std::string& what, const std::string& where, const std::string& example) {
  return {ErrorKind::failed, where + " already has " + what + ", and nothing there is overwritten",
          "bring it under another name: --rename " + example};
}

void require_room_for_names(const ExtractRequest& request, const std::stop_token& stop) {
  if (!request.into) {
    return;
  }
  DatabaseSink there(*request.into, 0, stop);
  if (request.what == What::database) {
    const std::string name = renamed(request.renames, request.database);
    if (there.database_exists(name)) {
      throw name_taken("a database " + in_quotes(name), "the server", request.database + "=" + request.database + "_recovered");
    }
  }
  for (const std::string& schema : request.schemas) {
    const std::string name = renamed(request.renames, schema);
    if (there.schema_state(name) == DatabaseSink::SchemaState::used) {
      throw name_taken("a schema " + in_quotes(name) + " that is not empty", there.description(),
                       schema + "=" + schema + "_recovered");
    }
  }
  std::vector<QualifiedName> names;
  for (const QualifiedName& table : request.tables) {
    names.push_back(renamed(request.table_renames, table));
  }
  if (const auto taken = there.taken(names); !taken.empty()) {
    throw name_taken(taken.front().text(), there.description(), taken.front().text() + "=" + taken.front().name + "_recovered");
  }
}

ExtractPlan plan_extract_into(const Repository& repository, const ExtractRequest& request, const ScratchDirectory& scratch,
                              const std::stop_token& stop) {
  RestoreRequest restore;
  restore.cluster = request.cluster;
  restore.into = scratch.data();
  restore.tablespaces_into = scratch.tablespaces();
  restore.workers = request.workers;
  restore.binaries = choose_binaries(repository, request);
  restore.backup = request.backup;
  restore.recovery = request.recovery;
  restore.recovery->action = TargetAction::pause;
  ExtractPlan plan;
  plan.restore = plan_restore(repository, restore, stop);
  require_server(plan.restore);
  plan.dump_program = find_dump(request, plan.restore);
  return plan;
}

}  // namespace pgrecall
