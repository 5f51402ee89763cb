#include "jobs/drill_job.h"

#include <filesystem>

#include "base/hash.h"
#include "base/units.h"
#include "engine/canary.h"
#include "jobs/restore_command.h"
#include "output/drill_text.h"
#include "postgres/conninfo.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

std::optional<DrillRecord::Aim> aim_of(const std::string& word) {
  for (const DrillRecord::Aim aim : {DrillRecord::Aim::newest, DrillRecord::Aim::random, DrillRecord::Aim::oldest}) {
    if (word == name(aim)) {
      return aim;
    }
  }
  return std::nullopt;
}

std::optional<RecoveryTarget> target_of(const DrillWishes& wishes) {
  RecoveryTarget target;
  if (wishes.at) {
    target.kind = RecoveryTarget::Kind::time;
    target.time = *wishes.at;
  } else if (wishes.lsn) {
    target.kind = RecoveryTarget::Kind::lsn;
    target.lsn = *wishes.lsn;
  } else {
    return std::nullopt;
  }
  return target;
}

// The role that backs the cluster up is one that the copy has, too.
std::vector<std::string> users_of(const ClusterConfig& configured) {
  ConnectionSettings settings;
  settings.conninfo = configured.connection.reveal();
  const ConnectParameters parameters = connect_parameters(settings, ReplicationMode::none);
  const std::string* user = parameters.find("user");
  return user == nullptr ? std::vector<std::string>() : std::vector<std::string>{*user};
}

void take_configured(DrillRequest& request, const ClusterConfig& configured) {
  request.binaries = configured.drill.binaries;
  request.libraries = configured.drill.libraries;
  request.budget = configured.drill.budget;
  request.workers = configured.parallel.workers;
  request.users = users_of(configured);
  for (const auto& [query_name, query] : configured.drill.queries) {
    const auto expectation = Expectation::parse(query.expect);
    if (!expectation) {
      throw Error(ErrorKind::configuration, "drill query " + query_name + " expects what nothing can be: " + query.expect);
    }
    request.queries.push_back({query_name, query.database, query.query, *expectation});
  }
}

DrillRequest request_of(const DrillPlace& place, const DrillWishes& wishes, const Repository& repository) {
  DrillRequest request;
  request.cluster = place.cluster;
  if (place.configured != nullptr) {
    take_configured(request, *place.configured);
  }
  request.heartbeats = place.state.empty() ? std::string() : HeartbeatLedger::path_in(place.state, place.cluster);
  request.aim = aim_of(wishes.aim);
  request.target = target_of(wishes);
  request.scratch = wishes.scratch.empty() ? place.scratch : wishes.scratch;
  if (!wishes.binaries.empty()) {
    request.binaries.insert(request.binaries.begin(), wishes.binaries);
  }
  request.budget = wishes.budget.value_or(request.budget);
  request.leave = wishes.keep_scratch ? DrillRequest::Leave::scratch : DrillRequest::Leave::nothing;
  RestoreCommand command = restore_command(place.cluster, place.address, repository, {});
  request.restore_command = std::move(command.command);
  request.needed_paths = std::move(command.paths);
  request.passphrase = std::move(command.passphrase);
  fill_random(std::as_writable_bytes(std::span(&request.seed, 1)));
  return request;
}

void take_wish(DrillWishes& wishes, const std::string& key, const ordered_json& value, const Error& bad) {
  if (key == "aim" && (aim_of(value.get<std::string>()) || value.get<std::string>().empty())) {
    wishes.aim = value.get<std::string>();
  } else if (key == "at_us") {
    wishes.at = Time(std::chrono::microseconds(value.get<std::int64_t>()));
  } else if (key == "lsn" && Lsn::parse(value.get<std::string>())) {
    wishes.lsn = Lsn::parse(value.get<std::string>());
  } else if (key == "keep_scratch") {
    wishes.keep_scratch = value.get<bool>();
  } else if ((key == "scratch" || key == "binaries") && value.get<std::string>().starts_with('/')) {
    (key == "scratch" ? wishes.scratch : wishes.binaries) = value.get<std::string>();
  } else if (key == "budget_seconds" && value.get<std::int64_t>() > 0) {
    wishes.budget = std::chrono::seconds(value.get<std::int64_t>());
  } else {
    throw Error(bad).with("option", key);
  }
}
}  // namespace

ordered_json to_json(const DrillWishes& wishes) {
  ordered_json json = ordered_json::object();
  const auto add = [&](const char* key, const std::string& text) {
    if (!text.empty()) {
      json[key] = text;
    }
  };
  add("aim", wishes.aim);
  if (wishes.at) {
    json["at_us"] = wishes.at->time_since_epoch().count();
  }
  add("lsn", wishes.lsn ? wishes.lsn->to_string() : std::string());
  if (wishes.keep_scratch) {
    json["keep_scratch"] = true;
  }
  add("scratch", wishes.scratch);
  add("binaries", wishes.binaries);
  if (wishes.budget) {
    json["budget_seconds"] = std::chrono::ceil<std::chrono::seconds>(*wishes.budget).count();
  }
  return json;
}

DrillWishes drill_wishes_of(const ordered_json& json) {
  DrillWishes wishes;
  const Error bad(ErrorKind::usage, "the options of a drill do not have this", "docs/api.md lists them");
  for (const auto& [key, value] : json.items()) {
    try {
      take_wish(wishes, key, value, bad);
    } catch (const ordered_json::exception& wrong_type) {
      throw Error(bad).with("option", key).caused_by(wrong_type);
    }
  }
  return wishes;
}

JobOutcome run_drill_job(const DrillPlace& place, const DrillWishes& wishes, const JobContext& context) {
  const DrillRequest request = request_of(place, wishes, context.repository);
  const DrillReport report = drill(context.repository, request, context.clock, context.progress, context.stop);
  JobOutcome outcome;
  outcome.presence = JobOutcome::Presence::report;
  outcome.document = {{"drill", drill_json(report)}};
  outcome.text = drill_text(report, context.style);
  outcome.exit_code = report.record.passed ? exit_done : exit_code(ErrorKind::failed);
  return outcome;
}

}  // namespace pgrecall
