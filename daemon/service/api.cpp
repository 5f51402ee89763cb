#include "service/api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>

#include "base/error.h"
#include "base/percent.h"
#include "error_report.h"
#include "jobs/backup_job.h"
#include "jobs/drill_job.h"
#include "jobs/expire_job.h"
#include "jobs/verify_job.h"
#include "service/alerts_api.h"
#include "service/api_json.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

// The parts of a target: "/v1/runs/ID/log?after=3".
struct Target {
  std::vector<std::string> path;  // {"v1", "runs", ID, "log"}
  std::map<std::string, std::string> query;
};

Target split(std::string_view text) {
  Target target;
  const std::size_t question = text.find('?');
  std::string_view path = text.substr(0, question);
  while (!path.empty()) {
    path.remove_prefix(1);  // '/'
    const std::size_t end = std::min(path.find('/'), path.size());
    target.path.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  std::string_view query = question == std::string_view::npos ? std::string_view() : text.substr(question + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    target.query[std::string(pair.substr(0, equals))] =
        equals < pair.size() ? percent_decoded(pair.substr(equals + 1)) : std::string();
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return target;
}

Error not_known(const std::string& what) {
  return Error(ErrorKind::target_unreachable, "the daemon has no such thing", "docs/api.md lists what there is")
      .with("what", what);
}

Error no_run(const std::string& id) {
  return Error(ErrorKind::target_unreachable, "there is no run of this id",
               "pgrecall runs lists them; they are kept for 400 days")
      .with("run", id);
}

std::int64_t number_of(const Target& target, const std::string& key, std::int64_t fallback, std::int64_t most) {
  const auto found = target.query.find(key);
  if (found == target.query.end()) {
    return fallback;
  }
  std::int64_t number = 0;
  const std::string& text = found->second;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0 || number > most) {
    throw Error(ErrorKind::usage, "this is no number that would do here").with(key, text).with("most", std::to_string(most));
  }
  return number;
}

std::string text_of(const Target& target, const std::string& key) {
  const auto found = target.query.find(key);
  return found == target.query.end() ? std::string() : found->second;
}

ApiResponse list_runs(const Target& target, Supervisor& supervisor) {
  RunFilter filter;
  filter.cluster = text_of(target, "cluster");
  filter.before = text_of(target, "before");
  filter.limit = static_cast<unsigned>(number_of(target, "limit", 20, 1000));
  if (const std::string state = text_of(target, "state"); !state.empty()) {
    const auto parsed = parse_run_state(state);
    if (!parsed) {
      throw Error(ErrorKind::usage, "there is no such state of a run").with("state", state);
    }
    filter.states.push_back(*parsed);
  }
  ordered_json runs = ordered_json::array();
  for (const Run& run : supervisor.journal().list(filter)) {
    runs.push_back(to_json(run, RunDetail::brief));
  }
  return {.status = 200, .body = {{"runs", runs}}, .follow = {}};
}

// A mistake in the options is the asker's to hear, not the run's to fail by.
void check_options(JobKind kind, const ordered_json& options) {
  if (kind == JobKind::backup) {
    static_cast<void>(backup_wishes_of(options));
  } else if (kind == JobKind::verify) {
    static_cast<void>(verify_wishes_of(options));
  } else if (kind == JobKind::drill) {
    static_cast<void>(drill_wishes_of(options));
  } else if (kind == JobKind::expire) {
    static_cast<void>(expire_wishes_of(options));
  } else if (!options.empty()) {
    throw Error(ErrorKind::usage, "this job takes no options").with("job", name(kind));
  }
}

ApiResponse start_run(const ApiRequest& request, Supervisor& supervisor) {
  const ordered_json body = ordered_json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("cluster") || !body["cluster"].is_string() || !body.contains("job") ||
      !body["job"].is_string()) {
    throw Error(ErrorKind::usage, "a run needs a JSON object with `cluster` and `job`, both texts");
  }
  const std::string job = body["job"].get<std::string>();
  const auto kind = parse_job_kind(job);
  if (!kind) {
    throw Error(ErrorKind::usage, "there is no such job", "backup, daily, weekly, monthly, verify, drill, expire, check")
        .with("job", job);
  }
  const ordered_json options = body.contains("options") ? body["options"] : ordered_json::object();
  if (!options.is_object()) {
    throw Error(ErrorKind::usage, "`options` is a JSON object");
  }
  check_options(*kind, options);
  const Run run = supervisor.request_run(body["cluster"].get<std::string>(), *kind, options, "asked for by " + request.who);
  return {.status = 202, .body = {{"run", to_json(run, RunDetail::whole)}}, .follow = {}};
}

