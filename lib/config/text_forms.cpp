#include "config/text_forms.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "base/bytes.h"
#include "base/expectation.h"
#include "base/units.h"
#include "config/config.h"
#include "schedule/cron_expression.h"
#include "schedule/time_zone.h"

namespace pgrecall {

namespace {
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}
}  // namespace

std::optional<Complaint> check_cron(std::string_view text) {
  if (text == "never") {
    return std::nullopt;
  }
  auto found = CronExpression::parse(text);
  auto* problem = std::get_if<CronProblem>(&found);
  return problem == nullptr ? std::nullopt
                            : std::optional(Complaint{std::move(problem->text), std::move(problem->hint), problem->position});
}

std::variant<OffPeak, Complaint> day_span_of(std::string_view text) {
  if (const auto span = OffPeak::parse(text)) {
    return *span;
  }
  return Complaint{in_quotes(text) + " is no span of the day", "write two different times of day, as 22:00-06:00"};
}

std::optional<Complaint> check_timezone(const std::string& text) {
  const auto odd = [](char c) {
    return !is_letter(c) && !is_digit(c) && std::string_view("_+-/").find(c) == std::string_view::npos;
  };
  if (text.empty() || text.front() == '/' || text.size() > 64 || std::any_of(text.begin(), text.end(), odd)) {
    return Complaint{in_quotes(text) + " is not a time zone", suggest_time_zone(text)};
  }
  // Hosts without a time zone database are told so by the schedule, which cannot run there, and not by every command. One look is
  // enough for a name that is right: reading the whole database would take every command some time.
  const char* variable = std::getenv("TZDIR");
  const std::filesystem::path database(variable == nullptr ? "/usr/share/zoneinfo" : variable);
  std::error_code ignored;
  const bool known = std::filesystem::is_regular_file(database / text, ignored) && !text.starts_with("right/") &&
                     !text.starts_with("posix/");  // other forms of the same zones, one with leap seconds
  if (text != "UTC" && std::filesystem::is_directory(database, ignored) && !known) {
    return Complaint{in_quotes(text) + " is not a time zone that this system knows", suggest_time_zone(text)};
  }
  return std::nullopt;
}

std::optional<ListenAddress> listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt : number(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65'535) {
    return std::nullopt;
  }
  ListenAddress found;
  found.port = static_cast<std::uint16_t>(*port);
  found.host = text.substr(0, colon) == "localhost" ? "127.0.0.1" : std::string(text.substr(0, colon));
  if (found.host.starts_with('[') && found.host.ends_with(']')) {
    found.host = found.host.substr(1, found.host.size() - 2);
    in6_addr address{};
    found.v6 = true;
    found.loopback = ::inet_pton(AF_INET6, found.host.c_str(), &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address);
    return ::inet_pton(AF_INET6, found.host.c_str(), &address) == 1 ? std::optional(found) : std::nullopt;
  }
  in_addr address{};
  if (::inet_pton(AF_INET, found.host.c_str(), &address) != 1) {
    return std::nullopt;
  }
  found.loopback = (ntohl(address.s_addr) >> 24U) == 127;
  return found;
}

// Names other than localhost are not looked up: what they mean may change, or take a name server's time.
std::optional<Complaint> check_listen(std::string_view text) {
  if (text == "off" || listen_address(text)) {
    return std::nullopt;
  }
  return Complaint{in_quotes(text) + " is not an address and a port", "write 127.0.0.1:9754, 0.0.0.0:9754, [::1]:9754 or off"};
}

bool valid_config_name(std::string_view name) noexcept {
  const auto fits = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), fits) && name.front() != '_' &&
         name.front() != '-';
}

std::optional<Complaint> check_name(std::string_view text) {
  if (valid_config_name(text)) {
    return std::nullopt;
  }
  return Complaint{
      in_quotes(text) + " is not a usable name",
      "use 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit: it becomes part of object and slot names"};
}

// These two do not repeat the text: somebody may have put the secret itself there.
std::optional<Complaint> check_variable(std::string_view text) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  if (text.empty() || is_digit(text.front()) || !std::all_of(text.begin(), text.end(), fits)) {
    return Complaint{"is not the name of an environment variable", "give the variable's name, not its value"};
  }
  return std::nullopt;
}

// ReplicationSlotValidateName in src/backend/replication/slot.c.
std::optional<Complaint> check_slot(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; };
  if (text.empty() || text.size() > 63 || !std::all_of(text.begin(), text.end(), fits)) {
    return Complaint{"is not the name of a replication slot", "write 1 to 63 of a-z, 0-9 and _"};
  }
  return std::nullopt;
}

