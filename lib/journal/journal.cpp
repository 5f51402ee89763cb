#include "journal/journal.h"

#include "journal/database.h"

namespace pgrecall {

namespace {
constexpr std::string_view columns =
    "id, cluster, job, trigger, due, created, not_before, started, ended, state, reason, attempt, exit_code, error_kind, "
    "error_message, error_hint, options, result";

Run read_run(Statement& row) {
  Run run;
  run.id = row.text();
  run.cluster = row.text();
  run.job = row.text();
  run.trigger = parse_run_trigger(row.text()).value_or(RunTrigger::manual);
  run.due = row.optional_time();
  run.created = row.time();
  run.not_before = row.optional_time();
  run.started = row.optional_time();
  run.ended = row.optional_time();
  run.state = parse_run_state(row.text()).value_or(RunState::interrupted);
  run.reason = row.text();
  run.attempt = static_cast<unsigned>(row.number());
  run.exit_code = row.optional_number();
  run.error_kind = row.text();
  run.error_message = row.text();
  run.error_hint = row.text();
  run.options = row.text();
  run.result = row.text();
  return run;
}

std::vector<Run> read_runs(Statement& statement) {
  std::vector<Run> runs;
  while (statement.step()) {
    runs.push_back(read_run(statement));
  }
  return runs;
}

std::string select_runs(std::string_view condition) {
  return "SELECT " + std::string(columns) + " FROM runs " + std::string(condition);
}

// "|queued|running|": what list() looks the state up in, so that the statement is one text for any number of states.
std::string states_text(const std::vector<RunState>& states) {
  std::string text;
  for (const RunState state : states) {
    text += "|" + std::string(name(state)) + "|";
  }
  return text;
}

void put_handled(Database& database, const std::string& cluster, const std::string& job, Time handled) {
  Statement(database,
            "INSERT INTO schedule (cluster, job, handled) VALUES (?, ?, ?) ON CONFLICT (cluster, job) DO UPDATE SET handled = "
            "excluded.handled")
      .bind(cluster)
      .bind(job)
      .bind(std::optional(handled))
      .run();
}
}  // namespace

Journal::Journal(std::string path, std::unique_ptr<Database> database) : path_(std::move(path)), database_(std::move(database)) {}

Journal::~Journal() = default;

std::string Journal::insert(Run& run) {
  const std::string base = format_compact_time(run.created) + "-" + run.cluster + "-" + run.job;
  run.id = base;
  for (int more = 2;; ++more) {
    Statement taken(*database_, "SELECT 1 FROM runs WHERE id = ?");
    if (!taken.bind(run.id).step()) {
      break;
    }
    run.id = base + "-" + std::to_string(more);
  }
  Statement(*database_, "INSERT INTO runs (" + std::string(columns) + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
      .bind(run.id)
      .bind(run.cluster)
      .bind(run.job)
      .bind(name(run.trigger))
      .bind(run.due)
      .bind(std::optional(run.created))
      .bind(run.not_before)
      .bind(run.started)
      .bind(run.ended)
      .bind(name(run.state))
      .bind(run.reason)
      .bind(std::int64_t{run.attempt})
      .bind(run.exit_code)
      .bind(run.error_kind)
      .bind(run.error_message)
      .bind(run.error_hint)
      .bind(run.options)
      .bind(run.result)
      .run();
  changed(run.cluster);
  return run.id;
}

std::string Journal::add(Run run) {
  const std::lock_guard lock(mutex_);
  return writing([&] {
    Transaction transaction(*database_);
    const std::string id = insert(run);
    transaction.commit();
    return id;
  });
}

std::string Journal::add_due(Run run, Time handled) {
  const std::lock_guard lock(mutex_);
  return writing([&] {
    Transaction transaction(*database_);
    const std::string id = insert(run);
    put_handled(*database_, run.cluster, run.job, handled);
    transaction.commit();
    return id;
  });
}

void Journal::update(const Run& run) {
  const std::lock_guard lock(mutex_);
  writing([&] {
    Statement(*database_,
              "UPDATE runs SET not_before = ?, started = ?, ended = ?, state = ?, reason = ?, exit_code = ?, error_kind = ?, "
              "error_message = ?, error_hint = ?, result = ? WHERE id = ?")
        .bind(run.not_before)
        .bind(run.started)
        .bind(run.ended)
        .bind(name(run.state))
        .bind(run.reason)
        .bind(run.exit_code)
        .bind(run.error_kind)
        .bind(run.error_message)
        .bind(run.error_hint)
        .bind(run.result)
        .bind(run.id)
        .run();
    changed(run.cluster);
  });
}

std::optional<Run> Journal::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_, select_runs("WHERE id = ?"));
  statement.bind(id);
  return statement.step() ? std::optional(read_run(statement)) : std::nullopt;
}

