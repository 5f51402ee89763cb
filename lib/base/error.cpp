#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace pgrecall {

int exit_code(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::failed: return 1;
    case ErrorKind::usage: return 2;
    case ErrorKind::configuration: return 4;
    case ErrorKind::no_repository: return 10;
    case ErrorKind::held: return 11;
    case ErrorKind::wrong_key: return 12;
    case ErrorKind::corruption: return 13;
    case ErrorKind::database_unreachable: return 14;
    case ErrorKind::store_unreachable: return 15;
    case ErrorKind::target_unreachable: return 16;
    case ErrorKind::cancelled: return 130;
  }
  return 1;
}

std::string_view name(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::failed: return "failed";
    case ErrorKind::usage: return "usage";
    case ErrorKind::configuration: return "configuration";
    case ErrorKind::no_repository: return "no_repository";
    case ErrorKind::held: return "held";
    case ErrorKind::wrong_key: return "wrong_key";
    case ErrorKind::corruption: return "corruption";
    case ErrorKind::database_unreachable: return "database_unreachable";
    case ErrorKind::store_unreachable: return "store_unreachable";
    case ErrorKind::target_unreachable: return "target_unreachable";
    case ErrorKind::cancelled: return "cancelled";
  }
  return "failed";
}

Error::Error(ErrorKind kind, std::string message, std::string hint)
    : kind_(kind), message_(std::move(message)), hint_(std::move(hint)) {
  compose();
}

Error& Error::with(std::string_view key, std::string_view value) & {
  context_.emplace_back(key, value);
  compose();
  return *this;
}

Error& Error::with(std::string_view key, unsigned long long value) & { return with(key, std::to_string(value)); }

Error&& Error::caused_by(const std::exception& cause) && {
  cause_ = cause.what();
  compose();
  return std::move(*this);
}

Error&& Error::mark_passing() && noexcept {
  passing_ = true;
  return std::move(*this);
}

Error&& Error::with_errno(int value) && noexcept {
  errno_value_ = value;
  return std::move(*this);
}

std::string_view Error::context(std::string_view key) const noexcept {
  for (const auto& [name, value] : context_) {
    if (name == key) {
      return value;
    }
  }
  return {};
}

void Error::compose() {
  text_ = message_;
  if (!context_.empty()) {
    std::string_view separator = " (";
    for (const auto& [key, value] : context_) {
      text_.append(separator).append(key).append("=").append(value);
      separator = ", ";
    }
    text_ += ')';
  }
  if (!cause_.empty()) {
    text_.append(": ").append(cause_);
  }
}

Error system_error(std::string_view message, std::string_view path, int errno_value) {
  ErrorKind kind = ErrorKind::failed;
  std::string hint;
  switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
      kind = ErrorKind::store_unreachable;
      hint = "free space on that file system, then run the same command again";
      break;
    case EROFS:
      kind = ErrorKind::store_unreachable;
      hint = "the file system is mounted read-only; look at the kernel log for I/O errors";
      break;
    case EIO:
    case ESTALE:
    case ETIMEDOUT:
    case ENODEV:
    case ENXIO:
      kind = ErrorKind::store_unreachable;
      hint = "the device or network file system fails; look at the kernel log";
      break;
    case EACCES:
    case EPERM: hint = "check owner and mode of the path, and the user that runs pgrecall"; break;
    case ENOENT: hint = "check the path, and that the directories above it are there"; break;
    case EMFILE:
    case ENFILE: hint = "raise the limit of open files (LimitNOFILE in the unit, ulimit -n in a shell)"; break;
    case ELOOP: hint = "the path goes round in symbolic links; name the directory itself"; break;
    case ENAMETOOLONG: hint = "choose a shorter path"; break;
    case ENOTDIR: hint = "a part of the path is a file; name another place"; break;
    default: break;
  }
  return Error(kind, std::string(message) + ": " + std::generic_category().message(errno_value), std::move(hint))
      .with("path", path)
      .with_errno(errno_value);
}

}  // namespace pgrecall
