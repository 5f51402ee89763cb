#pragma once

#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <system_error>

#include "alert/alert.h"

namespace pgrecall::test {

class Directory {
 public:
  Directory() : path_((std::filesystem::temp_directory_path() / "pgrecall-alert-XXXXXX").string()) {
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Time at_minute(int minute) { return *parse_time("2026-11-23T02:30:00Z") + std::chrono::minutes(minute); }

// That the nightly backup of `cluster` failed.
inline Notification notification(const std::string& cluster = "shop", int minute = 0) {
  Notification told;
  told.alert.name = "PgrecallRunFailed";
  told.alert.severity = Severity::warning;
  told.alert.cluster = cluster;
  told.alert.subject = "daily";
  told.alert.summary = "The daily backup of " + cluster + " failed: disk full.";
  told.alert.action = "Free space in the repository.";
  told.alert.runbook = "https://wiki.example.com/PgrecallRunFailed.md";
  told.alert.run = "20261123T023000Z-" + cluster + "-daily";
  told.fingerprint = fingerprint(told.alert);
  told.since = at_minute(0);
  told.told = at_minute(minute);
  told.host = "backup1";
  return told;
}

inline Notification repeated(Notification told, int minute) {
  told.repeated = true;
  told.told = at_minute(minute);
  return told;
}

inline Notification resolved(Notification told, int minute) {
  told.state = Notification::State::resolved;
  told.resolved = at_minute(minute);
  told.told = at_minute(minute);
  return told;
}

}  // namespace pgrecall::test
