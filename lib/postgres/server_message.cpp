#include "postgres/server_message.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace pgrecall {
namespace {

constexpr std::string_view location_label = "LOCATION:";

bool contains(std::string_view text, std::string_view part) noexcept { return text.find(part) != std::string_view::npos; }

bool is_code_character(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }

// "FATAL:  28P01: text": the place of the code, or npos. Five characters, a colon behind, two blanks before.
std::size_t find_sqlstate(std::string_view line) noexcept {
  for (std::size_t at = line.find(":  "); at != std::string_view::npos; at = line.find(":  ", at + 1)) {
    const std::size_t code = at + 3;
    if (code + 6 <= line.size() && line[code + 5] == ':' &&
        std::all_of(line.begin() + static_cast<std::ptrdiff_t>(code), line.begin() + static_cast<std::ptrdiff_t>(code + 5),
                    is_code_character)) {
      return code;
    }
  }
  return std::string_view::npos;
}

// The length of the well-formed UTF-8 character that `text` starts with, or 0.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  std::size_t length = 0;
  unsigned char lowest = 0x80;
  unsigned char highest = 0xBF;
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    lowest = lead == 0xE0 ? 0xA0 : lowest;
    highest = lead == 0xED ? 0x9F : highest;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    lowest = lead == 0xF0 ? 0x90 : lowest;
    highest = lead == 0xF4 ? 0x8F : highest;
  }
  if (length == 0 || text.size() < length || byte(1) < lowest || byte(1) > highest) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) {
      return 0;
    }
  }
  return length;
}

// Failures before the server answered; libpq gives no code for them.
std::string network_hint(std::string_view text) {
  if (contains(text, "no password supplied")) {
    return "the server wants a password: configure password_file, or PGPASSFILE";
  }
  if (contains(text, "server does not support SSL")) {
    return "turn ssl on at the server, or choose another sslmode in the connection string";
  }
  if (contains(text, "certificate") || contains(text, "SSL") || contains(text, "tls")) {
    return "check sslmode, sslrootcert and the server's certificate";
  }
  if (contains(text, "translate host name")) {
    return "check the host name and the name server of this host";
  }
  if (contains(text, "session is not read-only") || contains(text, "session is read-only") || contains(text, "hot standby")) {
    return "no host fits target_session_attrs; check which of them is the primary";
  }
  if (contains(text, "closed the connection unexpectedly")) {
    return "look at the server's log; the port may also belong to something else than PostgreSQL";
  }
  return "check that the server runs and listens on that address and port, and that no firewall is between";
}

std::string hba_hint(std::string_view user) {
  return "let the role in: add \"host all " + std::string(user) + " <this host> scram-sha-256\" (or \"host replication " +
         std::string(user) + " ...\") to pg_hba.conf and reload the server";
}

std::string role_hint(std::string_view user) {
  return "as a superuser: CREATE ROLE \"" + std::string(user) + "\" LOGIN REPLICATION";
}

}  // namespace

std::string clean_text(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      clean += '?';
    } else if (length == 1 && static_cast<unsigned char>(text.front()) < 0x20) {
      if (!clean.empty() && clean.back() != ' ') {
        clean += ' ';
      }
    } else {
      clean.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  while (!clean.empty() && clean.back() == ' ') {
    clean.pop_back();
  }
  return clean;
}

ServerMessage read_connect_failure(std::string_view libpq_text) {
  ServerMessage message;
  while (!libpq_text.empty()) {
    const std::size_t end = libpq_text.find('\n');
    std::string line(libpq_text.substr(0, end));
    libpq_text.remove_prefix(end == std::string_view::npos ? libpq_text.size() : end + 1);
    if (line.rfind(location_label, 0) == 0) {
      const std::size_t begin = std::min(line.find_first_not_of(' ', location_label.size()), line.size());
      message.function = line.substr(begin, line.find(',', begin) - begin);
      continue;
    }
    // "Is the server running ...?": what the hint says.
    if (line.empty() || line.front() == '\t') {
      continue;
    }
    if (const std::size_t code = find_sqlstate(line); code != std::string::npos) {
      message.sqlstate = line.substr(code, 5);
      message.function.clear();
      // With the severity before it, which is always FATAL here.
      const std::size_t severity = line.rfind(' ', code - 3) + 1;
      line.erase(severity, code + 7 - severity);
    }
    message.text += (message.text.empty() ? "" : "; ") + clean_text(line);
  }
  return message;
}

