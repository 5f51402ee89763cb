#include "commands/backup_choice.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "output/backup_text.h"

namespace pgrecall {

namespace {
struct PinOptions {
  std::string cluster;
  std::string id;
  std::string note;
};

enum class Change { pin, unpin };

int run_change(Change change, const PinOptions& options, Session& session) {
  const Repository& repository = session.repository_of(options.cluster);
  const ListedBackup before = choose_backup(repository, options.cluster, options.id);
  const BackupId& id = before.summary.id;
  const bool pin = change == Change::pin;
  // Pinning what is pinned changes only its note.
  if (before.pinned != pin || (pin && before.pin_note != options.note)) {
    put_mark(repository, options.cluster, id, pin ? "pinned" : "unpinned", session.clock().now(), options.note);
  }
  Console& console = session.console();
  if (console.json()) {
    ListedBackup after = before;
    after.pinned = pin;
    after.pin_note = pin ? options.note : "";
    console.json_data(nlohmann::ordered_json{{"backup", backup_json(after)}});
  }
  console.summary(
      id.text + " of " + options.cluster +
      (pin ? " is pinned: nothing removes it until it is unpinned\n" : " is not pinned: the retention policy decides\n"));
  return exit_done;
}

void add_change(CommandLine& line, Change change, const std::string& verb_name, const std::string& description) {
  CLI::App& verb = add_verb(line.app, verb_name, description);
  const auto options = std::make_shared<PinOptions>();
  verb.add_option("CLUSTER", options->cluster, "Its cluster")->required();
  verb.add_option("ID", options->id, "Its id, or latest")->required();
  verb.add_option("--note", options->note, "Why, for whoever comes later")->type_name("TEXT")->check(check_note);
  on_chosen(line, verb, [options, change](Session& session) { return run_change(change, *options, session); });
}
}  // namespace

void add_pin(CommandLine& line) {
  add_change(line, Change::pin, "pin", "Keep one backup, whatever the retention policy says");
  add_change(line, Change::unpin, "unpin", "Leave it to the retention policy again");
}

}  // namespace pgrecall
