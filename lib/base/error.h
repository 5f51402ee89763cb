#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgrecall {

// What went wrong, as far as a caller, an exit code, a metric's `reason` and a retry can care.
enum class ErrorKind {
  failed,                // none of the others
  usage,                 // the command line
  configuration,         // the configuration file
  no_repository,         // there is no repository at the address
  held,                  // a lease is held by another
  wrong_key,             // the key does not open the repository, or none was given
  corruption,            // stored bytes are not what was stored
  database_unreachable,  // PostgreSQL refuses, vanished, or cannot do what is asked
  store_unreachable,     // the store fails for a reason that may pass (full, down, I/O error)
  target_unreachable,    // the recovery target lies outside the window, or the backup does not exist
  cancelled,             // asked to stop
};

// The table of design section 7; docs and man page list the same.
[[nodiscard]] int exit_code(ErrorKind kind) noexcept;
// The kind as JSON, metrics and logs name it, e.g. "wrong_key".
[[nodiscard]] std::string_view name(ErrorKind kind) noexcept;

// Exit codes that no Error carries.
inline constexpr int exit_done = 0;
inline constexpr int exit_done_with_warnings = 3;
// Of `wal fetch` alone, as PostgreSQL reads the exit code of a restore_command: 1 says that there is no such file, and recovery
// may go on without; anything above 125 stops the server. Every failure is the latter, so that a broken store or a wrong option
// never ends a recovery early; and neither 126 and 127 nor 129 to 192, which a shell returns for other reasons.
inline constexpr int exit_not_there = 1;
inline constexpr int exit_fetch_failed = 200;

// What ends an operation. Expected outcomes (not found, already exists, held) are values instead.
//
//   throw Error(ErrorKind::corruption, "chunk hash differs", "run pgrecall verify").with("object", name).with("offset", 64);
//
// `message` says what failed; `hint` says what to do next and may be empty; `context` is an ordered list of
// names and values (object, offset, expected, found ...). No part of it may hold a secret.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, std::string hint = {});

  // Appends to the context.
  Error& with(std::string_view key, std::string_view value) &;
  Error& with(std::string_view key, unsigned long long value) &;
  template <typename T>
  Error&& with(std::string_view key, T&& value) && {
    static_cast<Error&>(*this).with(key, std::forward<T>(value));
    return std::move(*this);
  }
  // Keeps what caused this error; its text follows in full_text().
  Error&& caused_by(const std::exception& cause) &&;

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& context() const noexcept { return context_; }
  // The value of the first context entry of that name, or empty.
  [[nodiscard]] std::string_view context(std::string_view key) const noexcept;
  [[nodiscard]] const std::string& cause() const noexcept { return cause_; }
  // True where trying the same again may succeed. Decided where the cause is known; false unless said.
  [[nodiscard]] bool passing() const noexcept { return passing_; }
  Error&& mark_passing() && noexcept;
  // The errno that caused it; 0 when none did.
  [[nodiscard]] int errno_value() const noexcept { return errno_value_; }
  Error&& with_errno(int value) && noexcept;

  // "message (key=value, ...): cause", without the hint.
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  void compose();

  ErrorKind kind_;
  bool passing_ = false;
  int errno_value_ = 0;
  std::string message_;
  std::string hint_;
  std::vector<std::pair<std::string, std::string>> context_;
  std::string cause_;
  std::string text_;
};

// "message: strerror(errno_value)", as store_unreachable for ENOSPC, EDQUOT, EIO, EROFS, ESTALE, ETIMEDOUT, ENODEV and ENXIO,
// `failed` otherwise, with a hint where one is known (disk full, permission denied ...).
[[nodiscard]] Error system_error(std::string_view message, std::string_view path, int errno_value);

}  // namespace pgrecall
