#include "postgres/server_message.h"

#include <catch2/catch.hpp>

namespace server_message_test {

using namespace pgrecall;

namespace {

ServerMessage refusal(std::string sqlstate, std::string function, std::string text = {}) {
  return {.sqlstate = std::move(sqlstate), .function = std::move(function), .text = std::move(text)};
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("a refusal of pg_hba.conf is taken apart") {
  const ServerMessage message = read_connect_failure(
      "connection to server at \"10.0.0.1\", port 5432 failed: FATAL:  28000: no pg_hba.conf entry for host \"10.0.0.9\"\n"
      "LOCATION:  ClientAuthentication, auth.c:543\n");
  CHECK(message.sqlstate == "28000");
  CHECK(message.function == "ClientAuthentication");
  CHECK(message.text == "connection to server at \"10.0.0.1\", port 5432 failed: no pg_hba.conf entry for host \"10.0.0.9\"");
}

TEST_CASE("the code is found in any language") {
  const ServerMessage message = read_connect_failure(
      "connection to server on socket \"/run/.s.PGSQL.5432\" failed: SCHWERWIEGEND:  28P01: Passwort-Authentifizierung "
      "f\xC3\xBCr Benutzer \xC2\xBBx\xC2\xAB fehlgeschlagen\nLOCATION:  auth_failed, auth.c:340\n");
  CHECK(message.sqlstate == "28P01");
  CHECK(message.function == "auth_failed");
}

TEST_CASE("of several hosts the last refusal decides") {
  const ServerMessage message = read_connect_failure(
      "connection to server at \"a\" failed: FATAL:  57P03: the database system is starting up\n"
      "LOCATION:  ProcessStartupPacket, postmaster.c:1\n"
      "connection to server at \"b\" failed: Connection refused\n"
      "\tIs the server running on that host and accepting TCP/IP connections?\n");
  CHECK(message.sqlstate == "57P03");
  CHECK(has(message.text, "starting up; connection to server at \"b\" failed: Connection refused"));
  CHECK_FALSE(has(message.text, "Is the server running"));
}

TEST_CASE("a failure of libpq itself has no code") {
  const ServerMessage message = read_connect_failure("connection to server at \"a\", port 1 failed: Connection refused\n");
  CHECK(message.sqlstate.empty());
  CHECK(message.function.empty());
  CHECK(read_connect_failure("").text.empty());
  CHECK(read_connect_failure("x:  ABC").sqlstate.empty());
  CHECK(read_connect_failure("x:  abcde: y").sqlstate.empty());
}

TEST_CASE("the other replication mode is tried where it may pass, and never after a failed authentication") {
  CHECK(other_mode_may_pass(refusal("28000", "ClientAuthentication")));
  CHECK(other_mode_may_pass(refusal("3D000", "InitPostgres")));
  CHECK(other_mode_may_pass(refusal("55000", "CheckMyDatabase")));
  CHECK(other_mode_may_pass(refusal("42501", "CheckMyDatabase")));

  CHECK_FALSE(other_mode_may_pass(refusal("28P01", "auth_failed")));
  CHECK_FALSE(other_mode_may_pass(refusal("28000", "auth_failed")));
  CHECK_FALSE(other_mode_may_pass(refusal("28000", "InitializeSessionUserId")));
  CHECK_FALSE(other_mode_may_pass(refusal("42501", "InitPostgres")));
  CHECK_FALSE(other_mode_may_pass(refusal("53300", "InitProcess")));
  CHECK_FALSE(other_mode_may_pass(refusal("", "")));
}

TEST_CASE("what may pass later is told from what must be mended") {
  CHECK(may_pass_later(refusal("57P03", "")));
  CHECK(may_pass_later(refusal("53300", "")));
  CHECK(may_pass_later(refusal("", "", "Connection refused")));
  CHECK_FALSE(may_pass_later(refusal("28P01", "")));
  CHECK_FALSE(may_pass_later(refusal("28000", "ClientAuthentication")));
  CHECK_FALSE(may_pass_later(refusal("", "", "fe_sendauth: no password supplied")));
  CHECK_FALSE(may_pass_later(refusal("", "", "SSL error: certificate verify failed")));
  CHECK_FALSE(may_pass_later(refusal("", "", "server does not support SSL, but SSL was required")));
}

TEST_CASE("hints name what to do") {
  CHECK(has(connect_hint(refusal("28000", "ClientAuthentication"), "bob"), "host all bob"));
  CHECK(has(connect_hint(refusal("28000", "InitializeSessionUserId"), "bob"), "CREATE ROLE \"bob\" LOGIN REPLICATION"));
  CHECK(has(connect_hint(refusal("28000", "auth_failed"), "bob"), "another kind of authentication"));
  CHECK(has(connect_hint(refusal("28P01", "auth_failed"), "bob"), "password_file"));
  CHECK(has(connect_hint(refusal("42501", "InitPostgres"), "bob"), "ALTER ROLE \"bob\" REPLICATION"));
  CHECK(has(connect_hint(refusal("42501", "CheckMyDatabase"), "bob"), "CONNECT"));
  CHECK(has(connect_hint(refusal("53300", "InitProcess"), "bob"), "max_wal_senders"));
  CHECK(has(connect_hint(refusal("53300", "InitPostgres", "too many clients"), "bob"), "max_connections"));
  CHECK(has(connect_hint(refusal("08P01", ""), "bob"), "pooler"));
  CHECK(has(connect_hint(refusal("", "", "server does not support SSL, but SSL was required"), "bob"), "sslmode"));
  CHECK(has(connect_hint(refusal("", "", "SSL error: certificate verify failed"), "bob"), "sslrootcert"));
  CHECK(has(connect_hint(refusal("", "", "fe_sendauth: no password supplied"), "bob"), "PGPASSFILE"));
  CHECK(has(connect_hint(refusal("", "", "could not translate host name"), "bob"), "name server"));
  CHECK(has(connect_hint(refusal("", "", "Connection refused"), "bob"), "server runs"));
  CHECK(has(command_hint("58P01"), "no longer has that WAL"));
  CHECK(has(command_hint("53400"), "max_replication_slots"));
  CHECK(command_hint("42P01").empty());
}

TEST_CASE("text of any encoding becomes one line of UTF-8") {
  CHECK(clean_text("a\n\tb\r\n") == "a b");
  CHECK(clean_text("f\xC3\xBCr \xE2\x82\xAC \xF0\x9F\x98\x80") == "f\xC3\xBCr \xE2\x82\xAC \xF0\x9F\x98\x80");
  CHECK(clean_text("f\xFCr") == "f?r");
  CHECK(clean_text("\xC3") == "?");
  CHECK(clean_text("\xC0\xAF") == "??");            // overlong
  CHECK(clean_text("\xED\xA0\x80") == "???");       // a surrogate
  CHECK(clean_text("\xF4\x90\x80\x80") == "????");  // beyond U+10FFFF
  CHECK(clean_text("\xE2\x82x") == "??x");
}

}  // namespace server_message_test
