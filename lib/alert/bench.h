#pragma once

#include <fmt/format.h>

#include <string>

#include "alert/conditions.h"
#include "base/units.h"

// What the judging of each topic shares. Within lib/alert alone.

namespace pgrecall {

// Where what is wrong is laid down.
class Bench {
 public:
  Bench(const ServiceFigures& figures, const JudgeOptions& options, Judgement& judgement)
      : figures_(figures), options_(options), judgement_(judgement) {}

  enum class Passing { no, often };
  // `often`: it often passes by itself, and is held and settles as the options say.
  Judged& add(const char* name, Severity severity, Passing passing = Passing::no);
  // The same, of a cluster.
  Judged& add(const char* name, Severity severity, const ClusterFigures& cluster, Passing passing = Passing::no);

  [[nodiscard]] const ServiceFigures& figures() const noexcept { return figures_; }
  [[nodiscard]] const JudgeOptions& options() const noexcept { return options_; }
  [[nodiscard]] Time now() const noexcept { return figures_.taken; }
  // Negative when `time` lies ahead.
  [[nodiscard]] double seconds_since(Time time) const { return std::chrono::duration<double>(now() - time).count(); }

 private:
  const ServiceFigures& figures_;
  const JudgeOptions& options_;
  Judgement& judgement_;
};

void judge_runs(const ClusterFigures& cluster, Bench& bench);
void judge_backups(const ClusterFigures& cluster, Bench& bench);
void judge_window(const ClusterFigures& cluster, Bench& bench);
void judge_wal(const ClusterFigures& cluster, Bench& bench);
void judge_guard(const ClusterFigures& cluster, Bench& bench);
void judge_repository(const RepositoryFigures& repository, Bench& bench);
void judge_daemon(Bench& bench);

// "2 h 10 min".
[[nodiscard]] inline std::string span_text(double seconds) {
  return format_duration(std::chrono::milliseconds(static_cast<std::int64_t>(seconds < 0 ? 0 : seconds * 1000)));
}
[[nodiscard]] inline std::string span_text(std::chrono::microseconds span) {
  return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(span));
}
// The text, and a full stop where it has none.
[[nodiscard]] inline std::string sentence(std::string text) {
  while (!text.empty() && (text.back() == '.' || text.back() == ' ' || text.back() == '\n')) {
    text.pop_back();
  }
  return text + ".";
}

}  // namespace pgrecall
