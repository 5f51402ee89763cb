#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "journal/run.h"

namespace spdlog {
class logger;
}

namespace pgrecall {

// What a line is about; each may be empty. The system's journal has them as PGRECALL_CLUSTER, PGRECALL_JOB and PGRECALL_RUN.
struct LogFields {
  std::string cluster;
  std::string job;
  std::string run;
};

// Where the daemon says what it does: the system's journal under systemd, text on stderr otherwise, or one JSON object a line.
// Safe for many threads. A line that cannot be written is lost, and nothing else.
class ServiceLog {
 public:
  explicit ServiceLog(const LogConfig& config);
  ~ServiceLog();
  ServiceLog(const ServiceLog&) = delete;
  ServiceLog& operator=(const ServiceLog&) = delete;

  void set_level(LogConfig::Level level);
  void write(LogLevel level, const LogFields& fields, std::string_view text) noexcept;

 private:
  std::unique_ptr<spdlog::logger> logger_;
};

}  // namespace pgrecall
