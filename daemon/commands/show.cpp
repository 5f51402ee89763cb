#include <fmt/format.h>

#include "base/units.h"
#include "commands/backup_choice.h"
#include "commands/commands.h"
#include "jobs/companions.h"
#include "jobs/retention.h"
#include "output/backup_text.h"
#include "output/text.h"
#include "postgres/postgres_version.h"

namespace pgrecall {

namespace {
struct ShowOptions {
  std::string cluster;
  std::string id;
};

// "name   value" lines with one column of values.
class Sheet {
 public:
  explicit Sheet(const Style& style) : style_(style) {}

  void line(std::string_view label, std::string_view value, Tone tone = Tone::plain) {
    out_ += style_.paint(Tone::faint, fmt::format("  {:<14}", label)) + style_.paint(tone, printable(value)) + "\n";
  }
  void heading(std::string_view text) { out_ += "\n" + style_.paint(Tone::strong, text) + "\n"; }
  void item(std::string_view text, Tone tone = Tone::plain) { out_ += "  " + style_.paint(tone, printable(text)) + "\n"; }
  [[nodiscard]] const std::string& text() const noexcept { return out_; }

 private:
  const Style& style_;
  std::string out_;
};

void add_facts(Sheet& sheet, const ListedBackup& backup) {
  const BackupSummary& summary = backup.summary;
  sheet.line("cluster", summary.cluster + ", system identifier " + std::to_string(summary.system_identifier));
  sheet.line("server", "PostgreSQL " + format_version_num(summary.server_version) + (summary.from_standby ? ", a standby" : ""));
  sheet.line("started", format_local_time(summary.started) + " (" + format_time(summary.started) + ")");
  sheet.line("took", took_text(summary));
  sheet.line("size", format_size(summary.logical_bytes) + " in " + format_count(summary.files, "file", "files"));
  sheet.line("stored new", format_size(summary.stored_bytes) + ", " + format_count(summary.chunks_new, "chunk", "chunks") +
                               (summary.compression.empty() ? "" : ", " + summary.compression));
  sheet.line("shared", format_size(summary.shared_bytes) + " (" + format_percent(summary.shared_bytes, summary.logical_bytes) +
                           "), " + format_count(summary.chunks_shared, "chunk", "chunks") +
                           (summary.parent ? ", with " + summary.parent->text + " and before" : ""));
  sheet.line("WAL", summary.start_lsn.to_string() + " to " + summary.stop_lsn.to_string() + ", timeline " +
                        std::to_string(summary.timeline) + ", " + format_size(summary.wal_bytes) + " stored");
  sheet.line("WAL segments", first_segment(summary).file_name() + " to " + last_segment(summary).file_name());
}

void add_state(Sheet& sheet, const ListedBackup& backup, const Verdict* verdict) {
  const BackupSummary& summary = backup.summary;
  const Tone bad = Tone::bad;
  if (!summary.page_checksums) {
    sheet.line("checksums", "the cluster has none: pages cannot be judged");
  } else if (summary.page_failure_count == 0) {
    sheet.line("checksums", "every page was checked and is good");
  } else {
    sheet.line("checksums", format_count(summary.page_failure_count, "page is", "pages are") + " bad at the source", bad);
  }
  sheet.line("verified",
             is_damaged(backup) ? "DAMAGED, found " + format_local_time(*backup.damaged)
             : backup.verified  ? format_local_time(*backup.verified)
                                : "never",
             is_damaged(backup) ? bad : Tone::plain);
  sheet.line("kept", std::string(name(summary.keep)) + ": " + kept_until(backup, verdict) +
                         (backup.pin_note.empty() ? "" : " (" + backup.pin_note + ")"));
  if (!summary.note.empty()) {
    sheet.line("note", summary.note);
  }
  sheet.line("manifest", format_size(summary.manifest_size) + ", SHA-256 " + summary.manifest_digest.to_string());
  sheet.line("made by", summary.tool + ", label " + summary.label);
}

void add_lists(Sheet& sheet, const BackupSummary& summary) {
  if (!summary.tablespaces.empty()) {
    sheet.heading("Tablespaces");
    for (const SummaryTablespace& tablespace : summary.tablespaces) {
      sheet.item(fmt::format("{:>10}  {}  {}", tablespace.oid, tablespace.location, format_size(tablespace.size)));
    }
  }
  if (!summary.page_failures.empty()) {
    sheet.heading("Bad pages of the source");
    for (const PageFailure& page : summary.page_failures) {
      sheet.item(fmt::format("{} block {}: checksum {:04X}, expected {:04X}; read again: {}", page.file, page.block, page.found,
                             page.expected, page.reread),
                 Tone::bad);
    }
    if (summary.page_failure_count > summary.page_failures.size()) {
      sheet.item("and " + format_count(summary.page_failure_count - summary.page_failures.size()) + " more");
    }
  }
  if (!summary.configuration_files.empty()) {
    sheet.heading("Configuration from outside the data directory");
    for (const std::string& file : summary.configuration_files) {
      sheet.item(file);
    }
  }
  if (!summary.companions.empty()) {
    sheet.heading("Companion files");
    for (const SummaryCompanion& companion : summary.companions) {
      const bool good = companion.problem.empty();
      sheet.item(companion.name + "  " +
                     (good ? amount_text(companion) + ", gathered " + format_local_time(companion.gathered)
                           : "NOT in this backup: " + companion.problem),
                 good ? Tone::plain : Tone::warning);
    }
  }
  if (!summary.warnings.empty()) {
    sheet.heading("Warnings");
    for (const std::string& warning : summary.warnings) {
      sheet.item(warning, Tone::warning);
    }
  }
}

// A command that works with what this command line gave; the directory is the reader's to choose.
std::string restore_command(const BackupSummary& summary, const Session& session) {
  std::string command = "pgrecall restore " + summary.cluster + " --backup " + summary.id.text + " --into /new/data/directory" +
                        session.repeated_options();
  for (const SummaryTablespace& tablespace : summary.tablespaces) {
    command += " --tablespace " + shell_word(tablespace.location + "=/new/" + std::to_string(tablespace.oid));
  }
  return command;
}

int run_show(const ShowOptions& options, Session& session) {
  const Repository& repository = session.repository_of(options.cluster);
  const ListedBackup backup = choose_backup(repository, options.cluster, options.id);
  const Config* config = session.config();
  std::map<BackupId, Verdict> verdicts;
  if (config != nullptr && config->clusters.contains(options.cluster)) {
    verdicts = verdicts_by_time(read_catalog(repository, options.cluster), retention_policy(config->clusters.at(options.cluster)),
                                session.clock().now());
  }
  const auto found = verdicts.find(backup.summary.id);
  const Verdict* verdict = found == verdicts.end() ? nullptr : &found->second;
  Console& console = session.console();
  const std::string command = restore_command(backup.summary, session);
  if (console.json()) {
    nlohmann::ordered_json json = backup_detail_json(backup);
    json["kept_until"] = kept_until(backup, verdict);
    json["repository"] = repository.store().address();
    json["restore_command"] = command;
    console.json_data(nlohmann::ordered_json{{"backup", json}});
    return exit_done;
  }
  Sheet sheet(console.style());
  add_facts(sheet, backup);
  add_state(sheet, backup, verdict);
  sheet.line("repository", repository.store().address());
  add_lists(sheet, backup.summary);
  sheet.heading("Restore it");
  sheet.item(command);
  if (!backup.summary.companions.empty()) {
    sheet.item(command + " --companions /new/directory");
  }
  console.data(console.style().paint(Tone::strong, backup.summary.id.text) + "\n" + sheet.text());
  return exit_done;
}
}  // namespace

void add_show(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "show", "Everything about one backup");
  const auto options = std::make_shared<ShowOptions>();
  verb.add_option("CLUSTER", options->cluster, "Its cluster")->required();
  verb.add_option("ID", options->id, "Its id, or latest")->required();
  on_chosen(line, verb, [options](Session& session) { return run_show(*options, session); });
}

}  // namespace pgrecall
