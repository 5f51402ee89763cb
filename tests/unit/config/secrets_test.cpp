#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "config/conninfo.h"
#include "unit/config/fixture.h"

namespace secrets_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Lines = std::vector<std::string>;

namespace {
constexpr auto canary = "c4n4ry";

// Everything that anybody may get to see of a configuration.
std::string everything_shown(const std::string& yaml) {
  const ConfigCheck check = check_config_text(yaml, "/etc/test.yaml");
  std::string text;
  for (const auto* problems : {&check.errors, &check.warnings}) {
    for (const Problem& problem : *problems) {
      text += to_string(problem) + "\n";
    }
    text += to_json(*problems).dump();
  }
  text += to_json(check.config).dump() + to_yaml(check.config);
  const Directory directory;
  write_text(directory.path("pgrecall.yaml"), yaml);
  try {
    (void)load_config(directory.path("pgrecall.yaml"));
  } catch (const Error& error) {
    text += std::string(error.what()) + error.hint();
  }
  return text;
}

std::string cluster(const std::string& lines) {
  return "repositories: { main: { path: /a } }\nclusters:\n  prod:\n    repository: main\n" + lines;
}
}  // namespace

TEST_CASE("no secret is shown, wherever it stands and whatever is wrong around it", "[config]") {
  const std::vector<std::string> files{
      cluster("    connection: host=db password=c4n4ry\n"),
      cluster("    connection: \"host=db password='two words c4n4ry' sslmode=require\"\n"),
      cluster("    connection: \"host=db sslpassword=c4n4ry sslmode=require\"\n"),
      cluster("    connection: \"postgresql://pgrecall:c4n4ry@db/postgres\"\n"),
      cluster("    connection: \"postgresql://pgrecall@db/postgres?password=c4n4ry\"\n"),
      cluster("    connection: \"postgresql://pgrecall:c4n4ry@db/postgres?nonsense=1\"\n"),
      cluster("    connection: \"postgresql://pgrecall:c4n4ry@[db/postgres\"\n"),
      cluster("    connection: \"host=db password=two c4n4ry\"\n"),
      cluster("    connection: \"host=db password=two c4n4ry=1\"\n"),
      cluster("    connection: \"host=db password='c4n4ry\"\n"),
      cluster("    connection: \"host=db PASSWORD=c4n4ry\"\n"),
      cluster("    connection: \"host=db passwrod=c4n4ry\"\n"),
      cluster("    connection: c4n4ry\n"),
      cluster("    connection: { password: c4n4ry }\n"),
      cluster("    connection: [c4n4ry]\n"),
      cluster("    connection: host=db\n    password: c4n4ry\n"),
      cluster("    connection: host=db\n    pasword: c4n4ry\n"),
      cluster("    connection: host=db\n    password: \"c4n4ry\\n\"\n"),
      cluster("    connection: host=db\n    password: !secret c4n4ry\n"),
      cluster("    connection: host=db\n    password_env: \"c4n4ry!\"\n"),
      cluster("    connection: host=db\n    password_credential: \"c4n4ry/\"\n"),
      cluster("    connection: host=db\n    password: c4n4ry\n    password: c4n4ry\n    password_env: X\n"),
      cluster("    connection: host=db password=c4n4ry\n    password: c4n4ry\n"),
      "repositories: { main: { path: /a, passphrase: c4n4ry } }\nclusters: { prod: { connection: host=db, repository: main } }\n",
      "repositories: { main: { url: \"s3://key:c4n4ry@bucket/x\" } }\nclusters: { prod: { connection: host=db, repository: main "
      "} }\n",
      cluster(
          "    connection: host=db\n    kind: supabase-hosted\n    supabase: { project: abcdefghijklmnopqrst, token: c4n4ry }\n"),
      cluster("    connection: host=db\n    kind: supabase-hosted\n    supabase: { token: c4n4ry, token_env: \"c4n4ry!\" }\n"),
      cluster("    connection: host=db\n    supabase: { token: c4n4ry, api: \"https://c4n4ry@example.com\" }\n"),
      std::string(minimal) + "alerts: { receivers: { me: { kind: slack, url: \"https://hooks.example.com/c4n4ry\" } } }\n",
      std::string(minimal) + "alerts: { receivers: { me: { kind: slak, url: \"https://hooks.example.com/c4n4ry\" } } }\n",
  };
  for (const std::string& file : files) {
    INFO(file);
    REQUIRE(file.find(canary) != std::string::npos);
    const std::string shown = everything_shown(file);
    INFO(shown);
    CHECK(shown.find(canary) == std::string::npos);
  }
}

