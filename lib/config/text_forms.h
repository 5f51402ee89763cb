#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.h"
#include "config/problem.h"

// Checks of the form of texts. Each answers what is wrong, or nothing.

namespace pgrecall {

// A cron expression, or "never".
[[nodiscard]] std::optional<Complaint> check_cron(std::string_view text);
// "22:00-06:00".
[[nodiscard]] std::variant<OffPeak, Complaint> day_span_of(std::string_view text);
// A name of the system's time zone database.
[[nodiscard]] std::optional<Complaint> check_timezone(const std::string& text);
// Where to listen, taken apart.
struct ListenAddress {
  std::string host;  // digits, without brackets: "127.0.0.1", "::1"
  std::uint16_t port = 0;
  bool v6 = false;
  bool loopback = false;  // nobody beyond this host gets there
};
// Of "127.0.0.1:9754", "[::1]:9754" or "localhost:9754"; nothing for anything else.
[[nodiscard]] std::optional<ListenAddress> listen_address(std::string_view text);
// Such an address, or "off".
[[nodiscard]] std::optional<Complaint> check_listen(std::string_view text);
[[nodiscard]] std::optional<Complaint> check_name(std::string_view text);
[[nodiscard]] std::optional<Complaint> check_variable(std::string_view text);
[[nodiscard]] std::optional<Complaint> check_credential(std::string_view text);
[[nodiscard]] std::optional<Complaint> check_slot(std::string_view text);
// "mail.example.com:587", "[::1]:25": somebody else's.
[[nodiscard]] std::optional<Complaint> check_server(std::string_view text);
// "PgrecallRunFailed": the form alone; which alerts there are is not known here.
[[nodiscard]] std::optional<Complaint> check_alert_name(std::string_view text);
// "oncall@example.com", as it stands in an SMTP command.
[[nodiscard]] std::optional<Complaint> check_mail_address(std::string_view text);
// "true", "rows", ">= 1000": base/expectation.h.
[[nodiscard]] std::optional<Complaint> check_expectation(std::string_view text);
// "100GB", "30m".
[[nodiscard]] std::optional<Complaint> check_reading_budget(std::string_view text);
// "abcdefghijklmnopqrst", as Supabase refers to a project.
[[nodiscard]] std::optional<Complaint> check_project(std::string_view text);
// "https://api.example.com", to which paths are added; http within this host alone.
[[nodiscard]] std::optional<Complaint> check_web_address(std::string_view text);
// The directory that "file:///path" (%XX as in any URL) stands for.
[[nodiscard]] std::variant<std::string, Complaint> directory_of_url(std::string_view url);

}  // namespace pgrecall