std::vector<Run> Journal::list(const RunFilter& filter) const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_,
                      select_runs("WHERE (?1 = '' OR cluster = ?1) AND (?2 = '' OR instr(?2, '|' || state || '|') > 0) AND "
                                  "(?3 = '' OR id < ?3) ORDER BY id DESC LIMIT ?4"));
  statement.bind(filter.cluster).bind(states_text(filter.states)).bind(filter.before).bind(std::int64_t{filter.limit});
  return read_runs(statement);
}

std::vector<Run> Journal::newest_of_each_job(const std::string& cluster) const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_,
                      select_runs("AS r WHERE cluster = ?1 AND id = (SELECT max(id) FROM runs AS o WHERE o.cluster = ?1 AND "
                                  "o.job = r.job AND o.state IN ('done', 'warnings', 'failed')) ORDER BY job"));
  statement.bind(cluster);
  return read_runs(statement);
}

std::vector<Run> Journal::newest_runs(const std::string& cluster, const std::string& job, const std::vector<RunState>& states,
                                      unsigned limit) const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_, select_runs("WHERE cluster = ? AND job = ? AND instr(?, '|' || state || '|') > 0 "
                                              "ORDER BY id DESC LIMIT ?"));
  statement.bind(cluster).bind(job).bind(states_text(states)).bind(std::int64_t{limit});
  return read_runs(statement);
}

std::vector<Run> Journal::mark_interrupted(Time now) {
  const std::lock_guard lock(mutex_);
  return writing([&] {
    Statement statement(*database_,
                        "UPDATE runs SET state = 'interrupted', ended = ?, reason = 'the daemon ended while it ran' "
                        "WHERE state = 'running' RETURNING " +
                            std::string(columns));
    statement.bind(std::optional(now));
    std::vector<Run> runs = read_runs(statement);
    for (const Run& run : runs) {
      changed(run.cluster);
    }
    return runs;
  });
}

std::optional<Time> Journal::handled(const std::string& cluster, const std::string& job) const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_, "SELECT handled FROM schedule WHERE cluster = ? AND job = ?");
  statement.bind(cluster).bind(job);
  return statement.step() ? statement.optional_time() : std::nullopt;
}

void Journal::set_handled(const std::string& cluster, const std::string& job, Time handled) {
  const std::lock_guard lock(mutex_);
  writing([&] { put_handled(*database_, cluster, job, handled); });
}

std::vector<Time> Journal::started_after(const std::string& cluster, const std::string& job, Time after) const {
  const std::lock_guard lock(mutex_);
  Statement statement(
      *database_, "SELECT DISTINCT due FROM runs WHERE cluster = ? AND job = ? AND due > ? AND state <> 'skipped' ORDER BY due");
  statement.bind(cluster).bind(job).bind(std::optional(after));
  std::vector<Time> found;
  while (statement.step()) {
    found.push_back(statement.time());
  }
  return found;
}

std::string Journal::note(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_, "SELECT value FROM notes WHERE name = ?");
  statement.bind(name);
  return statement.step() ? statement.text() : std::string();
}

void Journal::set_note(const std::string& name, const std::string& value) {
  const std::lock_guard lock(mutex_);
  writing([&] {
    Statement(*database_, "INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
        .bind(name)
        .bind(value)
        .run();
  });
}

}  // namespace pgrecall
