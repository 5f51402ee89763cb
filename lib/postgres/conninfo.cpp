#include "postgres/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace pgrecall {
namespace {

constexpr std::string_view malformed_hint =
    "write key=value pairs or a postgresql:// URI; quote values that hold blanks or quotes, percent-encode special characters "
    "in URIs, and keep the password in password_file";

[[noreturn]] void refuse(std::string_view why) {
  throw Error(ErrorKind::configuration, "the connection string is malformed: " + std::string(why), std::string(malformed_hint));
}

struct FreeOptions {
  void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};
struct FreeMemory {
  void operator()(char* memory) const noexcept { PQfreemem(memory); }
};

bool contains(std::string_view text, std::string_view part) noexcept { return text.find(part) != std::string_view::npos; }

// libpq's message without the words it quotes from the input.
std::string_view reason_of(std::string_view libpq_message) noexcept {
  if (contains(libpq_message, "missing \"=\"")) {
    return "a word without '='";
  }
  if (contains(libpq_message, "unterminated quoted string")) {
    return "a quote that does not end";
  }
  if (contains(libpq_message, "invalid connection option") || contains(libpq_message, "invalid URI query parameter")) {
    return "an option that libpq does not know";
  }
  if (contains(libpq_message, "percent-encoded")) {
    return "an invalid percent-encoded character";
  }
  return "libpq cannot read it";
}

// In postgresql://user:p@ss@host/db libpq takes "ss@host" for the host, and in .../user:12/3@host for a database, and both would
// be shown in messages.
void check_uri(std::string_view conninfo) {
  const std::size_t scheme_end = conninfo.find("://");
  if (scheme_end == std::string_view::npos || conninfo.rfind("postgres", 0) != 0) {
    return;
  }
  std::string_view rest = conninfo.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('?'));
  const std::size_t at = rest.find('@');
  if (at != std::string_view::npos && (rest.find('@', at + 1) != std::string_view::npos || rest.find('/') < at)) {
    refuse("an '@' or '/' in user name, password or database that is not percent-encoded");
  }
}

bool all_of_digits(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == ','; });
}

// Whatever is wrong here would be repeated by libpq or in the context of errors.
void check_values(const ConnectParameters& parameters) {
  for (const std::string_view keyword : {"host", "hostaddr"}) {
    const std::string* value = parameters.find(keyword);
    if (value != nullptr &&
        (contains(*value, " ") || (contains(*value, "@") && value->front() != '/' && value->front() != '@'))) {
      refuse("a host name that holds '@' or a blank");
    }
  }
  for (const std::string_view keyword : {"port", "connect_timeout"}) {
    const std::string* value = parameters.find(keyword);
    if (value != nullptr && !all_of_digits(*value)) {
      refuse(std::string(keyword) + " is no number");
    }
  }
}

void parse(const std::string& conninfo, ConnectParameters& parameters) {
  if (conninfo.find('\0') != std::string::npos) {
    refuse("a zero byte");
  }
  check_uri(conninfo);
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(conninfo.c_str(), &message));
  const std::unique_ptr<char, FreeMemory> owned_message(message);
  if (!options) {
    refuse(message == nullptr ? "libpq cannot read it" : reason_of(message));
  }
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) {
      parameters.options.emplace_back(option->keyword, Secret(option->val));
    }
  }
  check_values(parameters);
}

void set(ConnectParameters& parameters, std::string_view keyword, std::string value) {
  for (auto& [name, text] : parameters.options) {
    if (name == keyword) {
      text = Secret(std::move(value));
      return;
    }
  }
  parameters.options.emplace_back(keyword, Secret(std::move(value)));
}

void set_unless_given(ConnectParameters& parameters, std::string_view keyword, std::string value) {
  if (parameters.find(keyword) == nullptr) {
    set(parameters, keyword, std::move(value));
  }
}

std::chrono::milliseconds::rep count_hosts(const ConnectParameters& parameters) {
  std::chrono::milliseconds::rep most = 1;
  for (const std::string_view keyword : {"host", "hostaddr"}) {
    if (const std::string* value = parameters.find(keyword)) {
      most = std::max(most, std::count(value->begin(), value->end(), ',') + 1);
    }
  }
  return most;
}

// libpq's own connect_timeout does not act on connections made step by step. TCP_USER_TIMEOUT ends the attempt on a host that
// swallows packets, so that the next one has its turn.
void set_timeouts(ConnectParameters& parameters, std::chrono::milliseconds per_host) {
  if (const std::string* given = parameters.find("connect_timeout"); given != nullptr && given->size() < 7) {
    const long seconds = std::strtol(given->c_str(), nullptr, 10);
    per_host = seconds > 0 ? std::chrono::seconds(seconds) : std::chrono::hours(1);  // 0: libpq would wait for ever
  }
  const auto hosts = count_hosts(parameters);
  parameters.timeout = per_host * hosts;
  const std::chrono::milliseconds single_host_user_timeout{30'000};
  set_unless_given(parameters, "tcp_user_timeout", std::to_string((hosts > 1 ? per_host : single_host_user_timeout).count()));
  set_unless_given(parameters, "keepalives", "1");
  set_unless_given(parameters, "keepalives_idle", "30");
  set_unless_given(parameters, "keepalives_interval", "10");
  set_unless_given(parameters, "keepalives_count", "3");
}

void set_replication(ConnectParameters& parameters, ReplicationMode mode, bool has_other_sources) {
  if (mode == ReplicationMode::none) {
    std::erase_if(parameters.options, [](const auto& option) { return option.first == "replication"; });
    return;
  }
  const bool database = mode == ReplicationMode::database;
  set(parameters, "replication", database ? "database" : "true");
  if (!has_other_sources) {
    // "replication" is the name by which password files know such connections.
    set_unless_given(parameters, "dbname", database ? "postgres" : "replication");
  }
}

bool in_environment(const char* variable) noexcept {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

}  // namespace

const std::string* ConnectParameters::find(std::string_view keyword) const noexcept {
  for (const auto& [name, value] : options) {
    if (name == keyword && !value.empty()) {
      return &value.reveal();
    }
  }
  return nullptr;
}

ConnectParameters connect_parameters(const ConnectionSettings& settings, ReplicationMode mode) {
  ConnectParameters parameters;
  parse(settings.conninfo, parameters);
  const bool has_service = parameters.find("service") != nullptr || in_environment("PGSERVICE");
  if (!settings.password.empty()) {
    set(parameters, "password", settings.password.reveal());
  }
  if (!settings.application_name.empty()) {
    set(parameters, "application_name", settings.application_name);
  }
  set_unless_given(parameters, "fallback_application_name", "pgrecall");
  if (!has_service && !in_environment("PGGSSENCMODE")) {
    set_unless_given(parameters, "gssencmode", "disable");
  }
  set_timeouts(parameters, settings.connect_timeout);
  set_replication(parameters, mode, has_service || in_environment("PGDATABASE"));
  return parameters;
}

std::string conninfo_quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    text += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  }
  return text + "'";
}

}  // namespace pgrecall
