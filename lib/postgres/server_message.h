#pragma once

#include <string>
#include <string_view>

namespace pgrecall {

// Why a connection or a command failed, taken apart from libpq's text. Pure, so that each refusal can be tested without a
// server that refuses.
struct ServerMessage {
  std::string sqlstate;  // "28P01"; empty when libpq failed by itself (network, TLS, no server)
  std::string function;  // the server's C function that refused; language-independent, unlike the text
  std::string text;      // one line of UTF-8, without code and location
};

// Reads the text of a failed connection, made with PQERRORS_VERBOSE. With several hosts, the last refusal decides.
[[nodiscard]] ServerMessage read_connect_failure(std::string_view libpq_text);

// True when pg_hba.conf has no line for the connection, or one that rejects it.
[[nodiscard]] bool refused_by_hba(const ServerMessage& message) noexcept;
// True when pg_hba.conf, or the database named, refuses this connection, while one of another replication mode may pass.
// Never for a failed authentication.
[[nodiscard]] bool other_mode_may_pass(const ServerMessage& message) noexcept;
// True when the same may succeed later: starting up, too many connections, no network.
[[nodiscard]] bool may_pass_later(const ServerMessage& message) noexcept;
// What to do about a failed connection; empty when nothing is known. `user` is the role's name.
[[nodiscard]] std::string connect_hint(const ServerMessage& message, std::string_view user);
// What to do about a refused command.
[[nodiscard]] std::string command_hint(std::string_view sqlstate);

// The same text on one line and in valid UTF-8: servers speak in the encoding of their locale, and JSON must not fail on it.
[[nodiscard]] std::string clean_text(std::string_view text);

}  // namespace pgrecall
