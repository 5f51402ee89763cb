#include "journal/database.h"
#include "journal/journal.h"

namespace pgrecall {

namespace {
// A run that logs without end must not fill the disk.
constexpr std::int64_t max_lines_of_run = 2000;
}  // namespace

std::int64_t Journal::add_event(const Event& event) {
  const std::lock_guard lock(mutex_);
  Statement(*database_, "INSERT INTO events (time, kind, cluster, run, text, hint) VALUES (?, ?, ?, ?, ?, ?)")
      .bind(std::optional(event.time))
      .bind(event.kind)
      .bind(event.cluster)
      .bind(event.run)
      .bind(event.text)
      .bind(event.hint)
      .run();
  return database_->last_row_id();
}

std::vector<Event> Journal::pending_events(unsigned limit) const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_,
                      "SELECT id, time, kind, cluster, run, text, hint FROM events WHERE sent IS NULL ORDER BY id LIMIT ?");
  statement.bind(std::int64_t{limit});
  std::vector<Event> events;
  while (statement.step()) {
    Event& event = events.emplace_back();
    event.id = statement.number();
    event.time = statement.time();
    event.kind = statement.text();
    event.cluster = statement.text();
    event.run = statement.text();
    event.text = statement.text();
    event.hint = statement.text();
  }
  return events;
}

void Journal::mark_sent(std::int64_t id, Time when) {
  const std::lock_guard lock(mutex_);
  Statement(*database_, "UPDATE events SET sent = ? WHERE id = ?").bind(std::optional(when)).bind(id).run();
}

void Journal::add_log(const std::string& run, Time time, LogLevel level, const std::string& text) {
  const std::lock_guard lock(mutex_);
  Statement count(*database_, "SELECT count(*) FROM run_log WHERE run = ?");
  count.bind(run);
  if (count.step() && count.number() >= max_lines_of_run) {
    return;
  }
  Statement(*database_, "INSERT INTO run_log (run, time, level, text) VALUES (?, ?, ?, ?)")
      .bind(run)
      .bind(std::optional(time))
      .bind(name(level))
      .bind(text)
      .run();
}

std::vector<RunLogLine> Journal::log_of(const std::string& run, std::int64_t after, unsigned limit) const {
  const std::lock_guard lock(mutex_);
  Statement statement(*database_,
                      "SELECT number, time, level, text FROM run_log WHERE run = ? AND number > ? ORDER BY number LIMIT ?");
  statement.bind(run).bind(after).bind(std::int64_t{limit});
  std::vector<RunLogLine> lines;
  while (statement.step()) {
    RunLogLine& line = lines.emplace_back();
    line.number = statement.number();
    line.time = statement.time();
    line.level = parse_log_level(statement.text()).value_or(LogLevel::info);
    line.text = statement.text();
  }
  return lines;
}

}  // namespace pgrecall
