#include <catch2/catch.hpp>
#include <cstdlib>
#include <set>

#include "unit/config/fixture.h"

namespace contract_test {

// What ships beside the binary is derived from the keys, and compared here. PGRECALL_REGENERATE=1 writes it anew instead.

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
constexpr std::string_view begin_mark = "<!-- keys: begin (written by unit_config) -->\n";
constexpr std::string_view end_mark = "<!-- keys: end -->\n";

bool regenerate() { return std::getenv("PGRECALL_REGENERATE") != nullptr; }

std::string code(const std::string& text) { return text.empty() ? "" : "`" + text + "`"; }

std::string key_table() {
  std::string table = "| Key | Type | Default | Meaning |\n|---|---|---|---|\n";
  for (const ConfigKey& key : config_keys()) {
    table += "| " + code(key.path) + " | " + key.type + " | " + (key.required ? "required" : code(key.fallback)) + " | " +
             key.help + " |\n";
  }
  return table;
}

void collect_paths(const nlohmann::ordered_json& schema, const std::string& prefix, std::set<std::string>& paths) {
  if (schema.contains("patternProperties")) {
    for (const auto& [pattern, inner] : schema["patternProperties"].items()) {
      collect_paths(inner, prefix + "NAME.", paths);
    }
  }
  if (schema.contains("properties")) {
    for (const auto& [name, inner] : schema["properties"].items()) {
      if (inner["type"] == "object") {
        collect_paths(inner, prefix + name + ".", paths);
      } else {
        paths.insert(prefix + name);
      }
    }
  }
}
}  // namespace

TEST_CASE("the schema that ships is the one of this version", "[config]") {
  const std::string path = source_path("config/pgrecall.schema.json");
  const std::string text = config_schema().dump(2) + "\n";
  if (regenerate()) {
    write_text(path, text);
  }
  CHECK(read_text(path) == text);
}

TEST_CASE("the schema knows every key, and refuses others at every level", "[config]") {
  std::set<std::string> in_schema;
  collect_paths(config_schema(), "", in_schema);
  std::set<std::string> declared;
  for (const ConfigKey& key : config_keys()) {
    CHECK(declared.insert(key.path).second);
    CHECK_FALSE(key.help.empty());
  }
  CHECK(in_schema == declared);
  const auto schema = config_schema();
  CHECK(schema["additionalProperties"] == false);
  CHECK(schema["required"] == nlohmann::ordered_json({"repositories", "clusters"}));
  const auto& cluster = schema["properties"]["clusters"]["patternProperties"]["^[a-z0-9][a-z0-9_-]{0,62}$"];
  CHECK(cluster["additionalProperties"] == false);
  CHECK(cluster["properties"]["retention"]["properties"]["daily"]["default"] == 7);
  CHECK(cluster["properties"]["retention"]["properties"]["daily"]["maximum"] == 10'000);
  CHECK(cluster["properties"]["backup"]["properties"]["checkpoint"]["enum"] == nlohmann::ordered_json({"spread", "fast"}));
}

TEST_CASE("the documentation has the key table of this version", "[config]") {
  const std::string path = source_path("docs/configuration.md");
  std::string text = read_text(path);
  const auto begin = text.find(begin_mark);
  const auto end = text.find(end_mark);
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  const auto start = begin + begin_mark.size();
  if (regenerate()) {
    text.replace(start, end - start, key_table());
    write_text(path, text);
    return;
  }
  CHECK(text.substr(start, end - start) == key_table());
}

TEST_CASE("the example loads, is what its comments say, and mentions every key", "[config]") {
  const std::string path = source_path("config/pgrecall.example.yaml");
  const LoadedConfig example = load_config(path);
  CHECK(example.config.clusters.at("prod").schedule.timezone == "Europe/Berlin");
  for (const Problem& warning : example.warnings) {
    CHECK(warning.key == "alerts.receivers.oncall.url_file");
  }
  const std::string text = read_text(path);
  // Keys that the example leaves out on purpose: an address that says the same as path, and secrets in the open.
  const std::set<std::string> left_out{"url",         "passphrase", "password",   "url_env", "url_credential",
                                       "routing_key", "token",      "signing_key"};
  for (const ConfigKey& key : config_keys()) {
    const std::string last = key.path.substr(key.path.rfind('.') + 1);
    INFO(key.path);
    CHECK((left_out.contains(last) || text.find(last + ":") != std::string::npos ||
           text.find("or " + last) != std::string::npos || text.find(", " + last) != std::string::npos));
  }
}

TEST_CASE("what the example has commented out works too", "[config]") {
  std::string text = read_text(source_path("config/pgrecall.example.yaml"));
  const auto uncomment = [&text](const std::string& line) {
    const auto at = text.find("# " + line);
    REQUIRE(at != std::string::npos);
    text.erase(at, 2);
  };
  for (const char* line : {"key_file: ", "password_file: ", "max_rate: ", "checkpoint: "}) {
    uncomment(line);
  }
  const Config config = config_of(text);
  CHECK(config.repositories.at("main").key_file == "/etc/pgrecall/main.key");
  CHECK(config.clusters.at("prod").password.file == "/etc/pgrecall/prod.password");
  CHECK(config.clusters.at("prod").backup.max_rate == 50'000'000U);
}

}  // namespace contract_test
