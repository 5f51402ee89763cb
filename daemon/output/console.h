#pragma once

#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "output/style.h"

namespace pgrecall {

enum class OutputFormat { text, json };
enum class Verbosity { quiet, normal, verbose };
enum class ProgressDisplay { none, wanted };

// What a command says: data on stdout, messages on stderr. Safe for many threads.
class Console {
 public:
  Console(OutputFormat format, Verbosity verbosity, ProgressDisplay progress);

  [[nodiscard]] bool json() const noexcept { return format_ == OutputFormat::json; }
  [[nodiscard]] bool shows_progress() const noexcept {
    return progress_ == ProgressDisplay::wanted && verbosity_ != Verbosity::quiet;
  }
  [[nodiscard]] const Style& style() const noexcept { return out_style_; }
  [[nodiscard]] const Style& message_style() const noexcept { return message_style_; }

  // To stdout. A reader that has gone away (EPIPE) is no error: the rest is dropped. Error{failed} when it cannot be written.
  void data(std::string_view text);
  // One indented object and a line feed. Bytes that are no UTF-8 (paths) are replaced: JSON cannot hold them.
  void json_data(const nlohmann::ordered_json& value);
  // What an operation has to say when it is done: to stdout as text; nothing with --quiet or JSON.
  void summary(std::string_view text);

  // Lines for people, to stderr; nothing with --quiet.
  void message(std::string_view line);
  // "pgrecall: warning: ..."; also with --quiet.
  void warning(std::string_view line);
  // As it is; also with --quiet. For error_report.cpp.
  void error(std::string_view text);
  // Only with --verbose.
  void detail(std::string_view line);

  // One line of stderr that the next call replaces, and that any message pushes down; for terminals. Empty removes it.
  void transient(std::string_view line);

 private:
  void write_error(std::string_view text);

  const OutputFormat format_;
  const Verbosity verbosity_;
  const ProgressDisplay progress_;
  const Style out_style_;
  const Style message_style_;
  std::mutex mutex_;
  std::string transient_;
  bool reader_gone_ = false;
};

}  // namespace pgrecall
