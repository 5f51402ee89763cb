#include "jobs/verify_job.h"

#include <algorithm>

#include "base/hash.h"
#include "base/units.h"
#include "base/wording.h"
#include "commands/backup_choice.h"
#include "commands/option_values.h"
#include "engine/recovery_target.h"
#include "engine/repair/repair.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

constexpr std::string_view name(FindingSeverity severity) noexcept {
  return severity == FindingSeverity::damage ? "damage" : "notice";
}

ordered_json json_of(const Finding& finding) {
  ordered_json json{{"severity", name(finding.severity)}, {"kind", finding.kind}, {"object", finding.object}};
  json["backups"] = finding.backups;
  json["file"] = finding.file.empty() ? ordered_json(nullptr) : ordered_json(finding.file);
  json["block"] = finding.block ? ordered_json(*finding.block) : ordered_json(nullptr);
  json["offset"] = finding.offset ? ordered_json(*finding.offset) : ordered_json(nullptr);
  json["problem"] = finding.problem;
  json["repaired"] = finding.repaired;
  return json;
}

ordered_json json_of(const VerifyCoverage& coverage) {
  return {{"total_bytes", coverage.total},
          {"read_bytes", coverage.read},
          {"never_read_bytes", coverage.never_read},
          {"oldest", coverage.oldest ? ordered_json(format_time(*coverage.oldest)) : ordered_json(nullptr)}};
}

ordered_json json_of(const VerifyReport& report, const VerifyRequest& request) {
  ordered_json json{{"cluster", request.cluster}, {"damaged", report.damaged()}};
  json["data_fraction"] = request.data_fraction;
  json["seed"] = std::to_string(request.seed);
  json["coverage"] = report.coverage ? json_of(*report.coverage) : ordered_json(nullptr);
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
  json["repairs"] = ordered_json::array();
  for (const Repair& repair : report.repairs) {
    json["repairs"].push_back(
        {{"object", repair.object}, {"repaired", repair.done}, {"from", repair.from}, {"problem", repair.problem}});
  }
  return json;
}

std::string text_of(const Finding& finding, const Style& style) {
  std::string out = style.paint(finding.severity == FindingSeverity::damage ? Tone::bad : Tone::warning,
                                finding.severity == FindingSeverity::damage ? "DAMAGE" : "notice") +
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

std::string text_of(const VerifyCoverage& coverage) {
  std::string out = "of " + format_size(coverage.total) + " that are stored " + format_size(coverage.read) + " were read now";
  if (coverage.never_read > 0) {
    out += ", " + format_size(coverage.never_read) + " never";
  }
  if (coverage.oldest) {
    out += coverage.never_read > 0 ? ", the others since " : ", all of it since ";
    out += format_exact_time(*coverage.oldest);
  }
  return out + "\n";
}

std::string text_of(const Repair& repair, const Style& style) {
  return (repair.done ? style.paint(Tone::good, "repaired") + "  " + printable(repair.object) + "\n          from " +
                            printable(repair.from)
                      : style.paint(Tone::bad, "DAMAGED") + "   " + printable(repair.object) + "\n          " +
                            printable(repair.problem)) +
         "\n";
}

std::string conclusion(const VerifyReport& report, std::size_t damage, const Style& style) {
  if (damage == 0) {
    const bool repaired = std::ranges::any_of(report.repairs, &Repair::done);
    return style.paint(Tone::good, repaired ? "all damage was repaired" : "no damage") + "\n";
  }
  return style.paint(Tone::bad, format_count(damage, "finding", "findings") + " of damage") +
         ": take a new backup now, before the damaged ones are needed\n";
}

std::string text_of(const VerifyReport& report, const VerifyRequest& request, const Style& style) {
  std::string out;
  std::size_t damage = 0;
  for (const Finding& finding : report.findings) {
    damage += finding.severity == FindingSeverity::damage && !finding.repaired ? 1 : 0;
    out += text_of(finding, style);
  }
  for (const Repair& repair : report.repairs) {
    out += text_of(repair, style);
  }
  out += "read " + format_count(report.objects, "object", "objects") + " of " +
         format_count(report.backups, "backup", "backups") + " of " + request.cluster + " in " +
         format_duration(report.duration) + ": " + format_count(report.chunks, "chunk", "chunks") + ", " +
         format_size(report.bytes) + ", " + format_count(report.pages, "page checksum", "page checksums") + ", " +
         format_count(report.wal_segments, "WAL segment", "WAL segments") +
         (request.data_fraction < 1 && !request.budget
              ? " (a sample of " + format_percent(static_cast<std::uint64_t>(request.data_fraction * 1e6), 1'000'000) +
                    " of the data)"
              : "") +
         "\n";
  out += request.budget && report.coverage ? text_of(*report.coverage) : std::string();
  if (damage == 0 && report.backups == 0 && report.repairs.empty()) {
    return out + style.paint(Tone::warning, "there is no backup, so nothing was verified") + "\n";
  }
  return out + conclusion(report, damage, style);
}

VerifyRequest request_of(const VerifyPlace& place, const VerifyWishes& wishes, const Repository& repository) {
  VerifyRequest request;
  request.cluster = place.cluster;
  request.spool = place.spool;
  request.data_fraction = wishes.fraction;
  request.workers = wishes.workers.value_or(request.workers);
  fill_random(std::as_writable_bytes(std::span(&request.seed, 1)));
  const std::string& budget = wishes.budget.empty() ? place.budget : wishes.budget;
  if (!budget.empty() && wishes.id.empty() && wishes.fraction >= 1) {
    request.budget = parse_verify_budget(budget);
  }
  if (wishes.id.empty()) {
    require_cluster(repository, place.cluster);
  } else {
    request.backup = choose_backup(repository, place.cluster, wishes.id).summary.id;
  }
  return request;
}
}  // namespace

