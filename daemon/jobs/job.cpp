#include "jobs/job.h"

#include <array>

namespace pgrecall {

namespace {
constexpr std::array<std::pair<JobKind, std::string_view>, 8> kinds{{{JobKind::backup, "backup"},
                                                                     {JobKind::daily, "daily"},
                                                                     {JobKind::weekly, "weekly"},
                                                                     {JobKind::monthly, "monthly"},
                                                                     {JobKind::verify, "verify"},
                                                                     {JobKind::drill, "drill"},
                                                                     {JobKind::expire, "expire"},
                                                                     {JobKind::check, "check"}}};
}  // namespace

std::string_view name(JobKind kind) noexcept {
  for (const auto& [each, text] : kinds) {
    if (each == kind) {
      return text;
    }
  }
  return "unknown";
}

std::optional<JobKind> parse_job_kind(std::string_view text) noexcept {
  for (const auto& [kind, each] : kinds) {
    if (each == text) {
      return kind;
    }
  }
  return std::nullopt;
}

bool is_backup(JobKind kind) noexcept {
  return kind == JobKind::backup || kind == JobKind::daily || kind == JobKind::weekly || kind == JobKind::monthly;
}

}  // namespace pgrecall
