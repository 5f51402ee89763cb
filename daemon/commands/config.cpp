#include "config/config.h"

#include "commands/commands.h"
#include "output/text.h"

namespace pgrecall {

namespace {
int check_configuration(Session& session) {
  const ConfigCheck found = check_config(session.config_path());
  Console& console = session.console();
  const bool good = found.errors.empty();
  if (console.json()) {
    nlohmann::ordered_json json{{"file", found.file}, {"valid", good}};
    json["errors"] = to_json(found.errors);
    json["warnings"] = to_json(found.warnings);
    console.json_data(json);
  } else {
    std::string out;
    for (const Problem& problem : found.errors) {
      out += printable(to_string(problem)) + "\n";
    }
    for (const Problem& problem : found.warnings) {
      out += console.style().paint(Tone::warning, "warning: ") + printable(to_string(problem)) + "\n";
    }
    console.data(out);
    console.summary(good ? found.file +
                               " is valid: " + format_count(found.config.repositories.size(), "repository", "repositories") +
                               ", " + format_count(found.config.clusters.size(), "cluster", "clusters") + "\n"
                         : format_count(found.errors.size(), "error", "errors") + " in " + found.file + "\n");
  }
  return good ? (found.warnings.empty() ? exit_done : exit_done_with_warnings) : exit_code(ErrorKind::configuration);
}

int show_configuration(Session& session) {
  const LoadedConfig loaded = load_config(session.config_path());
  if (session.console().json()) {
    session.console().json_data(to_json(loaded.config));
  } else {
    session.console().data(to_yaml(loaded.config));
  }
  return exit_done;
}

int run_schema(Session& session) {
  session.console().json_data(config_schema());
  return exit_done;
}
}  // namespace

void add_config(CommandLine& line) {
  CLI::App& group = add_group(line, "config", "The configuration file");
  on_chosen(line, add_verb(group, "check", "Every error at once, as file:line:column: key: problem"), check_configuration);
  on_chosen(line, add_verb(group, "show", "The effective configuration: defaults included, secrets as stars"),
            show_configuration);
  on_chosen(line, add_verb(group, "schema", "Its JSON Schema, for editors"), run_schema);
}

}  // namespace pgrecall
