#include "service/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <sys/syslog.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/clock.h"
#include "output/text.h"

namespace pgrecall {

namespace {
// spdlog carries text alone. Sinks and formatters are called in the thread that writes, before write() returns.
thread_local const LogFields* current_fields = nullptr;

const LogFields& fields_of_line() {
  static const LogFields none;
  return current_fields != nullptr ? *current_fields : none;
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug: return "debug";
    case spdlog::level::warn: return "warning";
    case spdlog::level::err: return "error";
    default: return "info";
  }
}

int priority_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug: return LOG_DEBUG;
    case spdlog::level::warn: return LOG_WARNING;
    case spdlog::level::err: return LOG_ERR;
    default: return LOG_INFO;
  }
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: break;
  }
  return spdlog::level::err;
}

spdlog::level::level_enum level_of(LogConfig::Level level) {
  switch (level) {
    case LogConfig::Level::debug: return spdlog::level::debug;
    case LogConfig::Level::info: return spdlog::level::info;
    case LogConfig::Level::warning: return spdlog::level::warn;
    case LogConfig::Level::error: break;
  }
  return spdlog::level::err;
}

std::string_view text_of(const spdlog::details::log_msg& line) { return {line.payload.data(), line.payload.size()}; }

// systemd.journal-fields(7): a field's name, '=', and bytes as they are.
class JournalSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    const LogFields& fields = fields_of_line();
    std::vector<std::string> parts{"MESSAGE=" + std::string(text_of(line)), "PRIORITY=" + std::to_string(priority_of(line.level)),
                                   "SYSLOG_IDENTIFIER=pgrecall"};
    const auto add = [&](std::string_view field_name, const std::string& value) {
      if (!value.empty()) {
        parts.push_back(std::string(field_name) + "=" + value);
      }
    };
    add("PGRECALL_CLUSTER", fields.cluster);
    add("PGRECALL_JOB", fields.job);
    add("PGRECALL_RUN", fields.run);
    std::vector<iovec> vectors;
    for (std::string& part : parts) {
      vectors.push_back({part.data(), part.size()});
    }
    sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size()));  // a journal that is gone costs the line, no more
  }
  void flush_() override {}
};

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    const LogFields& fields = fields_of_line();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(line.time.time_since_epoch());
    nlohmann::ordered_json json{{"time", format_time(Time(micros))}, {"level", level_name(line.level)}};
    for (const auto& [key, value] :
         {std::pair<const char*, const std::string&>{"cluster", fields.cluster}, {"job", fields.job}, {"run", fields.run}}) {
      if (!value.empty()) {
        json[key] = value;
      }
    }
    json["text"] = text_of(line);
    const std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

class TextFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    const LogFields& fields = fields_of_line();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(line.time.time_since_epoch());
    std::string text = format_time(Time(micros)) + " " + std::string(level_name(line.level)) + " ";
    if (const std::string& about = fields.run.empty() ? fields.cluster : fields.run; !about.empty()) {
      text += "[" + about + "] ";
    }
    text += printable(text_of(line)) + "\n";  // what a server said may have line ends in it, and must not look like lines of ours
    out.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<formatter> clone() const override { return std::make_unique<TextFormatter>(); }
};

// $JOURNAL_STREAM names the device and inode of the stream that goes to the journal (systemd.exec(5)); a child whose stderr was
// sent elsewhere inherits the variable, too.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
         stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

std::shared_ptr<spdlog::sinks::sink> make_sink(LogConfig::Format format) {
  if (format == LogConfig::Format::automatic && stderr_is_journal()) {
    return std::make_shared<JournalSink>();
  }
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  if (format == LogConfig::Format::json) {
    sink->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    sink->set_formatter(std::make_unique<TextFormatter>());
  }
  return sink;
}
}  // namespace

ServiceLog::ServiceLog(const LogConfig& config)
    : logger_(std::make_unique<spdlog::logger>("pgrecall", make_sink(config.format))) {
  // spdlog's own would write to stderr in a format of its own; the journal or stderr being gone has nobody to be told.
  logger_->set_error_handler([](const std::string&) {});
  set_level(config.level);
}

ServiceLog::~ServiceLog() = default;

void ServiceLog::set_level(LogConfig::Level level) { logger_->set_level(level_of(level)); }

void ServiceLog::write(LogLevel level, const LogFields& fields, std::string_view text) noexcept {
  current_fields = &fields;
  logger_->log(level_of(level), spdlog::string_view_t(text.data(), text.size()));
  current_fields = nullptr;
}

}  // namespace pgrecall
