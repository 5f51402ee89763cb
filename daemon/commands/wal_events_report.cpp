#include "commands/wal_events_report.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "base/units.h"
#include "engine/recovery_target.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

constexpr std::size_t most_change_lines = 10;  // of one transaction, for people
constexpr std::size_t most_extracted = 5;      // tables; of more, the whole cluster is the better way

std::string undo_backup(const FoundChanges& found) { return found.backup ? " --backup " + found.backup->text : std::string(); }

std::string undo_restore(const FoundChanges& found, const UndoCommands& commands) {
  return "pgrecall restore " + shell_word(commands.cluster) + " --lsn " + found.what.undone_before.to_string() + " --exclusive" +
         undo_backup(found) + " --into /new/data/directory" + (found.what.locks ? " --action promote" : "") + commands.options;
}

// As SQL reads it back.
std::string sql_name(const std::string& name) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyz_0123456789";
  if (name.find_first_not_of(plain) == std::string::npos && name.find_first_of("0123456789") != 0) {
    return name;
  }
  std::string quoted = "\"";
  for (const char c : name) {
    quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  }
  return quoted + "\"";
}

// Brings back just what the transaction is about; empty where it is too much for that, or has no name.
std::string undo_extract(const FoundChanges& found, const UndoCommands& commands) {
  const TransactionChanges& what = found.what;
  if (commands.extract == UndoCommands::Extract::unknown || what.changes.size() > most_extracted) {
    return {};
  }
  std::string wanted;
  std::set<std::string> tables;
  for (const WalChange& change : what.changes) {
    if (change.kind == WalChangeKind::dropped_database && !change.name.empty() && what.changes.size() == 1) {
      wanted = " --database " + shell_word(change.name);
    } else if (std::string_view("rpmvS").find(change.relation_kind) != std::string_view::npos && change.relation_kind != 0 &&
               !change.schema.empty() && !change.name.empty()) {
      tables.insert(sql_name(change.schema) + "." + sql_name(change.name));
    } else {
      return {};
    }
  }
  for (const std::string& table : tables) {
    wanted += " --table " + shell_word(table);
  }
  if (!tables.empty()) {
    wanted += what.database_name.empty() ? std::string() : " --from-database " + shell_word(what.database_name);
  }
  return "pgrecall extract " + shell_word(commands.cluster) + " --lsn " + what.undone_before.to_string() + " --exclusive" +
         undo_backup(found) + wanted + " --to /new/directory" + commands.options;
}

std::string_view relation_word(char kind) {
  switch (kind) {
    case 'r': return "table";
    case 'p': return "partitioned table";
    case 'i':
    case 'I': return "index";
    case 'S': return "sequence";
    case 'v': return "view";
    case 'm': return "materialized view";
    case 'f': return "foreign table";
    case 't': return "TOAST table";
    default: return "relation";
  }
}

std::string relation_name(const WalChange& change) {
  if (!change.name.empty()) {
    return (change.schema.empty() ? std::string() : change.schema + ".") + change.name;
  }
  if (change.oid != 0) {
    return "with oid " + std::to_string(change.oid) + " (name not known)";
  }
  return std::to_string(change.relation.database) + "/" + std::to_string(change.relation.node) + " (name not known)";
}

std::string kind_word(WalChangeKind kind) {
  switch (kind) {
    case WalChangeKind::dropped:
    case WalChangeKind::dropped_database: return "dropped";
    case WalChangeKind::truncated: return "truncated";
    case WalChangeKind::dropped_or_truncated: return "dropped or truncated";
    case WalChangeKind::deleted: return "deleted";
    case WalChangeKind::updated: break;
  }
  return "updated";
}

std::string change_line(const WalChange& change) {
  if (change.kind == WalChangeKind::dropped_database) {
    return "dropped database " + (change.name.empty() ? "with oid " + std::to_string(change.oid) : change.name);
  }
  std::string line = kind_word(change.kind) + " ";
  if (change.rows > 0) {
    line += format_count(change.rows, "row", "rows") + " of ";
  }
  line += std::string(relation_word(change.relation_kind)) + " " + relation_name(change);
  if (change.rows > 0 && change.estimated && *change.estimated > 0) {
    line += ", which had about " + format_count(static_cast<std::uint64_t>(std::llround(*change.estimated)), "row", "rows");
  }
  if (change.persistence == 'u') {
    line += ", which is unlogged: its rows are in no backup";
  }
  return line;
}