TEST_CASE("literal secrets work, with a warning at their place", "[config]") {
  CHECK(warnings_of(cluster("    connection: host=db password=x\n")) ==
        Lines{"5:17: clusters.prod.connection: a password stands in the connection; hint: move it to a file of mode 0600 and "
              "name that as "
              "password_file"});
  CHECK(warnings_of(cluster("    connection: host=db\n    password: x\n")) ==
        Lines{"6:15: clusters.prod.password: a secret stands in the configuration itself; hint: move it to a file of mode 0600 "
              "and name that "
              "instead"});
  CHECK(warnings_of(minimal) == Lines{});
  const Config config = config_of(cluster("    connection: postgresql://u:pw@db/x\n"));
  CHECK(config.clusters.at("prod").connection.reveal() == "postgresql://u:pw@db/x");
}

TEST_CASE("secret files are warned about, at their place", "[config]") {
  const Directory directory;
  write_text(directory.path("open"), "x");
  REQUIRE(::chmod(directory.path("open").c_str(), 0644) == 0);
  write_text(directory.path("closed"), "x");
  REQUIRE(::chmod(directory.path("closed").c_str(), 0600) == 0);
  const auto repository = [&directory](const std::string& key, const std::string& file) {
    return warnings_of("repositories:\n  main:\n    path: /a\n    " + key + ": " + directory.path(file) +
                       "\nclusters: { prod: { connection: host=db, repository: main } }\n");
  };
  CHECK(repository("key_file", "closed") == Lines{});
  CHECK(repository("passphrase_file", "closed") == Lines{});
  REQUIRE(repository("key_file", "open").size() == 1);
  CHECK(repository("key_file", "open")
            .front()
            .starts_with("4:15: repositories.main.key_file: " + directory.path("open") + " is open to others"));
  CHECK(repository("passphrase_file", "open").front().starts_with("4:22: repositories.main.passphrase_file: "));
  CHECK(warnings_of(cluster("    connection: host=db\n    password_file: " + directory.path("open") + "\n"))
            .front()
            .starts_with("6:20: clusters.prod.password_file: "));
  CHECK(warnings_of(cluster("    connection: host=db\n    password_env: PGRECALL_TEST_ABSENT\n")).front() ==
        "6:19: clusters.prod.password_env: environment variable PGRECALL_TEST_ABSENT is not set here; hint: set it for the "
        "process that runs "
        "pgrecall");
}

TEST_CASE("connections are shown without their secrets", "[config]") {
  CHECK(redact_conninfo("host=db user=me") == "host=db user=me");
  CHECK(redact_conninfo("postgresql://me@db/x") == "postgresql://me@db/x");
  const std::string shown = redact_conninfo("postgresql://me:pw@db:5433/my%20db?application_name=it%27s");
  CHECK(shown.find("password=********") != std::string::npos);
  CHECK(shown.find("user=me") != std::string::npos);
  CHECK(shown.find("port=5433") != std::string::npos);
  CHECK(shown.find("dbname='my db'") != std::string::npos);
  CHECK(shown.find("application_name='it\\'s'") != std::string::npos);
  CHECK(redact_conninfo("no connection at all") == "********");
  CHECK(conninfo_has_secret("host=db password=x"));
  CHECK_FALSE(conninfo_has_secret("host=db passfile=/x"));
}

}  // namespace secrets_test
