#include "engine/verify.h"

#include "base/hash.h"
#include "base/units.h"
#include "commands/backup_choice.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "output/progress_line.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct VerifyOptions {
  std::string cluster;
  std::string id;
  double fraction = 1.0;
  std::optional<unsigned> workers;
};

constexpr std::string_view name(Severity severity) noexcept { return severity == Severity::damage ? "damage" : "notice"; }

ordered_json json_of(const Finding& finding) {
  ordered_json json{{"severity", name(finding.severity)}, {"kind", finding.kind}, {"object", finding.object}};
  json["backups"] = finding.backups;
  json["file"] = finding.file.empty() ? ordered_json(nullptr) : ordered_json(finding.file);
  json["block"] = finding.block ? ordered_json(*finding.block) : ordered_json(nullptr);
  json["problem"] = finding.problem;
  return json;
}

ordered_json json_of(const VerifyReport& report, const VerifyRequest& request) {
  ordered_json json{{"cluster", request.cluster}, {"damaged", report.damaged()}};
  json["data_fraction"] = request.data_fraction;
  json["seed"] = std::to_string(request.seed);
  json["backups"] = report.backups;
  json["objects"] = report.objects;
  json["chunks"] = report.chunks;
  json["bytes"] = report.bytes;
  json["pages"] = report.pages;
  json["wal_segments"] = report.wal_segments;
  json["duration_seconds"] = static_cast<double>(report.duration.count()) / 1000;
  json["findings"] = ordered_json::array();
  for (const Finding& finding : report.findings) {
    json["findings"].push_back(json_of(finding));
  }
  return json;
}

std::string text_of(const Finding& finding, const Style& style) {
  std::string out = style.paint(finding.severity == Severity::damage ? Tone::bad : Tone::warning,
                                finding.severity == Severity::damage ? "DAMAGE" : "notice") +
                    "  " + printable(finding.kind + (finding.object.empty() ? "" : ": " + finding.object)) + "\n";
  const auto line = [&](const std::string& text) { out += "        " + printable(text) + "\n"; };
  if (!finding.file.empty()) {
    line(finding.file + (finding.block ? " block " + std::to_string(*finding.block) : ""));
  }
  line(finding.problem);
  if (!finding.backups.empty()) {
    constexpr std::size_t shown = 5;
    std::string needed = "needed by";
    for (std::size_t i = 0; i < finding.backups.size() && i < shown; ++i) {
      needed += " " + finding.backups[i];
    }
    line(needed + (finding.backups.size() > shown ? " and " + std::to_string(finding.backups.size() - shown) + " more" : ""));
  }
  return out;
}

std::string text_of(const VerifyReport& report, const VerifyRequest& request, const Style& style) {
  std::string out;
  std::size_t damage = 0;
  for (const Finding& finding : report.findings) {
    damage += finding.severity == Severity::damage ? 1 : 0;
    out += text_of(finding, style);
  }
  out += "read " + format_count(report.objects, "object", "objects") + " of " +
         format_count(report.backups, "backup", "backups") + " of " + request.cluster + " in " +
         format_duration(report.duration) + ": " + format_count(report.chunks, "chunk", "chunks") + ", " +
         format_size(report.bytes) + ", " + format_count(report.pages, "page checksum", "page checksums") + ", " +
         format_count(report.wal_segments, "WAL segment", "WAL segments") +
         (request.data_fraction < 1
              ? " (a sample of " + format_percent(static_cast<std::uint64_t>(request.data_fraction * 1e6), 1'000'000) +
                    " of the data)"
              : "") +
         "\n";
  if (damage == 0 && report.backups == 0) {
    return out + style.paint(Tone::warning, "there is no backup, so nothing was verified") + "\n";
  }
  out += damage == 0 ? style.paint(Tone::good, "no damage") + "\n"
                     : style.paint(Tone::bad, format_count(damage, "finding", "findings") + " of damage") +
                           ": take a new backup now, before the damaged ones are needed\n";
  return out;
}

int run_verify(const VerifyOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  const Repository& repository = session.repository_of(options.cluster);
  VerifyRequest request;
  request.cluster = options.cluster;
  request.data_fraction = options.fraction;
  request.workers = options.workers.value_or(request.workers);
  fill_random(std::as_writable_bytes(std::span(&request.seed, 1)));
  if (options.id.empty()) {
    require_cluster(repository, options.cluster);
  } else {
    request.backup = choose_backup(repository, options.cluster, options.id).summary.id;
  }
  Console& console = session.console();
  Progress progress;
  const VerifyReport report = run_shown(progress, console, "nothing was marked; start it again when it suits",
                                        [&] { return verify(repository, request, session.clock(), progress, stop); });
  if (console.json()) {
    console.json_data(ordered_json{{"verify", json_of(report, request)}});
  } else {
    console.data(text_of(report, request, console.style()));
  }
  return report.damaged() ? exit_code(ErrorKind::corruption) : exit_done;
}
}  // namespace

void add_verify(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "verify", "Read what is stored and check every byte of it");
  const auto options = std::make_shared<VerifyOptions>();
  verb.add_option("CLUSTER", options->cluster, "The cluster")->required();
  verb.add_option("ID", options->id, "One backup, or latest (default: all)");
  verb.add_option_function<std::string>(
          "--data", [options](const std::string& text) { options->fraction = take_fraction("--data", text); },
          "How much of the data to read: all (default), or a random sample such as 10%")
      ->type_name("AMOUNT");
  verb.add_option("--workers", options->workers, "Threads that read and check (default 2)")
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
  on_chosen(line, verb, [options](Session& session) { return run_verify(*options, session); });
}

}  // namespace pgrecall
