#include "command_line.h"

#include "commands/commands.h"
#include "config/problem.h"
#include "help_format.h"
#include "version.h"

namespace pgrecall {

namespace {
void add_global_options(GlobalOptions& options, CLI::App& app) {
  const std::string group = "Options of every command";
  app.set_help_flag("-h,--help", "Print this and exit")->group(group);
  app.add_option("--config", options.config_file, "Configuration file (default: " + std::string(default_config_path) + ")")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--repository", options.repository, "Repository, instead of the configuration's: file:///srv/backup or a path")
      ->type_name("URL|PATH")
      ->group(group);
  app.add_option("--key-file", options.key_file, "Key of a sealed repository")->type_name("FILE")->group(group);
  app.add_option("--passphrase-file", options.passphrase_file,
                 "Passphrase of a sealed repository (or environment PGRECALL_PASSPHRASE)")
      ->type_name("FILE")
      ->excludes("--key-file")
      ->group(group);
  app.add_option("--output", options.output, "text or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}))
      ->group(group);
  app.add_flag("-q,--quiet", options.quiet, "No messages, no progress; warnings and errors remain")->group(group);
  app.add_flag("--no-progress", options.no_progress, "No progress")->group(group);
  app.add_flag("-v,--verbose", options.verbose, "Say more about what is done")->excludes("--quiet")->group(group);
}

// Path of the verbs that were given: "repo init".
std::string verb_path(const CLI::App& app) {
  const auto given = app.get_subcommands();
  if (given.empty()) {
    return {};
  }
  const std::string rest = verb_path(*given.front());
  return given.front()->get_name() + (rest.empty() ? "" : " " + rest);
}

const CLI::App& deepest(const CLI::App& app) {
  const auto given = app.get_subcommands();
  return given.empty() ? app : deepest(*given.front());
}

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(verb->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

void collect(const CLI::App& app, std::vector<const CLI::App*>& found) {
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (verb->get_subcommands([](const CLI::App*) { return true; }).empty()) {
      found.push_back(verb);
    }
    collect(*verb, found);
  }
}

// An empty value is nearly always a variable of a script that is not set: `unpin prod "$ID"` must not mean the newest backup.
void refuse_empty_values(CLI::App& app) {
  for (CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    if (option->get_items_expected_max() > 0 && !option->check_lname("note")) {
      option->check([](const std::string& value) {
        return value.empty() ? std::string("the value is empty; is a variable of a script not set?") : std::string();
      });
    }
  }
  for (CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    refuse_empty_values(*verb);
  }
}
}  // namespace

CommandLine::CommandLine() : app("Backup and point-in-time recovery for PostgreSQL", "pgrecall") {
  add_global_options(options, app);
  app.set_version_flag("--version", "pgrecall " + std::string(version), "Print the version and exit");
  app.require_subcommand(1);
  app.formatter(std::make_shared<HelpFormat>());
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  declare_commands(*this);
  refuse_empty_values(app);
  app.footer("pgrecall COMMAND --help tells about one of them; pgrecall(1) has it all.");  // here: verbs would inherit it
}

CLI::App& add_verb(CLI::App& parent, const std::string& verb, const std::string& description) {
  CLI::App* added = parent.add_subcommand(verb, description);
  added->group("Commands");
  return *added;
}

CLI::App& add_group(CommandLine& line, const std::string& verb, const std::string& description) {
  CLI::App& added = add_verb(line.app, verb, description);
  add_global_options(line.options, added);
  added.require_subcommand(1);
  return added;
}

void on_chosen(CommandLine& line, CLI::App& verb, Action action) {
  add_global_options(line.options, verb);  // last: help shows a verb's own options first
  verb.callback([&line, chosen = std::move(action)] { line.action = chosen; });
}

Error explain(const CommandLine& line, const CLI::ParseError& problem) {
  const CLI::App& at = deepest(line.app);
  const std::string path = verb_path(line.app);
  const std::string help = "see pgrecall" + (path.empty() ? "" : " " + path) + " --help";
  const auto verbs = verb_names(at);
  // What was not understood explains more than what is missing because of it.
  for (const std::string& word : line.app.remaining(true)) {
    if (word.starts_with("-")) {
      const auto meant = nearest(word.substr(0, word.find('=')), option_names(at));
      return Error(ErrorKind::usage, "there is no option " + in_quotes(word.substr(0, word.find('='))),
                   (meant ? "did you mean " + *meant + "? " : "") + help);
    }
    if (!verbs.empty()) {
      const auto meant = nearest(word, verbs);
      return Error(ErrorKind::usage, "there is no command " + in_quotes((path.empty() ? "" : path + " ") + word),
                   (meant ? "did you mean " + *meant + "? " : "commands: " + list_of(verbs) + "; ") + help);
    }
    return Error(ErrorKind::usage, in_quotes(word) + " is more than this command takes", help);
  }
  if (!verbs.empty() && at.get_subcommands().empty() && dynamic_cast<const CLI::RequiredError*>(&problem) != nullptr) {
    return Error(ErrorKind::usage, path.empty() ? "no command was given" : "pgrecall " + path + " needs to know what to do",
                 "commands: " + list_of(verbs) + "; " + help);
  }
  const std::string text = problem.what();
  if (const std::size_t name_end = text.find(": At Most 1 required"); name_end != std::string::npos) {
    return Error(ErrorKind::usage, text.substr(0, name_end) + " was given more than once", help);
  }
  return Error(ErrorKind::usage, text, help);
}

OutputFormat wanted_format(const std::vector<std::string>& arguments) noexcept {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--output=json" || (arguments[i] == "json" && i > 0 && arguments[i - 1] == "--output")) {
      return OutputFormat::json;
    }
  }
  return OutputFormat::text;
}

std::vector<const CLI::App*> all_verbs(const CommandLine& line) {
  std::vector<const CLI::App*> found;
  collect(line.app, found);
  return found;
}

}  // namespace pgrecall
