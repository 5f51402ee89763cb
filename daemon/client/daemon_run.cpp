#include "client/daemon_run.h"

#include "client/asking.h"
#include "commands/outcome.h"
#include "journal/run.h"
#include "output/progress_line.h"
#include "service/run_execution.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

// Makes a local Progress show what the daemon's lines tell.
class RemoteProgress {
 public:
  void take(const ordered_json& told) {
    if (const std::string phase = told.value("phase", ""); phase != phase_) {
      phase_ = phase;
      progress_.enter(phase);
    }
    progress_.set_total(told.value("bytes_total", std::uint64_t{0}));
    progress_.set_stored(told.value("bytes_stored", std::uint64_t{0}));
    const auto done = told.value("bytes_done", std::uint64_t{0});
    progress_.add_done(done > done_ ? done - done_ : 0);
    done_ = std::max(done, done_);
    const auto files = told.value("files_done", std::uint64_t{0});
    progress_.add_files(files > files_ ? files - files_ : 0);
    files_ = std::max(files, files_);
  }
  // A run that waits shows what for.
  void waiting(const std::string& reason) { progress_.enter(reason.empty() ? "waiting for its turn" : reason); }
  [[nodiscard]] const Progress& progress() const noexcept { return progress_; }

 private:
  Progress progress_;
  std::string phase_;
  std::uint64_t done_ = 0;
  std::uint64_t files_ = 0;
};

ErrorKind kind_of(const std::string& text) { return error_of({{"error", {{"kind", text}, {"message", ""}}}}).kind(); }

Error detached(const std::string& run) {
  return Error(ErrorKind::cancelled, "detached: the run goes on in the daemon",
               "see it again: pgrecall runs --follow " + run + "; end it: pgrecall runs --cancel " + run)
      .with("run", run);
}

int show_end(const ordered_json& run, Session& session) {
  if (run.at("result").is_object()) {
    return show_outcome(job_outcome_of(run.at("result")), session.console());
  }
  const std::string id = run.at("id").get<std::string>();
  if (run.at("error").is_object()) {
    const ordered_json& error = run.at("error");
    throw Error(kind_of(error.value("kind", "")), error.value("message", ""), error.value("hint", "")).with("run", id);
  }
  const std::string state = run.at("state").get<std::string>();
  const std::string reason = run.at("reason").is_string() ? ": " + run.at("reason").get<std::string>() : "";
  throw Error(state == name(RunState::cancelled) ? ErrorKind::cancelled : ErrorKind::failed, "the run was " + state + reason,
              "pgrecall runs --log " + id + " tells more")
      .with("run", id);
}
}  // namespace

void add_no_daemon(CLI::App& verb, RunPlace& place) {
  verb.add_flag("--no-daemon", place.no_daemon, "Do it here, also while a daemon runs");
}

std::optional<ApiClient> daemon_for(const RunPlace& place, Session& session) {
  return place.no_daemon || !place.connection.empty() || session.names_repository() ? std::nullopt : daemon_if_any(session);
}

int follow_in_daemon(const ApiClient& daemon, const std::string& run, Session& session) {
  const std::stop_token stop = session.stop();
  Console& console = session.console();
  RemoteProgress remote;
  ordered_json last;
  {
    const ProgressLine shown(remote.progress(), console);
    daemon.follow(run, stop, [&](const ordered_json& line) {
      if (line.contains("progress")) {
        remote.take(line["progress"]);
      } else if (line.contains("run")) {
        last = line["run"];
        if (last.at("state") == name(RunState::queued)) {
          remote.waiting(last.at("reason").is_string() ? last.at("reason").get<std::string>() : "");
        }
      } else if (line.contains("log")) {
        console.detail(line["log"].value("text", ""));
      } else if (line.contains("error")) {
        throw error_of(line);
      }
    });
  }
  if (last.is_object() && last.contains("result")) {  // only a run that is over has it
    return show_end(last, session);
  }
  if (stop.stop_requested()) {
    throw detached(run);
  }
  throw Error(ErrorKind::failed, "the daemon ended before the run did",
              "it starts the run again when it is back: pgrecall runs, or systemctl status pgrecall")
      .with("run", run);
}

int run_in_daemon(const ApiClient& daemon, const std::string& cluster, JobKind kind, const ordered_json& options,
                  Session& session) {
  // Before the progress line's thread starts, and before the daemon is asked: a stop in between detaches.
  static_cast<void>(session.stop());
  const ordered_json answer = daemon.post("/v1/runs", {{"cluster", cluster}, {"job", name(kind)}, {"options", options}});
  const std::string run = answer.at("run").at("id").get<std::string>();
  session.console().message("the daemon does it: run " + run);
  return follow_in_daemon(daemon, run, session);
}

}  // namespace pgrecall
