#include "commands/extract_report.h"

#include <fmt/format.h>

#include "base/units.h"
#include "commands/restore_recovery.h"
#include "output/table.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;
using What = ExtractRequest::What;

// As it is written in answers: the name of a query's result has no schema.
std::string shown_name(const QualifiedName& name) { return name.schema.empty() ? name.name : name.text(); }

std::string selection_text(const ExtractRequest& request) {
  std::string text;
  const auto add = [&](const std::string& each) { text += (text.empty() ? "" : ", ") + each; };
  switch (request.what) {
    case What::tables:
      for (const QualifiedName& table : request.tables) {
        add(table.text());
      }
      return "table " + text;
    case What::schemas:
      for (const std::string& schema : request.schemas) {
        add(schema);
      }
      return "schema " + text;
    case What::database: return "database " + request.database;
    case What::query: break;
  }
  return "the result of a query";
}

std::string_view what_name(What what) {
  switch (what) {
    case What::tables: return "tables";
    case What::schemas: return "schemas";
    case What::database: return "database";
    case What::query: break;
  }
  return "query";
}

double in_seconds(std::chrono::milliseconds duration) { return static_cast<double>(duration.count()) / 1000.0; }

std::string label_line(const Style& style, std::string_view label, const std::string& text) {
  return style.paint(Tone::faint, fmt::format("  {:<12}", label)) + printable(text) + "\n";
}

std::string loading_command(const ExtractRequest& request, const ExtractReport& report) {
  const std::string file = shell_word(report.files.front());
  const std::string psql = "psql -X -v ON_ERROR_STOP=1 --single-transaction -d ";
  return request.what == What::database ? "createdb -T template0 NAME, then " + psql + "NAME -f " + file
                                        : psql + "DATABASE -f " + file;
}

std::string list_line(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

std::string row_table(const ExtractReport& report, const Style& style) {
  Table table(
      {{"TABLE"}, {"ROWS THEN", Table::Align::right}, {"ARRIVED", Table::Align::right}, {"BYTES", Table::Align::right}, {"AS"}});
  for (const ExtractedTable& each : report.tables) {
    table.add({shown_name(each.then), format_count(each.rows), format_count(each.arrived), format_size(each.bytes),
               each.now == each.then ? "" : shown_name(each.now)});
  }
  return table.render(style);
}
}  // namespace

ordered_json extract_plan_json(const ExtractRequest& request, const ExtractPlan& plan) {
  ordered_json json{{"cluster", request.cluster}, {"what", what_name(request.what)}, {"selection", selection_text(request)}};
  json["from_database"] = request.from_database.empty() ? ordered_json(nullptr) : ordered_json(request.from_database);
  json["to"] = request.to.empty() ? ordered_json(nullptr) : ordered_json(request.to);
  json["backup"] = plan.restore.backup.summary.id.text;
  json["recovery"] = recovery_json(*plan.restore.recovery);
  json["space"] = ordered_json::array();
  for (const RestorePlan::Space& space : plan.restore.space) {
    json["space"].push_back({{"path", space.path}, {"needed_bytes", space.needed}, {"available_bytes", space.available}});
  }
  json["scratch"] = request.scratch;
  json["postgres_binaries"] = plan.restore.postgres_binaries;
  json["pg_dump"] = plan.dump_program.empty() ? ordered_json(nullptr) : ordered_json(plan.dump_program);
  json["warnings"] = plan.restore.warnings;
  return json;
}

