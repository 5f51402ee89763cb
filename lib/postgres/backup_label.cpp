#include "postgres/backup_label.h"

#include <utility>

#include "base/error.h"
#include "postgres/decimal.h"

namespace pgrecall {

namespace {

Error malformed(std::string_view field) {
  return Error(ErrorKind::corruption, "malformed or repeated line in backup_label").with("field", field);
}

// Fills a member once; false when `value` is nothing or the member was filled before.
template <typename T>
bool fill(std::optional<T>& member, std::optional<T> value) {
  if (member || !value) {
    return false;
  }
  member = std::move(value);
  return true;
}

// The label while it is read, with "not seen yet" told from "empty".
struct Lines {
  std::optional<Lsn> start_lsn;
  std::optional<std::string> start_segment;
  std::optional<Lsn> checkpoint_lsn;
  std::optional<std::string> method;
  std::optional<std::string> from;
  std::optional<std::string> start_time;
  std::optional<std::string> label;
  std::optional<Timeline> start_timeline;
  std::optional<Lsn> incremental_from_lsn;
  std::optional<Timeline> incremental_from_timeline;
};

std::optional<Lsn> valid_lsn(std::string_view text) {
  const auto lsn = Lsn::parse(text);
  return lsn && lsn->valid() ? lsn : std::nullopt;
}

std::optional<Timeline> valid_timeline(std::string_view text) {
  const auto timeline = parse_decimal<Timeline>(text);
  return timeline && *timeline != 0 ? timeline : std::nullopt;
}

// "16/B374D848 (file 0000000100000016000000B3)".
bool fill_start(Lines& lines, std::string_view value) {
  constexpr std::string_view before_file = " (file ";
  const std::size_t at = value.find(before_file);
  if (at == std::string_view::npos || !value.ends_with(')')) {
    return false;
  }
  std::string_view file = value.substr(at + before_file.size());
  file.remove_suffix(1);
  const bool is_segment = file.size() == 24 && file.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
  return is_segment && fill(lines.start_lsn, valid_lsn(value.substr(0, at))) &&
         fill(lines.start_segment, std::optional<std::string>(file));
}

// False when the line is known and its value does not fit.
bool fill_line(Lines& lines, std::string_view key, std::string_view value) {
  const auto text = [value] { return std::optional<std::string>(value); };
  if (key == "START WAL LOCATION") {
    return fill_start(lines, value);
  }
  if (key == "CHECKPOINT LOCATION") {
    return fill(lines.checkpoint_lsn, valid_lsn(value));
  }
  if (key == "BACKUP METHOD") {
    return fill(lines.method, text());
  }
  if (key == "BACKUP FROM") {
    return fill(lines.from, text());
  }
  if (key == "START TIME") {
    return fill(lines.start_time, text());
  }
  if (key == "LABEL") {
    return fill(lines.label, text());
  }
  if (key == "START TIMELINE") {
    return fill(lines.start_timeline, valid_timeline(value));
  }
  if (key == "INCREMENTAL FROM LSN") {
    return fill(lines.incremental_from_lsn, valid_lsn(value));
  }
  if (key == "INCREMENTAL FROM TLI") {
    return fill(lines.incremental_from_timeline, valid_timeline(value));
  }
  return true;
}

template <typename T>
T needed(const std::optional<T>& member, std::string_view field) {
  if (!member) {
    throw Error(ErrorKind::corruption, "line missing in backup_label").with("field", field);
  }
  return *member;
}

}  // namespace

BackupLabel parse_backup_label(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) {
      continue;
    }
    const std::string_view key = line.substr(0, colon);
    if (!fill_line(lines, key, line.substr(colon + 2))) {
      throw malformed(key);
    }
  }
  BackupLabel label;
  label.start_lsn = needed(lines.start_lsn, "START WAL LOCATION");
  label.start_segment = needed(lines.start_segment, "START WAL LOCATION");
  label.checkpoint_lsn = needed(lines.checkpoint_lsn, "CHECKPOINT LOCATION");
  label.start_timeline = needed(lines.start_timeline, "START TIMELINE");
  label.method = lines.method.value_or("");
  label.from = lines.from.value_or("");
  label.start_time = lines.start_time.value_or("");
  label.label = lines.label.value_or("");
  label.incremental_from_lsn = lines.incremental_from_lsn;
  label.incremental_from_timeline = lines.incremental_from_timeline;
  if (label.incremental_from_lsn.has_value() != label.incremental_from_timeline.has_value()) {
    throw malformed("INCREMENTAL FROM");
  }
  return label;
}

namespace {

TablespaceLink parse_link(std::string_view line) {
  const std::size_t space = line.find(' ');
  const auto oid = space == std::string_view::npos ? std::nullopt : parse_decimal<std::uint32_t>(line.substr(0, space));
  if (!oid || *oid == 0 || space + 1 == line.size() || line.find('\0') != std::string_view::npos) {
    throw Error(ErrorKind::corruption, "malformed line in tablespace_map");
  }
  return {*oid, std::string(line.substr(space + 1))};
}

}  // namespace

std::vector<TablespaceLink> parse_tablespace_map(std::string_view text) {
  std::vector<TablespaceLink> links;
  std::string line;
  bool escaped = false;
  for (const char byte : text) {
    if (!escaped && byte == '\\') {
      escaped = true;
    } else if (!escaped && (byte == '\n' || byte == '\r')) {
      if (!line.empty()) {  // "\r\n" ends a line twice
        links.push_back(parse_link(line));
        line.clear();
      }
    } else {
      line.push_back(byte);
      escaped = false;
    }
  }
  if (!line.empty() || escaped) {
    throw Error(ErrorKind::corruption, "last line of tablespace_map is cut off");
  }
  return links;
}

std::string format_tablespace_map(const std::vector<TablespaceLink>& links) {
  std::string text;
  for (const TablespaceLink& link : links) {
    text += std::to_string(link.oid);
    text += ' ';
    for (const char byte : link.location) {
      if (byte == '\n' || byte == '\r' || byte == '\\') {
        text += '\\';
      }
      text += byte;
    }
    text += '\n';
  }
  return text;
}

}  // namespace pgrecall