bool refused_by_hba(const ServerMessage& message) noexcept {
  // Other refusals of that code (no such role, failed peer or certificate authentication) come from other functions.
  return message.sqlstate == "28000" && message.function == "ClientAuthentication";
}

bool other_mode_may_pass(const ServerMessage& message) noexcept {
  if (refused_by_hba(message)) {
    return true;
  }
  if (message.sqlstate == "42501") {
    return message.function == "CheckMyDatabase";  // no CONNECT privilege
  }
  return message.sqlstate == "3D000" || message.sqlstate == "55000";  // no such database; it accepts no connections
}

bool may_pass_later(const ServerMessage& message) noexcept {
  static constexpr std::array<std::string_view, 6> passing_codes = {"53300", "53400", "57P01", "57P02", "57P03", "53200"};
  if (message.sqlstate.empty()) {
    return !contains(message.text, "no password supplied") && !contains(message.text, "certificate") &&
           !contains(message.text, "does not support SSL");
  }
  return std::find(passing_codes.begin(), passing_codes.end(), message.sqlstate) != passing_codes.end();
}

std::string connect_hint(const ServerMessage& message, std::string_view user) {
  const std::string_view code = message.sqlstate;
  if (code.empty()) {
    return network_hint(message.text);
  }
  if (code == "28P01") {
    return "check the password (password_file, PGPASSFILE); it is not tried again by itself, since servers ban addresses for "
           "that";
  }
  if (code == "28000") {
    if (refused_by_hba(message)) {
      return hba_hint(user);
    }
    return message.function == "auth_failed"
               ? "pg_hba.conf asks for another kind of authentication (peer, ident, cert ...) than this host can give"
               : role_hint(user);
  }
  if (code == "42501") {
    return message.function == "CheckMyDatabase" ? "grant the role CONNECT on that database, or name another one"
                                                 : "as a superuser: ALTER ROLE \"" + std::string(user) + "\" REPLICATION";
  }
  if (code == "3D000" || code == "55000") {
    return "name a database that exists and accepts connections with dbname=... in the connection string";
  }
  if (code == "53300") {
    return contains(message.text, "max_wal_senders") || message.function == "InitProcess"
               ? "raise max_wal_senders at the server, or end a replication client that is not needed"
               : "the server is out of connections: raise max_connections, or the role's or database's connection limit";
  }
  if (code == "57P03") {
    return "the server is starting up, recovering or shutting down; try again when it accepts connections";
  }
  if (code == "08P01") {
    return "a pooler may refuse replication connections: give the address of PostgreSQL itself";
  }
  return {};
}

std::string command_hint(std::string_view sqlstate) {
  if (sqlstate == "42501") {
    return "the role lacks a privilege; REPLICATION is needed for backups (ALTER ROLE ... REPLICATION)";
  }
  if (sqlstate == "53400") {
    return "raise max_replication_slots at the server, or drop a slot that is not needed";
  }
  if (sqlstate == "53300") {
    return "raise max_wal_senders at the server, or end a replication client that is not needed";
  }
  if (sqlstate == "58P01") {
    return "the server no longer has that WAL; start anew from a new backup, and keep WAL with a slot or wal_keep_size";
  }
  if (sqlstate == "55006") {
    return "another session uses that slot; end it, or use another slot name";
  }
  if (sqlstate == "57P01" || sqlstate == "57P02" || sqlstate == "57P03") {
    return "the server was shut down or restarted; try again when it accepts connections";
  }
  return {};
}

}  // namespace pgrecall
