#include "engine/extract/extract.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/hash.h"
#include "base/wording.h"
#include "engine/extract/database_sink.h"
#include "engine/extract/dump_program.h"
#include "engine/extract/extract_plan.h"
#include "engine/extract/file_sinks.h"
#include "engine/extract/fresh_database.h"
#include "engine/extract/scratch_search.h"
#include "engine/extract/transfer.h"
#include "engine/scratch_directory.h"
#include "engine/scratch_server.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

using What = ExtractRequest::What;
using ExtractMoment = std::chrono::steady_clock::time_point;

std::chrono::milliseconds passed_since(ExtractMoment begin) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
}

// PostgreSQL takes a damaged record for the end of the WAL: what came behind it would be missing without a word.
void require_whole_wal(const RestorePlan& plan, const ServerMoment& moment) {
  if (plan.recovery->last_record && moment.replayed.valid() && moment.replayed <= *plan.recovery->last_record) {
    throw Error(ErrorKind::corruption, "recovery ended before the end of the WAL: transactions are missing in the scratch server",
                "run pgrecall verify; an earlier moment can be reached by --at")
        .with("expected", "behind " + plan.recovery->last_record->to_string())
        .with("found", moment.replayed.to_string());
  }
}

class ExtractRun {
 public:
  ExtractRun(const Repository& repository, const ExtractRequest& request, Progress& progress, const std::stop_token& stop)
      : repository_(repository),
        request_(request),
        progress_(progress),
        stop_(stop),
        scratch_(request.scratch, "extract of " + request.cluster) {}

  ExtractReport execute();

 private:
  void bring_up(std::optional<ScratchServer>& server);
  void copy_out(ScratchServer& server);
  void select(ScratchDatabase& source);
  void rename(ScratchDatabase& source) const;
  void to_files(ScratchServer& server, ScratchDatabase& source);
  void into_database(ScratchServer& server, ScratchDatabase& source, DatabaseSink& target);
  void into_new_database(ScratchServer& server);
  void query_to_file(const ScratchServer& server);
  void require_needs(ScratchDatabase& source, DatabaseSink& target) const;
  void require_names(ScratchDatabase& source, DatabaseSink& target) const;
  void settle_owners(ScratchDatabase& source, DatabaseSink& target);
  void note(std::string text) { report_.notes.push_back({.text = std::move(text), .statement = {}}); }

  const Repository& repository_;
  const ExtractRequest& request_;
  Progress& progress_;
  const std::stop_token& stop_;
  ScratchDirectory scratch_;
  ExtractReport report_;
  bool owners_known_ = true;
};

void ExtractRun::bring_up(std::optional<ScratchServer>& server) {
  const ExtractMoment begin = std::chrono::steady_clock::now();
  const RestorePlan& plan = report_.plan.restore;
  static_cast<void>(restore(repository_, plan, progress_, stop_));
  report_.restoring = passed_since(begin);
  ScratchServerOptions options;
  options.passphrase = request_.passphrase;
  options.users = request_.users;
  server.emplace(scratch_, plan, options, progress_, stop_);
  require_whole_wal(plan, server->moment());
  report_.moment = server->moment();
  server->promote();
  report_.replaying = passed_since(begin) - report_.restoring;
}

void ExtractRun::select(ScratchDatabase& source) {
  switch (request_.what) {
    case What::tables: static_cast<void>(source.select_tables(request_.tables)); break;
    case What::schemas: static_cast<void>(source.select_schemas(request_.schemas)); break;
    case What::database: source.select_everything(); break;
    case What::query: break;
  }
  source.settle();
  if (request_.what == What::tables && source.relations().empty()) {
    throw Error(ErrorKind::failed, "what was asked for belongs to an extension, and comes with that",
                "extract it as a query: --query 'select * from ...', or the whole database");
  }
}

void ExtractRun::rename(ScratchDatabase& source) const {
  if (!request_.table_renames.empty()) {
    source.rename_tables(request_.table_renames);
  }
  if (request_.what == What::schemas && !request_.renames.empty()) {
    source.rename_schemas(request_.renames);
  }
}

void ExtractRun::query_to_file(const ScratchServer& server) {
  CsvSink sink(request_.to, "query.csv");
  copy_query(server.connect(report_.database), request_.query, sink, report_, progress_);
  sink.finish();
  report_.files = sink.files();
}