std::optional<Complaint> check_credential(std::string_view text) {
  if (text.empty() || text.size() > 255 || text == "." || text == ".." || text.find_first_of("/: ") != std::string_view::npos) {
    return Complaint{"is not the name of a systemd credential", "give the name that LoadCredential= has in the unit"};
  }
  return std::nullopt;
}

std::optional<Complaint> check_server(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt : number(text.substr(colon + 1));
  const std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  const std::string_view bare = bracketed ? host.substr(1, host.size() - 2) : host;
  const auto fits = [bracketed](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == (bracketed ? ':' : '-'); };
  if (port && *port > 0 && *port <= 65'535 && !bare.empty() && std::all_of(bare.begin(), bare.end(), fits)) {
    return std::nullopt;
  }
  return Complaint{in_quotes(text) + " is not a host and a port", "write mail.example.com:587"};
}

std::optional<Complaint> check_alert_name(std::string_view text) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c); };
  if (!text.starts_with("Pgrecall") || text.size() > 63 || !std::all_of(text.begin(), text.end(), fits)) {
    return Complaint{in_quotes(text) + " is not the name of an alert", "write it as docs/runbooks has it: PgrecallRunFailed"};
  }
  return std::nullopt;
}

// Stricter than RFC 5321, which allows quotes and comments that nobody uses; what breaks out of a command or header is refused.
std::optional<Complaint> check_mail_address(std::string_view text) {
  const auto odd = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F ||
           std::string_view("<>()[]\\,;:\"").find(c) != std::string_view::npos;
  };
  const auto at = text.find('@');
  if (at == 0 || at == std::string_view::npos || at + 1 == text.size() || text.rfind('@') != at || text.size() > 254 ||
      std::any_of(text.begin(), text.end(), odd)) {
    return Complaint{in_quotes(text) + " is not a mail address", "write the bare address, as oncall@example.com"};
  }
  return std::nullopt;
}

std::optional<Complaint> check_expectation(std::string_view text) {
  if (Expectation::parse(text)) {
    return std::nullopt;
  }
  return Complaint{in_quotes(text) + " is nothing that can be expected",
                   "write true, rows, no rows, or a comparison such as >= 1000"};
}

std::optional<Complaint> check_reading_budget(std::string_view text) {
  const auto bytes = parse_size(text);
  const auto time = parse_duration(text);
  if ((bytes && *bytes > 0) || (time && time->count() > 0)) {
    return std::nullopt;
  }
  return Complaint{in_quotes(text) + " is no budget for reading", "write a size or a duration, as 100GB or 30m"};
}

std::optional<Complaint> check_project(std::string_view text) {
  const auto fits = [](char c) { return c >= 'a' && c <= 'z'; };
  if (text.size() == 20 && std::all_of(text.begin(), text.end(), fits)) {
    return std::nullopt;
  }
  return Complaint{in_quotes(text) + " is not the reference of a Supabase project",
                   "write its 20 lower-case letters: they stand in the dashboard's address and in Project Settings, General"};
}

std::optional<Complaint> check_web_address(std::string_view text) {
  const bool tls = text.starts_with("https://");
  const std::string_view rest = text.substr(std::min(text.size(), text.find("://") + 3));
  const std::string_view host = rest.substr(0, rest.find_first_of("/:"));
  if (!tls && text.starts_with("http://") && (host == "127.0.0.1" || host == "localhost")) {
    return std::nullopt;
  }
  if (!tls || host.empty() || text.ends_with('/') || text.find_first_of(" ?#@") != std::string_view::npos) {
    return Complaint{"is not an https:// address without user, query and slash at its end", "write https://api.supabase.com"};
  }
  return std::nullopt;
}

std::variant<std::string, Complaint> directory_of_url(std::string_view url) {
  constexpr auto hint = "write file:///srv/backup, or give the directory as path";
  if (url.starts_with("s3://")) {
    return Complaint{"s3:// repositories are not supported yet", "use a directory for now (path: /srv/backup)"};
  }
  if (!url.starts_with("file://")) {
    return Complaint{"is not the URL of a repository", hint};
  }
  url.remove_prefix(7);
  if (!url.starts_with('/')) {
    return Complaint{"names a host, but file URLs here are local and absolute", hint};
  }
  std::string directory;
  for (std::size_t i = 0; i < url.size(); ++i) {
    if (url[i] != '%') {
      directory += url[i];
      continue;
    }
    std::array<std::byte, 1> byte{};
    std::string digits(url.substr(i + 1, 2));
    std::transform(digits.begin(), digits.end(), digits.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (!from_hex(digits, byte) || byte[0] == std::byte{0}) {
      return Complaint{"has a % that no two hexadecimal digits follow", "write %25 for a percent sign"};
    }
    directory += static_cast<char>(byte[0]);
    i += 2;
  }
  return directory;
}

}  // namespace pgrecall