ordered_json to_json(const VerifyWishes& wishes) {
  ordered_json json{{"id", wishes.id}, {"data_fraction", wishes.fraction}};
  if (wishes.workers) {
    json["workers"] = *wishes.workers;
  }
  if (wishes.repair) {
    json["repair"] = true;
  }
  if (!wishes.budget.empty()) {
    json["budget"] = wishes.budget;
  }
  return json;
}

void check_wishes(const VerifyWishes& wishes) {
  if (wishes.budget.empty()) {
    return;
  }
  if (!parse_verify_budget(wishes.budget)) {
    throw Error(ErrorKind::usage, in_quotes(wishes.budget) + " is no budget of a verification",
                "write a size or a duration, as 100GB or 30m");
  }
  if (!wishes.id.empty() || wishes.fraction < 1) {
    throw Error(ErrorKind::usage, "a budget is for a verification of everything", "leave out the backup and the sample");
  }
}

VerifyWishes verify_wishes_of(const ordered_json& json) {
  VerifyWishes wishes;
  for (const auto& [key, value] : json.items()) {
    const Error bad(ErrorKind::usage, "a verification has no such option, or not with this value", "docs/api.md lists them");
    try {
      if (key == "id") {
        wishes.id = value.get<std::string>();
      } else if (key == "data_fraction" && value.get<double>() > 0 && value.get<double>() <= 1) {
        wishes.fraction = value.get<double>();
      } else if (key == "budget") {
        wishes.budget = value.get<std::string>();
      } else if (key == "workers" && value.get<unsigned>() >= 1 && value.get<unsigned>() <= 256) {
        wishes.workers = value.get<unsigned>();
      } else if (key == "repair") {
        wishes.repair = value.get<bool>();
      } else {
        throw Error(bad).with("option", key);
      }
    } catch (const ordered_json::exception& wrong_type) {
      throw Error(bad).with("option", key);
    }
  }
  check_wishes(wishes);
  return wishes;
}

JobOutcome run_verify_job(const VerifyPlace& place, const VerifyWishes& wishes, const JobContext& context) {
  const VerifyRequest request = request_of(place, wishes, context.repository);
  VerifyReport report = verify(context.repository, request, context.clock, context.progress, context.stop);
  if (wishes.repair) {
    repair(context.repository,
           {.cluster = place.cluster,
            .whole = request.data_fraction >= 1 && !request.budget,
            .spool = place.spool,
            .server = place.server},
           report, context.clock, context.progress, context.stop);
  }
  mark_others(context.repository, place.cluster, report, context.clock, context.stop);
  JobOutcome outcome;
  outcome.presence = JobOutcome::Presence::report;
  outcome.document = {{"verify", json_of(report, request)}};
  outcome.text = text_of(report, request, context.style);
  const bool repaired = std::ranges::any_of(report.repairs, &Repair::done);
  outcome.exit_code = report.damaged() ? exit_code(ErrorKind::corruption) : (repaired ? exit_done_with_warnings : exit_done);
  return outcome;
}

}  // namespace pgrecall