void ExtractRun::to_files(ScratchServer& server, ScratchDatabase& source) {
  select(source);
  rename(source);
  if (request_.what != What::database) {
    report_.needs = source.needs();
  }
  if (request_.owners == ExtractRequest::Owners::keep && request_.format == ExtractRequest::Format::sql) {
    for (const NeededRole& role : source.roles()) {
      report_.roles.push_back(role.name);
    }
    if (const std::string owner = source.bootstrap_owner(); !owner.empty()) {
      report_.roles.push_back(owner);
    }
  }
  std::unique_ptr<ExtractSink> sink;
  if (request_.format == ExtractRequest::Format::csv) {
    sink = std::make_unique<CsvSink>(request_.to);
  } else {
    sink = std::make_unique<SqlFileSink>(request_.to);
  }
  Transfer bring(request_, report_, server, source, progress_, stop_);
  if (sink->takes_definitions()) {
    bring.read_definitions();
  }
  bring.into(*sink);
  sink->finish();
  report_.files = sink->files();
}

void ExtractRun::require_needs(ScratchDatabase& source, DatabaseSink& target) const {
  const std::vector<ObjectAddress> missing = target.missing(source.needs());
  if (missing.empty()) {
    return;
  }
  std::string list;
  for (const ObjectAddress& each : missing) {
    list += (list.empty() ? "" : ", ") + each.description;
  }
  throw Error(ErrorKind::failed, target.description() + " lacks what is needed by what is extracted: " + list,
              "extract that too: its whole schema by --schema, its table by another --table; or make it first")
      .with("missing", missing.size());
}

void ExtractRun::require_names(ScratchDatabase& source, DatabaseSink& target) const {
  if (const auto taken = target.taken(source.all_names()); !taken.empty()) {
    throw name_taken(taken.front().text(), target.description(),
                     request_.what == What::tables
                         ? request_.tables.front().text() + "=" + request_.tables.front().name + "_recovered"
                         : request_.schemas.front() + "=" + request_.schemas.front() + "_recovered");
  }
}

// Roles that the target does not have, or of which this session cannot make owners, are replaced by the one that connects.
void ExtractRun::settle_owners(ScratchDatabase& source, DatabaseSink& target) {
  if (request_.owners == ExtractRequest::Owners::leave) {
    return;
  }
  std::vector<std::string> names;
  const std::vector<NeededRole> roles = source.roles();
  for (const NeededRole& role : roles) {
    names.push_back(role.name);
  }
  const std::set<std::string> known = target.known_roles(names);
  const std::set<std::string> owners = target.possible_owners(names);
  for (const NeededRole& role : roles) {
    const bool owns = role.owns == NeededRole::Owns::something;
    if (!known.contains(role.name)) {
      source.hand_over(role.name, target.user(), ScratchDatabase::Grants::drop);
      note("role " + role.name + " is not there: " + (owns ? "what it owned belongs to " + target.user() + ", and " : "") +
           "what was granted to it is left out");
    } else if (owns && !owners.contains(role.name)) {
      source.hand_over(role.name, target.user(), ScratchDatabase::Grants::keep);
      note("what " + role.name + " owned belongs to " + target.user() + ", who is no member of it");
    }
  }
  const std::string bootstrap = source.bootstrap_owner();
  if (!bootstrap.empty() && !target.possible_owners({bootstrap}).contains(bootstrap)) {
    owners_known_ = false;
    note("owners and grants are left out: " + bootstrap + ", who owned some of it, " +
         (target.known_roles({bootstrap}).empty() ? "is not there" : "has no member " + target.user()) +
         "; everything belongs to " + target.user());
  }
}

