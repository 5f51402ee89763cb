#include "postgres/conninfo.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>

namespace conninfo_test {

using namespace pgrecall;
using namespace std::chrono_literals;

namespace {

ConnectParameters parameters(std::string conninfo, ReplicationMode mode = ReplicationMode::database, Secret password = {}) {
  for (const char* variable : {"PGSERVICE", "PGDATABASE", "PGGSSENCMODE"}) {
    REQUIRE(::unsetenv(variable) == 0);
  }
  ConnectionSettings settings;
  settings.conninfo = std::move(conninfo);
  settings.password = std::move(password);
  return connect_parameters(settings, mode);
}

std::string value(const ConnectParameters& parameters, std::string_view keyword) {
  const std::string* found = parameters.find(keyword);
  return found == nullptr ? "" : *found;
}

// Everything that a user or a log would see of the refusal.
std::string refusal_of(const std::string& conninfo) {
  try {
    static_cast<void>(parameters(conninfo));
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::configuration);
    return error.what() + error.hint();
  }
  return {};
}

}  // namespace

TEST_CASE("replication asks for a database, postgres where none is named") {
  CHECK(value(parameters("host=a"), "replication") == "database");
  CHECK(value(parameters("host=a"), "dbname") == "postgres");
  CHECK(value(parameters("host=a dbname=app"), "dbname") == "app");
  CHECK(value(parameters("postgresql://u@a/app"), "dbname") == "app");
  CHECK(value(parameters("host=a", ReplicationMode::physical), "replication") == "true");
  CHECK(value(parameters("host=a", ReplicationMode::physical), "dbname") == "replication");
  CHECK(value(parameters("host=a replication=true", ReplicationMode::none), "replication").empty());
  CHECK(value(parameters("host=a", ReplicationMode::none), "dbname").empty());
  CHECK(value(parameters("host=a replication=true"), "replication") == "database");
}

TEST_CASE("a service or PGDATABASE names the database itself") {
  CHECK(value(parameters("service=prod"), "dbname").empty());
  CHECK(value(parameters("service=prod"), "gssencmode").empty());
}

TEST_CASE("what the conninfo says wins over our defaults") {
  const auto defaults = parameters("host=a");
  CHECK(value(defaults, "gssencmode") == "disable");
  CHECK(value(defaults, "keepalives") == "1");
  CHECK(value(defaults, "fallback_application_name") == "pgrecall");
  CHECK(value(parameters("host=a gssencmode=prefer"), "gssencmode") == "prefer");
  CHECK(value(parameters("host=a keepalives_idle=7"), "keepalives_idle") == "7");
  CHECK(value(parameters("host=a application_name=standby1"), "application_name") == "standby1");
}

TEST_CASE("the password given apart wins") {
  CHECK(value(parameters("host=a password=old", ReplicationMode::database, Secret("new")), "password") == "new");
  CHECK(value(parameters("host=a password=old"), "password") == "old");
}

TEST_CASE("time to connect is for each host, and the conninfo's wins") {
  CHECK(parameters("host=a").timeout == 10s);
  CHECK(parameters("host=a,b,c").timeout == 30s);
  CHECK(parameters("host=a,b connect_timeout=2").timeout == 4s);
  CHECK(parameters("host=a connect_timeout=0").timeout == 1h);
  CHECK(value(parameters("host=a,b connect_timeout=2"), "tcp_user_timeout") == "2000");
  CHECK(value(parameters("host=a"), "tcp_user_timeout") == "30000");
}

TEST_CASE("a malformed conninfo is refused without repeating any of it") {
  const std::string conninfo =
      GENERATE("host=a password=x canary", "host=a password='canary", "host=a canary=1", "password=ca'nary canary",
               "postgresql://u:p@canary@host/db", "postgresql://u:12/canary@host/db", "postgresql://u:canary/x@host/db",
               "postgresql://u:canary%zz@host/db", "postgresql://u:p@host/db?canary=1", "postgresql://u:p?x@canary@host/db",
               "postgres://u:canary#x/y@host", "host=a port=canary", "host=a connect_timeout=canary", "host=canary@b user=x",
               "host='can ary canary'");
  const std::string refusal = refusal_of(conninfo);
  INFO(conninfo);
  CHECK_FALSE(refusal.empty());
  CHECK(refusal.find("canary") == std::string::npos);
}

TEST_CASE("odd but good conninfos pass") {
  CHECK(refusal_of("postgresql://u:p%40ss%2Fx@host/db?application_name=a@b").empty());
  CHECK(refusal_of("host=/run/user@1/pg password='it\\'s'").empty());
  CHECK(refusal_of("postgresql://u:p?x@host/db").empty());
  CHECK(refusal_of("host=a,b port=5432,5433").empty());
  CHECK(refusal_of("host=@abstract").empty());
  CHECK(refusal_of("").empty());
}

}  // namespace conninfo_test
