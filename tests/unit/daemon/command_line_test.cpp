#include "command_line.h"

#include <catch2/catch.hpp>

using namespace pgrecall;

namespace {
// What parsing says is wrong; an Error without message when nothing is.
Error parse(CommandLine& line, const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
  try {
    line.app.parse(reversed);
  } catch (const CLI::ParseError& problem) {
    return explain(line, problem);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::failed, "");
}

Error parse(const std::vector<std::string>& arguments) {
  CommandLine line;
  return parse(line, arguments);
}
}  // namespace

TEST_CASE("options of every command stand before and after it") {
  CommandLine before;
  REQUIRE(parse(before, {"--repository", "/srv/r", "-q", "list", "prod"}).message().empty());
  CHECK(before.options.repository == "/srv/r");
  CHECK(before.options.quiet);
  CommandLine after;
  REQUIRE(parse(after, {"repo", "key", "export", "--to", "k", "--repository=/srv/r", "--output", "json"}).message().empty());
  CHECK(after.options.repository == "/srv/r");
  CHECK(after.options.output == "json");
  CHECK(after.action);
}

TEST_CASE("a cluster may have the name of a command") {
  CommandLine line;
  CHECK(parse(line, {"list", "backup"}).message().empty());
  CHECK(line.action);
  CommandLine nested;
  CHECK(parse(nested, {"repo", "init", "info"}).message().empty());
}

TEST_CASE("what was mistyped is named, with what was meant") {
  const Error verb = parse({"bakcup", "prod"});
  CHECK(verb.kind() == ErrorKind::usage);
  CHECK(verb.message().find("bakcup") != std::string::npos);
  CHECK(verb.hint().find("did you mean backup?") != std::string::npos);

  const Error option = parse({"backup", "prod", "--ful"});
  CHECK(option.message().find("--ful") != std::string::npos);
  CHECK(option.hint().find("did you mean --full?") != std::string::npos);
  CHECK(option.hint().find("pgrecall backup --help") != std::string::npos);

  const Error nested = parse({"repo", "inti"});
  CHECK(nested.hint().find("did you mean init?") != std::string::npos);
}

TEST_CASE("what is missing is asked for") {
  CHECK(parse(std::vector<std::string>{}).hint().find("backup, list, show") != std::string::npos);
  CHECK(parse({"config"}).hint().find("check, show, schema") != std::string::npos);
  CHECK(parse({"restore", "prod"}).message().find("--into") != std::string::npos);
  CHECK(parse({"backup"}).kind() == ErrorKind::usage);
}

TEST_CASE("values that cannot be are usage errors") {
  CHECK(parse({"backup", "prod", "--max-rate", "fast"}).kind() == ErrorKind::usage);
  CHECK(parse({"backup", "prod", "--keep", "yearly"}).kind() == ErrorKind::usage);
  CHECK(parse({"verify", "prod", "--workers", "0"}).kind() == ErrorKind::usage);
  CHECK(parse({"list", "--output", "xml"}).kind() == ErrorKind::usage);
  CHECK(parse({"list", "a", "b"}).message().find("more than") != std::string::npos);
  CHECK(parse({"list", "--key-file", "k", "--passphrase-file", "p"}).kind() == ErrorKind::usage);
}

TEST_CASE("an error before the options are known still has the wanted format") {
  CHECK(wanted_format({"pgrecall", "lst", "--output", "json"}) == OutputFormat::json);
  CHECK(wanted_format({"pgrecall", "--output=json", "lst"}) == OutputFormat::json);
  CHECK(wanted_format({"pgrecall", "backup", "json"}) == OutputFormat::text);
}

TEST_CASE("a password on the command line is refused before anything happens") {
  CommandLine line;
  line.options.repository = "/nowhere";
  Console console(OutputFormat::text, Verbosity::quiet, ProgressDisplay::none);
  Session session(line.options, console);
  for (const char* conninfo : {"host=db password=canary-4711", "postgresql://user:canary-4711@db/postgres"}) {
    try {
      static_cast<void>(session.connection("prod", conninfo));
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::usage);
      CHECK((std::string(error.what()) + error.hint()).find("canary") == std::string::npos);
    }
  }
  CHECK(session.connection("prod", "host=db user=pgrecall").conninfo == "host=db user=pgrecall");
}