ordered_json extract_json(const ExtractReport& report) {
  ordered_json json{{"database", report.database}};
  json["into_database"] = report.arrived_in.empty() ? ordered_json(nullptr) : ordered_json(report.arrived_in);
  json["replayed_lsn"] =
      report.moment.replayed.valid() ? ordered_json(report.moment.replayed.to_string()) : ordered_json(nullptr);
  json["last_commit"] =
      report.moment.last_commit ? ordered_json(format_exact_time(*report.moment.last_commit)) : ordered_json(nullptr);
  json["tables"] = ordered_json::array();
  for (const ExtractedTable& table : report.tables) {
    json["tables"].push_back({{"name", shown_name(table.then)},
                              {"as", shown_name(table.now)},
                              {"rows", table.rows},
                              {"rows_arrived", table.arrived},
                              {"bytes", table.bytes}});
  }
  json["sequences"] = ordered_json::array();
  for (const ExtractedSequence& sequence : report.sequences) {
    json["sequences"].push_back({{"name", shown_name(sequence.then)},
                                 {"as", shown_name(sequence.now)},
                                 {"last_value", sequence.last_value},
                                 {"is_called", sequence.called == ExtractedSequence::Called::yes}});
  }
  json["notes"] = ordered_json::array();
  for (const ExtractNote& note : report.notes) {
    json["notes"].push_back(
        {{"text", note.text}, {"statement", note.statement.empty() ? ordered_json(nullptr) : ordered_json(note.statement)}});
  }
  json["needs"] = ordered_json::array();
  for (const ObjectAddress& object : report.needs) {
    json["needs"].push_back(object.description);
  }
  json["roles"] = report.roles;
  json["files"] = report.files;
  json["restore_seconds"] = in_seconds(report.restoring);
  json["replay_seconds"] = in_seconds(report.replaying);
  json["extract_seconds"] = in_seconds(report.extracting);
  return json;
}

std::string extract_plan_text(const ExtractRequest& request, const ExtractPlan& plan, const Style& style) {
  std::string out = style.paint(Tone::strong, "would extract " + printable(selection_text(request))) + "\n";
  const auto line = [&](std::string_view label, const std::string& text) { out += label_line(style, label, text); };
  line("backup", plan.restore.backup.summary.id.text);
  line("moment", describe(plan.restore.recovery->target));
  for (const RestorePlan::Space& space : plan.restore.space) {
    line("space", format_size(space.needed) + " of " + format_size(space.available) + " free in " + space.path);
  }
  line("programs", plan.restore.postgres_binaries);
  if (!plan.dump_program.empty()) {
    line("pg_dump", plan.dump_program);
  }
  line("goes to", request.to.empty() ? "the database of --into" : request.to);
  for (const std::string& note : plan.restore.recovery->notes) {
    line("note", note);
  }
  return out;
}

std::string extract_text(const ExtractRequest& request, const ExtractReport& report, const Style& style) {
  std::string out = style.paint(Tone::good, "extracted " + printable(selection_text(request))) + "\n";
  const auto line = [&](std::string_view label, const std::string& text) { out += label_line(style, label, text); };
  line("from", "database " + report.database + ", backup " + report.plan.restore.backup.summary.id.text);
  line("moment", describe(report.plan.restore.recovery->target) +
                     (report.moment.last_commit ? "; last commit " + format_exact_time(*report.moment.last_commit) : "") +
                     "; LSN " + report.moment.replayed.to_string());
  for (const std::string& file : report.files) {
    line("file", file);
  }
  if (!report.arrived_in.empty()) {
    line("into", "database " + report.arrived_in);
  }
  line("took", format_duration(report.restoring) + " to restore, " + format_duration(report.replaying) + " to replay, " +
                   format_duration(report.extracting) + " to extract");
  for (const ExtractedSequence& sequence : report.sequences) {
    line("sequence", shown_name(sequence.now) + " at " + std::to_string(sequence.last_value));
  }
  for (const ExtractNote& note : report.notes) {
    line("note", note.text);
    if (!note.statement.empty()) {
      line("", note.statement);
    }
  }
  for (const ObjectAddress& object : report.needs) {
    line("needs", object.description);
  }
  if (!report.roles.empty()) {
    line("roles", list_line(report.roles) + " are named in it; --no-owner leaves them out");
  }
  if (!report.files.empty() && request.what != What::query && request.format == ExtractRequest::Format::sql) {
    line("load", loading_command(request, report));
  }
  return out + row_table(report, style);
}

}  // namespace pgrecall