ApiResponse cancel_run(const std::string& id, const ApiRequest& request, Supervisor& supervisor) {
  switch (supervisor.queue().cancel(id, "cancelled by " + request.who)) {
    case RunQueue::Cancelled::unknown: throw no_run(id);
    case RunQueue::Cancelled::over:
      return {.status = 409, .body = to_json(Error(ErrorKind::failed, "the run is over already").with("run", id)), .follow = {}};
    case RunQueue::Cancelled::requested: break;
  }
  supervisor.tick();
  const auto run = supervisor.journal().find(id);
  return {.status = 202, .body = {{"run", run ? to_json(*run, RunDetail::whole) : ordered_json(nullptr)}}, .follow = {}};
}

ApiResponse log_of(const std::string& id, const Target& target, Supervisor& supervisor) {
  const std::int64_t after = number_of(target, "after", 0, INT64_MAX);
  const auto limit = static_cast<unsigned>(number_of(target, "limit", 1000, 2000));
  ordered_json lines = ordered_json::array();
  for (const RunLogLine& line : supervisor.journal().log_of(id, after, limit)) {
    lines.push_back(to_json(line));
  }
  return {.status = 200, .body = {{"run", id}, {"lines", lines}}, .follow = {}};
}

ApiResponse about_run(const ApiRequest& request, const Target& target, Supervisor& supervisor) {
  const std::string& id = target.path[2];
  const std::string what = target.path.size() > 3 ? target.path[3] : "";
  if (request.method == "POST" && what == "cancel") {
    return cancel_run(id, request, supervisor);
  }
  const auto run = supervisor.journal().find(id);
  if (!run) {
    throw no_run(id);
  }
  if (what.empty()) {
    return {.status = 200, .body = {{"run", to_json(*run, RunDetail::whole)}}, .follow = {}};
  }
  if (what == "log") {
    return log_of(id, target, supervisor);
  }
  if (what == "follow") {
    return {.status = 200, .body = {}, .follow = id};
  }
  throw not_known(request.target);
}

ApiResponse show_schedule(const Target& target, Supervisor& supervisor) {
  ordered_json runs = ordered_json::array();
  for (const Schedules::Upcoming& each : supervisor.schedules().upcoming(text_of(target, "cluster"), supervisor.clock().now())) {
    runs.push_back(to_json(each));
  }
  return {.status = 200, .body = {{"schedule", runs}}, .follow = {}};
}

ApiResponse list_alerts(const Target& target, const Supervisor& supervisor) {
  const std::string scope = text_of(target, "scope");
  if (!scope.empty() && scope != "told" && scope != "all") {
    throw Error(ErrorKind::usage, "there is no such scope of alerts", "told, all").with("scope", scope);
  }
  const AlertScope wanted = scope == "all" ? AlertScope::all : AlertScope::told;
  return {.status = 200, .body = alerts_json(supervisor.alerts(), text_of(target, "cluster"), wanted), .follow = {}};
}

void require_cluster(const std::string& cluster, const Supervisor& supervisor) {
  if (!supervisor.config().clusters.contains(cluster)) {
    throw Error(ErrorKind::usage, "the daemon's configuration has no such cluster", "look at pgrecall status")
        .with("cluster", cluster);
  }
}

ApiResponse add_silence(const ApiRequest& request, Supervisor& supervisor) {
  const SilenceWish wish = silence_wish_of(request.body);
  require_cluster(wish.cluster, supervisor);
  const Silence silence = supervisor.alerts().silence(
      {.id = 0, .cluster = wish.cluster, .alert = wish.alert, .why = wish.why, .who = request.who}, wish.span);
  return {.status = 201, .body = {{"silence", to_json(silence)}}, .follow = {}};
}

ApiResponse end_silences(const ApiRequest& request, Supervisor& supervisor) {
  const ordered_json body = ordered_json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("cluster") || !body["cluster"].is_string()) {
    throw Error(ErrorKind::usage, "ending silences needs a JSON object with `cluster`, a text");
  }
  const std::size_t ended = supervisor.alerts().end_silences(body["cluster"].get<std::string>(), alert_in(body));
  return {.status = 200, .body = {{"ended", ended}}, .follow = {}};
}

