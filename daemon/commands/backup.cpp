#include "engine/backup.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/units.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "output/backup_text.h"
#include "output/progress_line.h"
#include "output/text.h"
#include "postgres/postgres_version.h"
#include "version.h"

namespace pgrecall {

namespace {
struct BackupOptions {
  std::string cluster;
  bool full = false;
  bool new_system = false;
  Keep keep = Keep::manual;
  std::string note;
  std::optional<BackupCheckpoint> checkpoint;
  std::optional<std::uint64_t> max_rate;
  std::optional<Compression> compression;
  std::optional<unsigned> workers;
  std::string connection;
};

Compression compression_of(const CompressionConfig& configured) {
  switch (configured.method) {
    case CompressionConfig::Method::zstd: return {.method = CompressionMethod::zstd, .level = configured.level};
    case CompressionConfig::Method::lz4: return {.method = CompressionMethod::lz4, .level = configured.level};
    case CompressionConfig::Method::none: break;
  }
  return {.method = CompressionMethod::none, .level = 1};
}

void take_configuration(BackupRequest& request, const ClusterConfig& cluster, const std::string& spool) {
  request.compression = compression_of(cluster.backup.compression);
  request.max_rate = cluster.backup.max_rate.value_or(0);
  if (cluster.backup.checkpoint) {
    request.checkpoint =
        *cluster.backup.checkpoint == BackupConfig::Checkpoint::fast ? BackupCheckpoint::fast : BackupCheckpoint::spread;
  }
  request.workers = cluster.parallel.workers;
  request.uploads = cluster.parallel.uploads;
  // The default one is made with the package; who runs from a checkout has none, and $TMPDIR serves.
  if (std::filesystem::is_directory(spool)) {
    request.spool_directory = spool;
  }
}

BackupRequest request_of(const BackupOptions& options, Session& session) {
  BackupRequest request;
  request.cluster = options.cluster;
  request.connection = session.connection(options.cluster, options.connection);
  const Config* config = session.config();
  if (config != nullptr && config->clusters.contains(options.cluster)) {
    take_configuration(request, config->clusters.at(options.cluster), config->spool);
  }
  request.store = options.full ? BackupRequest::Store::everything : BackupRequest::Store::changed;
  request.new_system = options.new_system ? BackupRequest::NewSystem::accept : BackupRequest::NewSystem::refuse;
  request.keep = options.keep;
  request.note = options.note;
  request.checkpoint = options.checkpoint.value_or(request.checkpoint);
  request.max_rate = options.max_rate.value_or(request.max_rate);
  request.compression = options.compression.value_or(request.compression);
  request.workers = options.workers.value_or(request.workers);
  request.tool = "pgrecall " + std::string(version);
  return request;
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

std::string summary_text(const BackupSummary& summary, const Session& session, const Style& style) {
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
  line("next", "pgrecall verify " + summary.cluster + " " + summary.id.text + session.repeated_options());
  return out;
}

int run_backup(const BackupOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  Console& console = session.console();
  const BackupRequest request = request_of(options, session);
  const Repository& repository = session.repository_of(options.cluster);
  Progress progress;
  const BackupResult result = run_shown(progress, console, "what was stored is used again by the next backup",
                                        [&] { return back_up(repository, request, session.clock(), progress, stop); });
  const BackupSummary& summary = result.summary;
  console.detail("connected by " + result.connected_by);
  for (const std::string& warning : summary.warnings) {
    console.warning(warning);
  }
  if (summary.page_failure_count > 0) {
    console.warning(format_count(summary.page_failure_count, "page", "pages") +
                    " of the source failed the checksum; the backup holds them as they are; see pgrecall show " +
                    summary.cluster + " " + summary.id.text);
  }
  if (console.json()) {
    ListedBackup listed;
    listed.summary = summary;
    console.json_data(nlohmann::ordered_json{{"backup", backup_detail_json(listed)}, {"connected_by", result.connected_by}});
  }
  console.summary(summary_text(summary, session, console.style()));
  return summary.page_failure_count > 0 ? exit_done_with_warnings : exit_done;
}

void add_options(CLI::App& verb, BackupOptions& options) {
  verb.add_option("CLUSTER", options.cluster, "The cluster's name, in the configuration and in the repository")->required();
  verb.add_flag("--full", options.full, "Store everything anew instead of sharing what earlier backups have");
  verb.add_option_function<std::string>(
          "--keep",
          [&options](const std::string& text) {
            options.keep = take_word<Keep>(
                "--keep", text,
                {{"daily", Keep::daily}, {"weekly", Keep::weekly}, {"monthly", Keep::monthly}, {"manual", Keep::manual}});
          },
          "What it is kept as: daily, weekly, monthly, manual (default)")
      ->type_name("KIND");
  verb.add_option("--note", options.note, "A remark for list and show")->type_name("TEXT")->check(check_note);
  verb.add_option("--connection", options.connection,
                  "How to reach the server, without a configuration: libpq's connection string or URI, without a password")
      ->type_name("CONNINFO");
  verb.add_option_function<std::string>(
          "--checkpoint",
          [&options](const std::string& text) {
            options.checkpoint = take_word<BackupCheckpoint>(
                "--checkpoint", text, {{"fast", BackupCheckpoint::fast}, {"spread", BackupCheckpoint::spread}});
          },
          "fast (default) starts at once; spread spares the server")
      ->type_name("MODE");
  verb.add_option_function<std::string>(
          "--max-rate", [&options](const std::string& text) { options.max_rate = take_rate("--max-rate", text); },
          "Read no faster than this from the server: 50MB/s")
      ->type_name("RATE");
  verb.add_option_function<std::string>(
          "--compression", [&options](const std::string& text) { options.compression = take_compression("--compression", text); },
          "zstd (default, level 1), zstd:LEVEL, lz4, lz4:LEVEL, none")
      ->type_name("METHOD");
  verb.add_option("--workers", options.workers, "Threads that hash, compress and seal (default 3)")
      ->type_name("N")
      ->check(CLI::Range(1U, 256U));
  verb.add_flag("--new-system", options.new_system,
                "Accept that the server is another than before: rebuilt or upgraded, with a new system identifier");
}
}  // namespace

void add_backup(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "backup", "Take a backup of a cluster");
  const auto options = std::make_shared<BackupOptions>();
  add_options(verb, *options);
  on_chosen(line, verb, [options](Session& session) { return run_backup(*options, session); });
}

}  // namespace pgrecall