void ExtractRun::into_database(ScratchServer& server, ScratchDatabase& source, DatabaseSink& target) {
  select(source);
  rename(source);
  require_needs(source, target);
  require_names(source, target);
  settle_owners(source, target);
  target.begin();
  std::set<std::string> schemas;
  for (const QualifiedName& name : source.relations()) {
    schemas.insert(name.schema);
  }
  for (const std::string& schema : request_.schemas) {
    const std::string name = renamed(request_.renames, schema);
    const auto state = target.schema_state(name);
    if (state == DatabaseSink::SchemaState::used) {
      throw name_taken("a schema " + in_quotes(name) + " that is not empty", target.description(),
                       schema + "=" + schema + "_recovered");
    }
    if (state == DatabaseSink::SchemaState::empty) {
      target.keep_schema(name);
      note("schema " + name + " was there, and empty: it was filled");
    }
    if (name != "public") {
      schemas.erase(name);
    }
  }
  for (const std::string& schema : schemas) {
    if (target.schema_state(schema) == DatabaseSink::SchemaState::missing) {
      target.create_schema(schema);
      note("schema " + schema + " was made: it was not there");
    }
  }
  Transfer bring(request_, report_, server, source, progress_, stop_);
  if (!owners_known_) {
    bring.leave_owners();
  }
  bring.read_definitions();
  bring.into(target);
  target.finish();
  report_.arrived_in = target.database();
}

void ExtractRun::into_new_database(ScratchServer& server) {
  const std::string final_name = renamed(request_.renames, request_.database);
  FreshDatabase fresh(*request_.into, final_name, report_.plan.restore.backup.summary.server_version / 10'000, stop_);
  const std::string elsewhere = request_.database == "template1" ? "postgres" : "template1";
  server.connect(elsewhere).exec("alter database " + quote_identifier(request_.database) + " rename to " + fresh.working_name());
  ScratchDatabase source(server.connect(fresh.working_name()), fresh.working_name());
  select(source);
  settle_owners(source, fresh.server());
  Transfer bring(request_, report_, server, source, progress_, stop_);
  if (!owners_known_) {
    bring.leave_owners();
  }
  bring.read_definitions();
  fresh.create(line_that_begins(bring.before_rows(), "CREATE DATABASE "));
  bring.drop_database_statements(fresh.working_name());
  {
    DatabaseSink target = fresh.connect();
    target.begin();
    bring.into(target);
    target.finish();
  }
  fresh.publish();
  report_.arrived_in = final_name;
}

void ExtractRun::copy_out(ScratchServer& server) {
  const ExtractMoment begin = std::chrono::steady_clock::now();
  progress_.enter("extracting", "extract");
  report_.database = find_database(server, request_, stop_);
  if (request_.what == What::database && request_.into) {
    into_new_database(server);
  } else if (request_.what == What::query) {
    query_to_file(server);
  } else {
    ScratchDatabase source(server.connect(report_.database), report_.database);
    if (request_.into) {
      DatabaseSink target(*request_.into, server.major(), stop_);
      into_database(server, source, target);
    } else {
      to_files(server, source);
    }
  }
  report_.extracting = passed_since(begin);
}

ExtractReport ExtractRun::execute() {
  progress_.enter("planning", "plan");
  report_.plan = plan_extract_into(repository_, request_, scratch_, stop_);
  {
    std::optional<ScratchServer> server;
    bring_up(server);
    copy_out(*server);
  }
  progress_.enter("removing the scratch copy");
  scratch_.remove();
  return std::move(report_);
}

// What needs no restore to be known.
void refuse_early(const ExtractRequest& request, const std::stop_token& stop) {
  require_room_for_names(request, stop);
  if (!request.to.empty()) {
    prepare_output_directory(request.to);
  }
}

template <typename Operation>
auto in_scratch(const ExtractRequest& request, Operation operation) {
  try {
    static_cast<void>(clean_scratch(request.scratch));
    return operation();
  } catch (const fs::filesystem_error& error) {
    throw system_error("cannot work in the scratch directory", error.path1().string(), error.code().value());
  }
}

}  // namespace

ExtractPlan plan_extract(const Repository& repository, const ExtractRequest& request, const std::stop_token& stop) {
  require_room_for_names(request, stop);
  return in_scratch(request, [&] {
    const ScratchDirectory scratch(request.scratch, "plan of an extract of " + request.cluster);
    return plan_extract_into(repository, request, scratch, stop);
  });
}

ExtractReport extract(const Repository& repository, const ExtractRequest& request, Progress& progress,
                      const std::stop_token& stop) {
  refuse_early(request, stop);
  return in_scratch(request, [&] { return ExtractRun(repository, request, progress, stop).execute(); });
}

}  // namespace pgrecall
