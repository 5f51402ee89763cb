#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"
#include "command_line.h"

namespace documents_test {

// Commands, options and exit codes are declared once; what the documents say of them is compared here.

using namespace pgrecall;

namespace {
std::string read(const std::string& name) {
  std::ifstream file(std::string(PGRECALL_DOCS) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The manual page as one would read it: without roff's fonts and escaped hyphens.
std::string manual() {
  std::string text = read("pgrecall.1");
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\\-", "-"}, {"\\fI", ""}, {"\\fP", ""}, {"\\fR", ""}, {"\\fB", ""}}) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

std::string path_of(const CLI::App& verb) {
  const CLI::App* parent = verb.get_parent();
  return parent == nullptr || parent->get_parent() == nullptr ? verb.get_name() : path_of(*parent) + " " + verb.get_name();
}

// From this verb's heading to the next one.
std::string section(const std::string& text, const std::string& verb) {
  std::size_t begin = text.find(".B pgrecall " + verb + " ");
  if (begin == std::string::npos) {
    begin = text.find(".B pgrecall " + verb + "\n");
  }
  if (begin == std::string::npos) {
    return {};
  }
  const std::size_t end = std::min(text.find("\n.B pgrecall ", begin), text.find("\n.SH", begin));
  return text.substr(begin, end - begin);
}

constexpr std::array all_kinds{ErrorKind::failed,
                               ErrorKind::usage,
                               ErrorKind::configuration,
                               ErrorKind::no_repository,
                               ErrorKind::held,
                               ErrorKind::wrong_key,
                               ErrorKind::corruption,
                               ErrorKind::database_unreachable,
                               ErrorKind::store_unreachable,
                               ErrorKind::target_unreachable,
                               ErrorKind::cancelled};

std::set<std::string> options_of(const CLI::App& verb) {
  std::set<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.insert("--" + name);
    }
  }
  return names;
}
}  // namespace

TEST_CASE("every command and option is in the manual page") {
  const CommandLine line;
  const std::string text = manual();
  const auto everywhere = options_of(line.app);
  const auto verbs = all_verbs(line);
  REQUIRE(verbs.size() >= 15);
  for (const CLI::App* verb : verbs) {
    INFO(path_of(*verb));
    const std::string about = section(text, path_of(*verb));
    CHECK_FALSE(about.empty());
    for (const std::string& option : options_of(*verb)) {
      INFO(option);
      CHECK((everywhere.contains(option) || about.find(option) != std::string::npos));
    }
  }
  const std::string common = text.substr(text.find(".SH OPTIONS OF EVERY COMMAND"));
  for (const std::string& option : everywhere) {
    INFO(option);
    CHECK(common.find(option) != std::string::npos);
  }
}

TEST_CASE("the manual page has no command that is gone") {
  const CommandLine line;
  std::set<std::string> known;
  for (const CLI::App* verb : all_verbs(line)) {
    known.insert(path_of(*verb));
  }
  std::istringstream lines(manual());
  for (std::string text; std::getline(lines, text);) {
    if (!text.starts_with(".B pgrecall ")) {
      continue;
    }
    text.erase(0, 12);
    INFO(text);
    CHECK(std::any_of(known.begin(), known.end(),
                      [&](const std::string& verb) { return text == verb || text.starts_with(verb + " "); }));
  }
}

TEST_CASE("every command's JSON is documented") {
  const CommandLine line;
  const std::string text = read("json-output.md");
  for (const CLI::App* verb : all_verbs(line)) {
    INFO(path_of(*verb));
    CHECK(text.find("**" + path_of(*verb) + "**") != std::string::npos);
  }
}

TEST_CASE("the exit codes of code, manual page and JSON page are one table") {
  const std::string page = manual();
  const std::string json = read("json-output.md");
  for (const ErrorKind kind : all_kinds) {
    const std::string code = std::to_string(exit_code(kind));
    INFO(name(kind));
    CHECK(page.find("\n" + code + "|" + std::string(name(kind)) + "|") != std::string::npos);
    CHECK(json.find("\n| " + code + " | `" + std::string(name(kind)) + "` |") != std::string::npos);
  }
  CHECK(page.find("\n" + std::to_string(exit_fetch_failed) + "|fetch failed|") != std::string::npos);
  CHECK(json.find("\n| " + std::to_string(exit_fetch_failed) + " | | of `wal fetch` alone") != std::string::npos);
  CHECK(page.find("\n" + std::to_string(exit_done_with_warnings) + "|done with warnings|") != std::string::npos);
  CHECK(json.find("\n| " + std::to_string(exit_done_with_warnings) + " | | done, with warnings |") != std::string::npos);
}

}  // namespace documents_test
