#include "journal/database.h"
#include "journal/journal.h"

// What is counted over all runs, and how full repositories were.

namespace pgrecall {

namespace {
std::vector<RunTally> read_tallies(Statement& statement) {
  std::vector<RunTally> tallies;
  while (statement.step()) {
    RunTally& tally = tallies.emplace_back();
    tally.job = statement.text();
    tally.state = parse_run_state(statement.text()).value_or(RunState::interrupted);
    tally.error_kind = statement.text();
    tally.reason = statement.text();
    tally.count = static_cast<std::uint64_t>(statement.number());
  }
  return tallies;
}
}  // namespace

std::vector<RunTally> Journal::tallies(const std::string& cluster) const {
  const std::lock_guard lock(mutex_);
  Statement statement(
      *database_,
      "SELECT job, state, error_kind, reason, sum(count) FROM ("
      "SELECT job, state, error_kind, '' AS reason, count(*) AS count FROM runs WHERE cluster = ?1 AND state NOT "
      "IN ('queued', 'running', 'skipped') GROUP BY job, state, error_kind "
      "UNION ALL SELECT job, state, error_kind, reason, count(*) FROM runs WHERE cluster = ?1 AND state = 'skipped' "
      "GROUP BY job, state, error_kind, reason "
      "UNION ALL SELECT job, state, error_kind, reason, count FROM forgotten_runs WHERE cluster = ?1) "
      "GROUP BY job, state, error_kind, reason");
  statement.bind(cluster);
  return read_tallies(statement);
}

std::uint64_t Journal::changes_of(const std::string& cluster) const {
  const std::lock_guard lock(mutex_);
  const auto found = changes_.find(cluster);
  return found == changes_.end() ? 0 : found->second;
}

void Journal::forget(Time before) {
  const std::lock_guard lock(mutex_);
  if (!problem_.empty()) {
    return;  // the file still has them, and the next start forgets them there
  }
  Transaction transaction(*database_);
  Statement(*database_,
            "INSERT INTO forgotten_runs (cluster, job, state, error_kind, reason, count) "
            "SELECT cluster, job, state, error_kind, CASE state WHEN 'skipped' THEN reason ELSE '' END AS why, count(*) "
            "FROM runs WHERE state NOT IN ('queued', 'running') AND created < ? GROUP BY cluster, job, state, error_kind, why "
            "ON CONFLICT (cluster, job, state, error_kind, reason) DO UPDATE SET count = count + excluded.count")
      .bind(std::optional(before))
      .run();
  Statement(*database_,
            "DELETE FROM run_log WHERE run IN (SELECT id FROM runs WHERE state NOT IN ('queued', 'running') AND created < ?)")
      .bind(std::optional(before))
      .run();
  Statement(*database_, "DELETE FROM runs WHERE state NOT IN ('queued', 'running') AND created < ?")
      .bind(std::optional(before))
      .run();
  transaction.commit();
}

void Journal::add_sample(const std::string& repository, const SpaceSample& sample, Time oldest) {
  const std::lock_guard lock(mutex_);
  writing([&] {
    Transaction transaction(*database_);
    Statement(*database_, "INSERT OR REPLACE INTO space_samples (repository, time, used) VALUES (?, ?, ?)")
        .bind(repository)
        .bind(std::optional(sample.time))
        .bind(static_cast<std::int64_t>(sample.used_bytes))
        .run();
    Statement(*database_, "DELETE FROM space_samples WHERE repository = ? AND (time < ? OR time > ?)")
        .bind(repository)
        .bind(std::optional(oldest))
        .bind(std::optional(sample.time))
        .run();
    transaction.commit();
  });
}

std::vector<SpaceSample> Journal::samples(const std::string& repository) const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_, "SELECT time, used FROM space_samples WHERE repository = ? ORDER BY time");
  statement.bind(repository);
  std::vector<SpaceSample> samples;
  while (statement.step()) {
    SpaceSample& sample = samples.emplace_back();
    sample.time = statement.time();
    sample.used_bytes = static_cast<std::uint64_t>(statement.number());
  }
  return samples;
}

}  // namespace pgrecall
