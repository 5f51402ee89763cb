#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/problem.h"

namespace pgrecall {

// What is wrong with a libpq connection string or URI; nothing when libpq takes it. The answer repeats no part that could be a
// password.
[[nodiscard]] std::optional<Complaint> check_conninfo(const std::string& conninfo);
// Whether it names that port, among others perhaps. What environment and service files say is not looked at.
[[nodiscard]] bool conninfo_has_port(const std::string& conninfo, std::string_view port);
// True when a password (or another value that libpq hides, such as sslpassword) stands in it.
[[nodiscard]] bool conninfo_has_secret(const std::string& conninfo);
// The same connection for people: without secrets it stays as it was written; with some it is written anew as keywords and values
// with stars in their place. Never shows a part of what libpq cannot read.
[[nodiscard]] std::string redact_conninfo(const std::string& conninfo);

}  // namespace pgrecall
