#include "jobs/backup_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/units.h"
#include "commands/option_values.h"
#include "jobs/companions.h"
#include "output/backup_text.h"
#include "output/text.h"
#include "postgres/postgres_version.h"
#include "version.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

void take_configuration(BackupRequest& request, const ClusterConfig& cluster, const std::string& spool) {
  request.compression = configured_compression(cluster.backup.compression);
  request.max_rate = cluster.backup.max_rate.value_or(0);
  if (cluster.backup.checkpoint) {
    request.checkpoint =
        *cluster.backup.checkpoint == BackupConfig::Checkpoint::fast ? BackupCheckpoint::fast : BackupCheckpoint::spread;
  }
  request.workers = cluster.parallel.workers;
  request.uploads = cluster.parallel.uploads;
  request.companions = companion_sources(cluster);
  // The default one is made with the package; who runs from a checkout has none, and $TMPDIR serves.
  if (std::filesystem::is_directory(spool)) {
    request.spool_directory = spool;
  }
}

std::string stored_line(const BackupSummary& summary) {
  std::string line = format_size(summary.stored_bytes);
  const std::uint64_t read_anew = summary.logical_bytes - std::min(summary.shared_bytes, summary.logical_bytes);
  if (!summary.compression.empty()) {
    line += ", " + summary.compression;
  }
  // A ratio says something only where most of it was stored now, and not a manifest and a few pages.
  if (summary.shared_bytes < read_anew && summary.stored_bytes > 0 && read_anew > summary.stored_bytes) {
    line += fmt::format(", {:.1f} times smaller", static_cast<double>(read_anew) / static_cast<double>(summary.stored_bytes));
  }
  return line;
}

std::string checked_text(const BackupSummary& summary) {
  if (!summary.page_checksums) {
    return "the cluster has no page checksums";
  }
  return summary.page_failure_count == 0 ? "every page checksum is good"
                                         : format_count(summary.page_failure_count, "page is", "pages are") + " bad";
}

std::string companions_text(const BackupSummary& summary) {
  std::string text;
  for (const SummaryCompanion& companion : summary.companions) {
    text += (text.empty() ? "companion files: " : "; ") + companion.name + " (" +
            (companion.problem.empty() ? amount_text(companion) : "NOT in this backup") + ")";
  }
  return text;
}

std::string summary_text(const BackupSummary& summary, const JobContext& context) {
  const Style& style = context.style;
  std::string out = style.paint(Tone::good, "backed up") + " " + summary.cluster + " as " +
                    style.paint(Tone::strong, summary.id.text) + " in " + format_duration(duration_of(summary)) + "\n";
  const auto line = [&](std::string_view label, const std::string& text) {
    out += style.paint(Tone::faint, fmt::format("  {:<8}", label)) + printable(text) + "\n";
  };
  const auto millis = std::max<std::int64_t>(1, duration_of(summary).count());
  const double rate = 1000.0 * static_cast<double>(summary.logical_bytes) / static_cast<double>(millis);
  line("size", format_size(summary.logical_bytes) + " in " + format_count(summary.files, "file", "files") + ", PostgreSQL " +
                   format_version_num(summary.server_version) + ", " + checked_text(summary));
  line("stored", stored_line(summary));
  line("shared", format_percent(summary.shared_bytes, summary.logical_bytes) + " of it is in earlier backups");
  line("rate", format_rate(rate) + " read");
  line("WAL", summary.start_lsn.to_string() + " to " + summary.stop_lsn.to_string() + ", timeline " +
                  std::to_string(summary.timeline) + ", stored with it");
  if (!summary.companions.empty()) {
    line("also", companions_text(summary));
  }
  line("next", "pgrecall verify " + summary.cluster + " " + summary.id.text + context.repeated_options);
  return out;
}

std::string text_of(const Compression& compression) {
  return compression.method == CompressionMethod::none
             ? std::string(name(compression.method))
             : std::string(name(compression.method)) + ":" + std::to_string(compression.level);
}

Error bad_wish(const std::string& key) {
  return Error(ErrorKind::usage, "a backup has no such option, or not with this value", "docs/api.md lists them")
      .with("option", key);
}

