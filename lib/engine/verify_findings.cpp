#include "engine/verify_findings.h"

#include <algorithm>

namespace pgrecall {

namespace {

std::string key_of(std::string_view kind, std::string_view object, std::string_view place) {
  return std::string(kind).append("\n").append(object).append("\n").append(place);
}

Finding counted_only(FindingSeverity severity, std::uint64_t count) {
  return {.severity = severity,
          .kind = finding_kind::more_findings,
          .object = {},
          .backups = {},
          .file = {},
          .block = {},
          .problem = std::to_string(count) + " more findings are not listed one by one"};
}

}  // namespace

void VerifyFindings::hit(Finding& finding, const std::string& backup) {
  if (finding.severity == FindingSeverity::damage) {
    damaged_backups_.try_emplace(backup, finding.problem + (finding.object.empty() ? "" : " (object=" + finding.object + ")"));
  }
  if (finding.backups.size() < max_backups_named &&
      std::find(finding.backups.begin(), finding.backups.end(), backup) == finding.backups.end()) {
    finding.backups.push_back(backup);
  }
}

void VerifyFindings::add(Finding finding, std::string_view place) {
  const std::lock_guard lock(mutex_);
  const std::vector<std::string> backups = std::move(finding.backups);
  finding.backups.clear();
  const std::string key = key_of(finding.kind, finding.object, place);
  auto at = findings_.find(key);
  if (at == findings_.end() && findings_.size() >= max_findings) {
    ++(finding.severity == FindingSeverity::damage ? not_listed_damage_ : not_listed_notices_);
    for (const std::string& backup : backups) {
      hit(finding, backup);
    }
    return;
  }
  if (at == findings_.end()) {
    at = findings_.emplace(key, std::move(finding)).first;
  }
  for (const std::string& backup : backups) {
    hit(at->second, backup);
  }
}

void VerifyFindings::corrupt(const Error& error, const std::string& object, const std::string& backup, std::string_view place,
                             const std::string& file) {
  const std::string_view named = error.context("object");
  add({.severity = FindingSeverity::damage,
       .kind = finding_kind::corrupt_object,
       .object = named.empty() ? object : std::string(named),
       .backups = backup.empty() ? std::vector<std::string>() : std::vector<std::string>{backup},
       .file = file,
       .block = {},
       .problem = error.what()},
      place);
}

void VerifyFindings::also_hits(std::string_view kind, const std::string& object, std::string_view place,
                               const std::string& backup) {
  const std::lock_guard lock(mutex_);
  const auto at = findings_.find(key_of(kind, object, place));
  if (at != findings_.end()) {
    hit(at->second, backup);
  } else {
    // Only counted when it was found; the backup is hit all the same.
    damaged_backups_.try_emplace(backup, std::string(kind).append(" (object=").append(object).append(")"));
  }
}

void VerifyFindings::also_hits_if_found(std::string_view kind, const std::string& object, std::string_view place,
                                        const std::string& backup) {
  const std::lock_guard lock(mutex_);
  const auto at = findings_.find(key_of(kind, object, place));
  if (at != findings_.end() && !backup.empty()) {
    hit(at->second, backup);
  }
}

bool VerifyFindings::found(std::string_view kind, const std::string& object) const {
  const std::lock_guard lock(mutex_);
  return not_listed_damage_ > 0 || findings_.contains(key_of(kind, object, {}));
}

std::optional<std::string> VerifyFindings::damage_of(const std::string& backup) const {
  const std::lock_guard lock(mutex_);
  const auto at = damaged_backups_.find(backup);
  return at == damaged_backups_.end() ? std::nullopt : std::optional(at->second);
}

std::vector<Finding> VerifyFindings::take() {
  const std::lock_guard lock(mutex_);
  std::vector<Finding> list;
  for (auto& [key, finding] : findings_) {
    list.push_back(std::move(finding));
  }
  findings_.clear();
  if (not_listed_damage_ > 0) {
    list.push_back(counted_only(FindingSeverity::damage, not_listed_damage_));
  }
  if (not_listed_notices_ > 0) {
    list.push_back(counted_only(FindingSeverity::notice, not_listed_notices_));
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const Finding& one, const Finding& other) { return one.severity < other.severity; });
  return list;
}

}  // namespace pgrecall
