#include "command_line.h"

#include <catch2/catch.hpp>

namespace command_line_test {

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

TEST_CASE("an empty value is refused, since it must not choose the newest backup or the default repository") {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"unpin", "prod", ""},
                                             {"pin", "prod", ""},
                                             {"show", "prod", ""},
                                             {"verify", "prod", ""},
                                             {"verify", ""},
                                             {"restore", "prod", "--into", "/d", "--backup", ""},
                                             {"restore", "prod", "--into", ""},
                                             {"list", "--repository", ""},
                                             {"--config", "", "list"},
                                             {"list", "--key-file", ""},
                                             {"backup", "prod", "--connection", ""}}) {
    const Error error = parse(arguments);
    CAPTURE(arguments);
    CHECK(error.kind() == ErrorKind::usage);
    CHECK(error.message().find("empty") != std::string::npos);
  }
  CHECK(parse({"pin", "prod", "latest", "--note", ""}).message().empty());
}

TEST_CASE("a word that an option does not take is answered with those that it takes") {
  const Error keep = parse({"backup", "prod", "--keep", "yearly"});
  CHECK(keep.message() == "--keep: \"yearly\" cannot be used");
  CHECK(keep.hint() == "it is one of: daily, weekly, monthly, manual");
  CHECK(parse({"backup", "prod", "--keep", "3"}).hint() == keep.hint());
  CHECK(parse({"backup", "prod", "--checkpoint", "1"}).hint() == "it is one of: fast, spread");
  CHECK(parse({"backup", "prod", "--keep", "weekly", "--checkpoint", "spread"}).message().empty());
  CHECK(parse({"list", "--output", "xml"}).message().find("text,json") != std::string::npos);
  CHECK(parse({"list", "--repository", "/a", "--repository", "/b"}).message() == "--repository was given more than once");
}

TEST_CASE("a note has a limit, as every list reads it") {
  CHECK(parse({"backup", "prod", "--note", std::string(1000, 'x')}).message().empty());
  CHECK(parse({"backup", "prod", "--note", std::string(1001, 'x')}).message().find("1000 bytes") != std::string::npos);
  CHECK(parse({"pin", "prod", "latest", "--note", std::string(1001, 'x')}).kind() == ErrorKind::usage);
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

}  // namespace command_line_test