void take_wish(BackupWishes& wishes, const std::string& key, const ordered_json& value) {
  if (key == "full") {
    wishes.full = value.get<bool>();
  } else if (key == "new_system") {
    wishes.new_system = value.get<bool>();
  } else if (key == "keep") {
    const auto keep = parse_keep(value.get<std::string>());
    if (!keep) {
      throw bad_wish(key);
    }
    wishes.keep = *keep;
  } else if (key == "note") {
    wishes.note = value.get<std::string>();
    if (const std::string complaint = check_note(wishes.note); !complaint.empty()) {
      throw Error(ErrorKind::usage, complaint);
    }
  } else if (key == "checkpoint") {
    wishes.checkpoint = take_word<BackupCheckpoint>("checkpoint", value.get<std::string>(),
                                                    {{"fast", BackupCheckpoint::fast}, {"spread", BackupCheckpoint::spread}});
  } else if (key == "max_rate") {
    if (!value.is_number_integer() || value.get<std::int64_t>() < 1) {
      throw bad_wish(key);
    }
    wishes.max_rate = value.get<std::uint64_t>();
  } else if (key == "compression") {
    wishes.compression = take_compression("compression", value.get<std::string>());
  } else if (key == "workers") {
    constexpr unsigned most = 256;
    wishes.workers = value.get<unsigned>();
    if (*wishes.workers < 1 || *wishes.workers > most) {
      throw bad_wish(key);
    }
  } else {
    throw bad_wish(key);
  }
}
}  // namespace

ordered_json to_json(const BackupWishes& wishes) {
  ordered_json json{{"full", wishes.full}, {"keep", name(wishes.keep)}};
  json["note"] = wishes.note;
  if (wishes.new_system) {
    json["new_system"] = true;
  }
  if (wishes.checkpoint) {
    json["checkpoint"] = *wishes.checkpoint == BackupCheckpoint::fast ? "fast" : "spread";
  }
  if (wishes.max_rate) {
    json["max_rate"] = *wishes.max_rate;
  }
  if (wishes.compression) {
    json["compression"] = text_of(*wishes.compression);
  }
  if (wishes.workers) {
    json["workers"] = *wishes.workers;
  }
  return json;
}

BackupWishes backup_wishes_of(const ordered_json& json) {
  BackupWishes wishes;
  for (const auto& [key, value] : json.items()) {
    try {
      take_wish(wishes, key, value);
    } catch (const ordered_json::exception& wrong_type) {
      throw bad_wish(key);
    }
  }
  return wishes;
}

BackupWishes scheduled_wishes(JobKind kind) {
  BackupWishes wishes;
  wishes.unhurried = true;
  wishes.full = kind == JobKind::weekly || kind == JobKind::monthly;
  wishes.keep = kind == JobKind::monthly ? Keep::monthly : (kind == JobKind::weekly ? Keep::weekly : Keep::daily);
  return wishes;
}

Compression configured_compression(const CompressionConfig& configured) {
  switch (configured.method) {
    case CompressionConfig::Method::zstd: return {.method = CompressionMethod::zstd, .level = configured.level};
    case CompressionConfig::Method::lz4: return {.method = CompressionMethod::lz4, .level = configured.level};
    case CompressionConfig::Method::none: break;
  }
  return {.method = CompressionMethod::none, .level = 1};
}

BackupRequest backup_request(const std::string& cluster, const BackupWishes& wishes, ConnectionSettings connection,
                             const ClusterConfig* configured, const std::string& spool) {
  BackupRequest request;
  request.cluster = cluster;
  request.connection = std::move(connection);
  request.checkpoint = wishes.unhurried ? BackupCheckpoint::spread : BackupCheckpoint::fast;
  if (configured != nullptr) {
    take_configuration(request, *configured, spool);
  }
  request.store = wishes.full ? BackupRequest::Store::everything : BackupRequest::Store::changed;
  request.system = wishes.new_system ? BackupRequest::System::replaced : BackupRequest::System::known;
  request.keep = wishes.keep;
  request.note = wishes.note;
  request.checkpoint = wishes.checkpoint.value_or(request.checkpoint);
  request.max_rate = wishes.max_rate.value_or(request.max_rate);
  request.compression = wishes.compression.value_or(request.compression);
  request.workers = wishes.workers.value_or(request.workers);
  request.tool = "pgrecall " + std::string(version);
  return request;
}

JobOutcome run_backup_job(const BackupRequest& request, const JobContext& context) {
  const BackupResult result = back_up(context.repository, request, context.clock, context.progress, context.stop);
  const BackupSummary& summary = result.summary;
  JobOutcome outcome;
  outcome.details.push_back("connected by " + result.connected_by);
  outcome.warnings = summary.warnings;
  if (summary.page_failure_count > 0) {
    outcome.warnings.push_back(format_count(summary.page_failure_count, "page", "pages") +
                               " of the source failed the checksum; the backup holds them as they are; see pgrecall show " +
                               summary.cluster + " " + summary.id.text);
    outcome.exit_code = exit_done_with_warnings;
  }
  if (std::ranges::any_of(summary.companions, [](const SummaryCompanion& each) { return !each.problem.empty(); })) {
    outcome.exit_code = exit_done_with_warnings;
  }
  ListedBackup listed;
  listed.summary = summary;
  outcome.document = {{"backup", backup_detail_json(listed)}, {"connected_by", result.connected_by}};
  outcome.text = summary_text(summary, context);
  return outcome;
}

}  // namespace pgrecall