std::string transaction_text(const FoundChanges& found, const UndoCommands& commands, const Style& style) {
  const TransactionChanges& what = found.what;
  std::string out = style.paint(Tone::strong, format_local_second(what.time)) + "  xid " + std::to_string(what.transaction) +
                    "  LSN " + what.start.to_string();
  if (what.database != 0) {
    out += "  database " + printable(what.database_name.empty() ? std::to_string(what.database) : what.database_name);
  }
  out += "\n";
  for (std::size_t i = 0; i < std::min(most_change_lines, what.changes.size()); ++i) {
    out += "  " + style.paint(Tone::warning, printable(change_line(what.changes[i]))) + "\n";
  }
  if (what.changes.size() > most_change_lines) {
    out += "  and " + format_count(what.changes.size() - most_change_lines, "more", "more") + ": --output json lists all\n";
  }
  if (what.dependents > 0) {
    out += "  with it went " +
           format_count(what.dependents, "index, sequence, view or TOAST table", "indexes, sequences, views or TOAST tables") +
           "\n";
  }
  if (found.recoverable) {
    out += style.paint(Tone::faint, "  before it  ") + printable(undo_restore(found, commands)) + "\n";
    if (const std::string extract = undo_extract(found, commands); !extract.empty()) {
      out += style.paint(Tone::faint, "  that alone ") + printable(extract) + "\n";
    }
  } else {
    out += style.paint(Tone::faint, "  before it  ") + "out of reach: no backup and unbroken WAL lead there\n";
  }
  return out;
}

ordered_json text_or_null(const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); }
ordered_json number_or_null(std::uint64_t number) { return number == 0 ? ordered_json(nullptr) : ordered_json(number); }

ordered_json change_json(const WalChange& change) {
  ordered_json json{{"kind", name(change.kind)}};
  if (change.kind == WalChangeKind::dropped_database) {
    json["name"] = text_or_null(change.name);
    json["oid"] = number_or_null(change.oid);
    return json;
  }
  json["schema"] = text_or_null(change.schema);
  json["name"] = text_or_null(change.name);
  json["type"] = change.relation_kind == 0 ? ordered_json(nullptr) : ordered_json(relation_word(change.relation_kind));
  json["oid"] = number_or_null(change.oid);
  json["node"] = number_or_null(change.relation.node);
  json["unlogged"] = change.persistence == 'u';
  json["rows"] = number_or_null(change.rows);
  json["estimated_rows"] = change.estimated ? ordered_json(std::llround(*change.estimated)) : ordered_json(nullptr);
  return json;
}
}  // namespace

ordered_json wal_events_json(const ChangeFindings& findings, const UndoCommands& commands) {
  ordered_json json{{"cluster", commands.cluster}, {"timeline", findings.timeline}};
  json["from_lsn"] = findings.from.to_string();
  json["until_lsn"] = findings.until.to_string();
  json["first_end"] = findings.first_end ? ordered_json(format_exact_time(*findings.first_end)) : ordered_json(nullptr);
  json["last_end"] = findings.last_end ? ordered_json(format_exact_time(*findings.last_end)) : ordered_json(nullptr);
  json["wal_bytes"] = findings.wal_bytes;
  json["transactions"] = ordered_json::array();
  for (const FoundChanges& found : findings.transactions) {
    const TransactionChanges& what = found.what;
    ordered_json one{{"time", format_exact_time(what.time)}, {"xid", what.transaction}, {"lsn", what.start.to_string()}};
    one["end_lsn"] = what.end.to_string();
    one["before_lsn"] = what.undone_before.to_string();
    one["database"] = text_or_null(what.database_name);
    one["database_oid"] = number_or_null(what.database);
    one["changes"] = ordered_json::array();
    for (const WalChange& change : what.changes) {
      one["changes"].push_back(change_json(change));
    }
    one["dependents"] = what.dependents;
    one["restore_command"] = found.recoverable ? ordered_json(undo_restore(found, commands)) : ordered_json(nullptr);
    one["extract_command"] = found.recoverable ? text_or_null(undo_extract(found, commands)) : ordered_json(nullptr);
    json["transactions"].push_back(std::move(one));
  }
  json["warnings"] = findings.warnings;
  return json;
}

std::string wal_events_text(const ChangeFindings& findings, const UndoCommands& commands, const Style& style) {
  std::string out;
  for (const FoundChanges& found : findings.transactions) {
    out += transaction_text(found, commands, style) + "\n";
  }
  if (findings.transactions.empty()) {
    out += "nothing was dropped or truncated, and no transaction deleted or updated very many rows\n";
  } else {
    out += format_count(findings.transactions.size(), "transaction", "transactions") + "\n";
  }
  std::string looked = "looked through WAL " + findings.from.to_string() + " to " + findings.until.to_string() +
                       " on the way to timeline " + std::to_string(findings.timeline) + ", " + format_size(findings.wal_bytes) +
                       " read";
  if (findings.first_end && findings.last_end) {
    looked += "; its transactions ended from " + format_local_second(*findings.first_end) + " to " +
              format_local_second(*findings.last_end);
  }
  out += style.paint(Tone::faint, looked) + "\n";
  if (commands.limits == UndoCommands::Limits::usual) {
    out +=
        style.paint(Tone::faint, "deleted or updated rows are listed from " + format_count(many_rows) + " on, or from " +
                                     format_count(some_rows) + " where these are half of the table; --min-rows N lists fewer") +
        "\n";
  }
  return out;
}

}  // namespace pgrecall
