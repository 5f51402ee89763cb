#include "engine/drill/recovery_log.h"

#include <charconv>

namespace pgrecall {

namespace {

// The rest of the last line that has `what`, from there on; empty when none has.
std::string_view last_line_with(std::string_view log, std::string_view what) {
  const std::size_t at = log.rfind(what);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = log.substr(at);
  return rest.substr(0, rest.find('\n'));
}

// "2026-11-23 02:30:00.123456+00"; the fraction may be shorter or missing.
std::optional<Time> parse_log_time(std::string_view text) {
  constexpr std::size_t seconds_size = 19;
  constexpr std::string_view zone = "+00";
  if (text.size() < seconds_size + zone.size() || text[10] != ' ') {
    return std::nullopt;
  }
  std::string whole(text.substr(0, seconds_size));
  whole[10] = 'T';
  auto time = parse_time(whole + "Z");
  std::string_view rest = text.substr(seconds_size);
  if (time && rest.starts_with('.')) {
    std::string digits(rest.substr(1, rest.find('+') - 1));
    if (digits.empty() || digits.size() > 6 || digits.find_first_not_of("0123456789") != std::string::npos) {
      return std::nullopt;
    }
    digits.resize(6, '0');
    int micros = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), micros);
    *time += std::chrono::microseconds(micros);
    rest = rest.substr(rest.find('+') == std::string_view::npos ? rest.size() : rest.find('+'));
  }
  return time && rest.starts_with(zone) ? time : std::nullopt;
}

// Without the end of the log that `ended` repeats: the whole of it is kept.
Error with_context(Error error, const Error& ended) {
  for (const auto& [key, value] : ended.context()) {
    error.with(key, value);
  }
  return error;
}

// What restore_command, which is this program, wrote there.
constexpr std::string_view own_error = "pgrecall: error: ";

}  // namespace

std::optional<RecoveryStop> find_recovery_stop(std::string_view log) {
  constexpr std::string_view begin = "recovery stopping ";
  const std::string_view line = last_line_with(log, begin);
  if (line.empty()) {
    return std::nullopt;
  }
  RecoveryStop stop{.text = std::string(line.substr(begin.size())), .time = {}};
  constexpr std::string_view before_time = ", time ";
  if (const std::size_t at = stop.text.rfind(before_time); at != std::string::npos) {
    stop.time = parse_log_time(std::string_view(stop.text).substr(at + before_time.size()));
  }
  return stop;
}

Error explain_failed_recovery(std::string_view log, const Error& ended) {
  if (const std::string_view fetch = last_line_with(log, own_error); !fetch.empty()) {
    return with_context(
        Error(ErrorKind::corruption, "WAL that recovery needs cannot be brought: " + std::string(fetch.substr(own_error.size())),
              "run pgrecall verify; take a backup, so that the window goes on behind the damage"),
        ended);
  }
  if (log.find("recovery ended before configured recovery target was reached") != std::string_view::npos) {
    return with_context(
        Error(ErrorKind::target_unreachable,
              "the target was not reached: the server came to the end of the WAL that it could read before it",
              "WAL is missing or damaged: run pgrecall verify; take a backup, so that the window goes on behind it"),
        ended);
  }
  for (const std::string_view library : {"could not load library ", "could not access file "}) {
    if (const std::string_view line = last_line_with(log, library); !line.empty()) {
      return with_context(
          Error(ErrorKind::failed, "a library that the server is to load is missing on this host: " + std::string(line),
                "install the extension's package, or leave the library out of drill.libraries"),
          ended);
    }
  }
  for (const std::string_view level : {"PANIC:  ", "FATAL:  "}) {
    if (const std::string_view line = last_line_with(log, level); !line.empty()) {
      return with_context(
          Error(ErrorKind::failed, "the restored server ended while it recovered: " + std::string(line.substr(level.size())),
                "its log, which was kept, tells more"),
          ended);
    }
  }
  return ended;
}

}  // namespace pgrecall
