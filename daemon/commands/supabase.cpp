#include "commands/supabase.h"

#include <fmt/format.h>

#include <iostream>

#include "base/units.h"
#include "base/wording.h"
#include "commands/commands.h"
#include "output/table.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;
constexpr std::size_t listed_backups = 10;

struct PlatformView {
  std::string cluster;
  std::string project;
  std::string status;
  PlatformBackups backups;
};

ordered_json moment_json(const std::optional<Time>& time) {
  return time ? ordered_json(format_time(*time)) : ordered_json(nullptr);
}
ordered_json flag_json(const std::optional<bool>& flag) { return flag ? ordered_json(*flag) : ordered_json(nullptr); }

ordered_json view_json(const PlatformView& view) {
  ordered_json backups = ordered_json::array();
  for (const PlatformBackup& each : view.backups.backups) {
    backups.push_back({{"status", each.status}, {"inserted", format_time(each.inserted)}, {"physical", each.physical}});
  }
  return {{"cluster", view.cluster},
          {"project", view.project},
          {"status", view.status},
          {"region", view.backups.region},
          {"pitr_enabled", flag_json(view.backups.pitr_enabled)},
          {"walg_enabled", flag_json(view.backups.walg_enabled)},
          {"earliest", moment_json(view.backups.earliest)},
          {"latest", moment_json(view.backups.latest)},
          {"backups", backups}};
}

std::string window_text(const PlatformBackups& backups) {
  if (backups.pitr_enabled != true) {
    return backups.pitr_enabled ? "off: pgrecall supabase enable-pitr tells what it costs" : "unknown";
  }
  if (!backups.earliest || !backups.latest) {
    return "on; the platform tells no window yet";
  }
  return format_time(*backups.earliest) + " to " + format_time(*backups.latest);
}

std::string view_text(const PlatformView& view, const Style& style) {
  const bool healthy = view.status == "ACTIVE_HEALTHY";
  std::string text = fmt::format("Project {} ({}): {}\n", view.project, view.cluster,
                                 style.paint(healthy ? Tone::good : Tone::bad, printable(view.status)));
  text += "Recovery to any moment by the platform: " + window_text(view.backups) + "\n";
  if (view.backups.backups.empty()) {
    return text + (view.backups.pitr_enabled == true ? "Daily backups: none, recovery to any moment stands for them\n"
                                                     : "Daily backups: the platform lists none\n");
  }
  Table table({{"INSERTED"}, {"STATUS"}, {"KIND"}});
  for (const PlatformBackup& each : view.backups.backups) {
    const bool completed = each.status == "COMPLETED";
    table.add({{format_time(each.inserted)},
               {each.status, completed ? Tone::plain : Tone::warning},
               {each.physical ? "physical" : "logical"}});
    if (&each == &view.backups.backups[std::min(view.backups.backups.size(), listed_backups) - 1]) {
      break;
    }
  }
  return text + "Daily backups of the platform, newest first:\n\n" + table.render(style);
}

int run_supabase_status(const std::string& name, Session& session) {
  const std::stop_token stop = session.stop();
  const auto [cluster, platform] = choose_platform(name, session);
  PlatformView view{cluster, platform.project, value_or_throw(platform.api->project_status(platform.project, stop)),
                    value_or_throw(platform.api->backups(platform.project, stop))};
  Console& console = session.console();
  if (console.json()) {
    console.json_data(view_json(view));
  } else {
    console.data(view_text(view, console.style()));
  }
  return view.status == "ACTIVE_HEALTHY" ? exit_done : exit_done_with_warnings;
}
}  // namespace

ChosenPlatform choose_platform(const std::string& name, Session& session) {
  const Config* config = session.config();
  if (config == nullptr) {
    throw Error(ErrorKind::usage, "the platform is asked by what the configuration says of it", "name the file with --config");
  }
  for (const auto& [cluster, each] : config->clusters) {
    if (cluster == name || (each.supabase.project && *each.supabase.project == name)) {
      return {cluster, platform_of(cluster, each)};
    }
  }
  throw Error(ErrorKind::usage, "neither a cluster nor a project of the configuration: " + in_quotes(name),
              "pgrecall config show lists what there is");
}

void require_confirmation(const std::string& project, const std::string& confirmed, const std::string& hint, Console& console) {
  std::string typed = confirmed;
  if (typed.empty()) {
    console.warning("type the project's reference to go on (" + project + "), or anything else to leave it");
    std::getline(std::cin, typed);
  }
  if (typed != project) {
    throw Error(ErrorKind::usage, "not confirmed: nothing was done", hint);
  }
}

void add_supabase(CommandLine& line) {
  CLI::App& group = add_group(line, "supabase", "The platform's own backups of a hosted Supabase project");
  CLI::App& verb = add_verb(group, "status", "What the platform says of a project and of its backups, now");
  const auto name = std::make_shared<std::string>();
  verb.add_option("CLUSTER", *name, "The cluster, or its project's reference")->required();
  on_chosen(line, verb, [name](Session& session) { return run_supabase_status(*name, session); });
  add_supabase_restore(line, group);
  add_supabase_pitr(line, group);
}

}  // namespace pgrecall