ApiResponse about_silences(const ApiRequest& request, const Target& target, Supervisor& supervisor) {
  const bool post = request.method == "POST";
  if (post && target.path.size() == 2) {
    return add_silence(request, supervisor);
  }
  if (post && target.path.size() == 3 && target.path[2] == "end") {
    return end_silences(request, supervisor);
  }
  if (!post && target.path.size() == 2) {
    ordered_json all = alerts_json(supervisor.alerts(), text_of(target, "cluster"), AlertScope::told);
    return {.status = 200, .body = {{"silences", all.at("silences")}}, .follow = {}};
  }
  throw not_known(request.method + " " + request.target);
}

ApiResponse dispatch(const ApiRequest& request, Supervisor& supervisor) {
  const Target target = split(request.target);
  const auto& path = target.path;
  const bool post = request.method == "POST";
  if (path.size() < 2 || path.size() > 4 || path[0] != "v1" || (!post && request.method != "GET")) {
    throw not_known(request.method + " " + request.target);
  }
  const std::string& what = path[1];
  if (what == "runs" && path.size() > 2) {
    return about_run(request, target, supervisor);
  }
  if (what == "runs") {
    return post ? start_run(request, supervisor) : list_runs(target, supervisor);
  }
  if (what == "status" && !post) {
    return {.status = 200, .body = status_json(supervisor, supervisor.journal(), text_of(target, "cluster")), .follow = {}};
  }
  if (what == "alerts" && !post) {
    return list_alerts(target, supervisor);
  }
  if (what == "silences") {
    return about_silences(request, target, supervisor);
  }
  if (what == "schedule" && !post) {
    return show_schedule(target, supervisor);
  }
  if (what == "reload" && post) {
    return {.status = 200, .body = {{"changes", supervisor.reload()}}, .follow = {}};
  }
  throw not_known(request.method + " " + request.target);
}

unsigned status_of(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::configuration: return 400;
    case ErrorKind::target_unreachable: return 404;
    case ErrorKind::held: return 503;
    default: return 500;
  }
}

std::string line_of(const ordered_json& json) { return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n"; }

void add_progress(FollowCursor& cursor, const RunExecution& execution, std::string& out) {
  const auto now = std::chrono::steady_clock::now();
  ProgressView view;
  view.at = execution.progress().snapshot();
  cursor.rate.observe(view.at.done, now);
  if (cursor.progress_at && now - *cursor.progress_at < std::chrono::milliseconds(900)) {
    return;
  }
  cursor.progress_at = now;
  view.bytes_per_second = cursor.rate.bytes_per_second();
  view.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - execution.began());
  out += format_progress_json(view) + "\n";
}

FollowLines new_lines(FollowCursor& cursor, Supervisor& supervisor) {
  FollowLines lines;
  const auto run = supervisor.journal().find(cursor.run);
  if (!run) {
    return {.text = line_of(to_json(no_run(cursor.run))), .last = true};
  }
  constexpr unsigned most_lines = 100;
  for (const RunLogLine& line : supervisor.journal().log_of(cursor.run, cursor.log_number, most_lines)) {
    cursor.log_number = line.number;
    lines.text += line_of({{"log", to_json(line)}});
  }
  lines.last = is_over(run->state);
  if (run->state != cursor.state || run->reason != cursor.reason) {
    cursor.state = run->state;
    cursor.reason = run->reason;
    lines.text += line_of({{"run", to_json(*run, lines.last ? RunDetail::whole : RunDetail::brief)}});
  }
  if (const RunExecution* execution = supervisor.queue().execution(cursor.run)) {
    add_progress(cursor, *execution, lines.text);
  }
  return lines;
}
}  // namespace

ApiResponse answer(const ApiRequest& request, Supervisor& supervisor) noexcept {
  try {
    return dispatch(request, supervisor);
  } catch (const Error& error) {
    return {.status = status_of(error.kind()), .body = to_json(error), .follow = {}};
  } catch (const std::exception& error) {
    return {.status = 500, .body = to_json(Error(ErrorKind::failed, std::string("unexpected: ") + error.what())), .follow = {}};
  }
}

FollowLines follow(FollowCursor& cursor, Supervisor& supervisor) noexcept {
  try {
    return new_lines(cursor, supervisor);
  } catch (const std::exception& error) {
    return {.text = line_of(to_json(Error(ErrorKind::failed, error.what()))), .last = true};
  }
}

}  // namespace pgrecall
