#include "journal/database.h"
#include "journal/journal.h"

namespace pgrecall {

namespace {
// A run that logs without end must not fill the disk.
constexpr std::int64_t max_lines_of_run = 2000;
}  // namespace

void Journal::add_log(const std::string& run, Time time, LogLevel level, const std::string& text) {
  const std::lock_guard lock(mutex_);
  writing([&] {
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
  });
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
