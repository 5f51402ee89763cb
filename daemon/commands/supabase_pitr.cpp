#include <fmt/format.h>

#include <algorithm>

#include "base/wording.h"
#include "commands/commands.h"
#include "commands/supabase.h"
#include "output/text.h"

namespace pgrecall {

namespace {
struct PitrOptions {
  std::string name;
  unsigned days = 0;
  std::string confirm;
};

// What it cost when this was written, where the platform tells no price.
std::string known_price(unsigned days) {
  const unsigned dollars = days == 7 ? 100 : days == 14 ? 200 : 400;
  return fmt::format("about {} USD a month", dollars);
}

std::string price_of(const PlatformAddOns& add_ons, const std::string& variant, unsigned days) {
  const auto found = std::ranges::find(add_ons.available, variant, &PlatformAddOn::variant);
  return found != add_ons.available.end() && !found->description.empty() ? printable(found->description) : known_price(days);
}

int run_enable_pitr(const PitrOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  Console& console = session.console();
  const ChosenPlatform chosen = choose_platform(options.name, session);
  const std::string& project = chosen.platform.project;
  const std::string variant = fmt::format("pitr_{}", options.days);
  const PlatformAddOns add_ons = value_or_throw(chosen.platform.api->add_ons(project, stop));
  const bool there = std::ranges::find(add_ons.selected, variant, &PlatformAddOn::variant) != add_ons.selected.end();
  if (!there) {
    console.message(
        fmt::format("Recovery to any moment of the last {} days for project {}: {}, billed to its organization by "
                    "the hour.\nIt needs the compute add-on Small or larger, and stands for the platform's daily "
                    "backups from then on.",
                    options.days, project, price_of(add_ons, variant, options.days)));
    require_confirmation(project, options.confirm, "in scripts: --confirm " + project, console);
    if (const auto trouble = chosen.platform.api->select_add_on(project, variant, stop)) {
      throw error_of(*trouble);
    }
  }
  if (console.json()) {
    console.json_data({{"cluster", chosen.cluster}, {"project", project}, {"add_on", variant}, {"changed", !there}});
  } else {
    console.summary(
        fmt::format("{}\nNext: write supabase: {{ promised_window: {}d }} for {} into the configuration, so that it "
                    "is an alert when the platform keeps less.\n",
                    there ? "It is on already." : "The platform has taken it.", options.days, chosen.cluster));
  }
  return exit_done;
}
}  // namespace

void add_supabase_pitr(CommandLine& line, CLI::App& group) {
  CLI::App& verb = add_verb(group, "enable-pitr", "Buys the platform's recovery to any moment, after telling what it costs");
  const auto options = std::make_shared<PitrOptions>();
  verb.add_option("CLUSTER", options->name, "The cluster, or its project's reference")->required();
  verb.add_option("--days", options->days, "How far back: 7, 14 or 28 days")
      ->type_name("DAYS")
      ->required()
      ->check(CLI::IsMember(std::vector<unsigned>{7, 14, 28}));
  verb.add_option("--confirm", options->confirm, "The project's reference, where nobody is there to type it")->type_name("REF");
  on_chosen(line, verb, [options](Session& session) { return run_enable_pitr(*options, session); });
}

}  // namespace pgrecall
