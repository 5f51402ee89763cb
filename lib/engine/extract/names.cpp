#include "engine/extract/names.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/wording.h"

namespace pgrecall {

namespace {

constexpr std::size_t longest_name = 63;  // bytes: NAMEDATALEN - 1

bool plain_name(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9'); };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') && std::ranges::all_of(name, plain);
}

std::string between(std::string_view text, char mark) {
  std::string quoted(1, mark);
  for (const char c : text) {
    quoted += c == mark ? std::string(2, mark) : std::string(1, c);
  }
  return quoted + mark;
}

// At most `limit` bytes, and no character in two.
std::string_view cut_name(std::string_view name, std::size_t limit) {
  if (name.size() <= limit) {
    return name;
  }
  while (limit > 0 && (static_cast<unsigned char>(name[limit]) & 0xC0U) == 0x80U) {
    --limit;
  }
  return name.substr(0, limit);
}

// The part in quotes at the begin of `rest`, which is then behind it.
std::optional<std::string> take_quoted(std::string_view& rest) {
  std::string name;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] != '"') {
      name += rest[i];
    } else if (i + 1 < rest.size() && rest[i + 1] == '"') {
      name += rest[i++];
    } else {
      rest.remove_prefix(i + 1);
      return name;
    }
  }
  return std::nullopt;
}

std::string take_plain(std::string_view& rest) {
  std::string name;
  while (!rest.empty() && rest.front() != '.' && rest.front() != '"') {
    name += rest.front() >= 'A' && rest.front() <= 'Z' ? static_cast<char>(rest.front() - 'A' + 'a') : rest.front();
    rest.remove_prefix(1);
  }
  return name;
}

Error no_name(std::string_view option, std::string_view text, std::string_view form) {
  return {ErrorKind::usage, std::string(option) + ": " + in_quotes(text) + " cannot be used",
          "it is " + std::string(form) + "; names with capitals, dots or blanks stand in double quotes, as in SQL"};
}

template <typename Name>
void require_known(const std::string& typed, const Name& name, const std::vector<Name>& known, std::vector<Name>& seen,
                   std::string_view what) {
  if (std::ranges::find(known, name) == known.end()) {
    throw Error(ErrorKind::usage, "--rename: " + in_quotes(typed) + " names no " + std::string(what) + " that is extracted",
                "write OLD=NEW, with OLD as it was given to --" + std::string(what));
  }
  if (std::ranges::find(seen, name) != seen.end()) {
    throw Error(ErrorKind::usage, "--rename: " + in_quotes(typed) + " gives a " + std::string(what) + " a second name",
                "give each one name");
  }
  seen.push_back(name);
}

// Calls `each` with every line, its line feed included.
template <typename Each>
void for_lines(std::string_view text, Each each) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    each(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::string_view without_feed(std::string_view line) { return line.ends_with('\n') ? line.substr(0, line.size() - 1) : line; }

}  // namespace

std::string quote_identifier(std::string_view name) { return between(name, '"'); }

std::string quote_literal(std::string_view text) {
  // A backslash means itself only while standard_conforming_strings is on.
  std::string quoted = between(text, '\'');
  if (quoted.find('\\') == std::string::npos) {
    return quoted;
  }
  std::string escaped = " E";
  for (const char c : quoted) {
    escaped += c == '\\' ? "\\\\" : std::string(1, c);
  }
  return escaped;
}

std::string array_literal(const std::vector<std::string>& items) {
  std::string text = "{";
  for (const std::string& item : items) {
    text += text.size() > 1 ? ",\"" : "\"";
    for (const char c : item) {
      text += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    }
    text += '"';
  }
  return text + "}";
}

std::string QualifiedName::text() const {
  const auto shown = [](const std::string& part) { return plain_name(part) ? part : quote_identifier(part); };
  return shown(schema) + "." + shown(name);
}

std::string QualifiedName::quoted() const { return quote_identifier(schema) + "." + quote_identifier(name); }

std::optional<std::vector<std::string>> parse_name_parts(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    std::optional<std::string> part = text.starts_with('"') ? take_quoted(text) : take_plain(text);
    if (!part || part->empty() || part->size() > longest_name) {
      return std::nullopt;
    }
    parts.push_back(std::move(*part));
    if (text.empty()) {
      return parts;
    }
    if (text.front() != '.') {
      return std::nullopt;
    }
    text.remove_prefix(1);
  }
}

QualifiedName parse_table(std::string_view option, std::string_view text) {
  auto parts = parse_name_parts(text);
  if (!parts || parts->size() > 2) {
    throw no_name(option, text, "SCHEMA.TABLE");
  }
  return parts->size() == 1 ? QualifiedName{.schema = "public", .name = parts->front()}
                            : QualifiedName{.schema = parts->front(), .name = parts->back()};
}

std::string parse_one_name(std::string_view option, std::string_view text) {
  auto parts = parse_name_parts(text);
  if (!parts || parts->size() != 1) {
    throw no_name(option, text, "one name");
  }
  return parts->front();
}

std::pair<std::string, std::string> split_rename(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    quoted = text[i] == '"' ? !quoted : quoted;
    if (text[i] == '=' && !quoted && i > 0 && i + 1 < text.size()) {
      return {std::string(text.substr(0, i)), std::string(text.substr(i + 1))};
    }
  }
  throw Error(ErrorKind::usage, "--rename: " + in_quotes(text) + " cannot be used",
              "it is OLD=NEW, such as orders=orders_recovered");
}

std::vector<TableRename> parse_table_renames(const std::vector<std::string>& typed, const std::vector<QualifiedName>& tables) {
  std::vector<TableRename> renames;
  std::vector<QualifiedName> seen;
  for (const std::string& each : typed) {
    const auto [from, to] = split_rename(each);
    TableRename rename{.from = parse_table("--rename", from), .to = parse_table("--rename", to)};
    const auto parts = parse_name_parts(to);
    rename.to.schema = parts->size() == 1 ? rename.from.schema : rename.to.schema;
    require_known(each, rename.from, tables, seen, "table");
    renames.push_back(std::move(rename));
  }
  return renames;
}

std::vector<std::pair<std::string, std::string>> parse_renames(const std::vector<std::string>& typed,
                                                               const std::vector<std::string>& known, std::string_view what) {
  std::vector<std::pair<std::string, std::string>> renames;
  std::vector<std::string> seen;
  for (const std::string& each : typed) {
    const auto [from, to] = split_rename(each);
    renames.emplace_back(parse_one_name("--rename", from), parse_one_name("--rename", to));
    require_known(each, renames.back().first, known, seen, what);
  }
  return renames;
}

std::string name_of_part(std::string_view part, std::string_view old_table, std::string_view new_table,
                         std::set<std::string>& taken) {
  const bool begins = part.starts_with(old_table);
  const std::string rest = begins ? std::string(part.substr(old_table.size())) : "_" + std::string(part);
  // What tells parts of one table apart is at the end of their names: it stays, and the table's name is cut.
  const std::string_view tail = cut_name(rest, longest_name / 2);
  std::string name = std::string(cut_name(new_table, longest_name - tail.size())) + std::string(tail);
  for (unsigned number = 1; !taken.insert(name).second; ++number) {
    const std::string suffix = "_" + std::to_string(number) + std::string(tail);
    name = std::string(cut_name(new_table, longest_name - std::min(longest_name, suffix.size()))) + suffix;
  }
  return name;
}

std::string csv_file_name(const QualifiedName& table) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string file;
  const auto add = [&](std::string_view part) {
    for (const char c : part) {
      const auto byte = static_cast<unsigned char>(c);
      const bool harmless = (std::isalnum(byte) != 0 && byte < 0x80U) || c == '_' || c == '-' || byte >= 0x80U;
      file += harmless ? std::string(1, c) : std::string{'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  };
  add(table.schema);
  file += '.';
  add(table.name);
  return file + ".csv";
}

void RowCounter::add(ByteView bytes) noexcept {
  for (const std::byte each : bytes) {
    const char c = static_cast<char>(each);
    quoted_ = c == '"' && format_ == Format::csv_with_header ? !quoted_ : quoted_;
    lines_ += c == '\n' && !quoted_ ? 1 : 0;
  }
}

std::uint64_t RowCounter::rows() const noexcept { return format_ == Format::csv_with_header && lines_ > 0 ? lines_ - 1 : lines_; }

std::string without_psql_commands(std::string_view sql, unsigned target_major) {
  constexpr unsigned first_with_transaction_timeout = 17;
  // Of pg_dump's own frame only: behind `\restrict KEY` all of its lines that begin with a backslash are these two.
  const std::string restricts = line_that_begins(sql, "\\restrict ");
  const std::string unrestricts = restricts.empty() ? std::string() : "\\un" + restricts.substr(1);
  std::string kept;
  kept.reserve(sql.size());
  for_lines(sql, [&](std::string_view line) {
    const std::string_view text = without_feed(line);
    const bool framed = !restricts.empty() && (text == restricts || text == unrestricts);
    const bool unknown = target_major < first_with_transaction_timeout && text == "SET transaction_timeout = 0;";
    if (!framed && !unknown) {
      kept += line;
    }
  });
  return kept;
}

std::string without_line(std::string_view sql, std::string_view line) {
  std::string kept;
  kept.reserve(sql.size());
  bool found = false;
  for_lines(sql, [&](std::string_view each) {
    if (!found && without_feed(each) == line) {
      found = true;
    } else {
      kept += each;
    }
  });
  return kept;
}

std::string line_that_begins(std::string_view sql, std::string_view begin) {
  std::string found;
  for_lines(sql, [&](std::string_view line) {
    if (found.empty() && line.starts_with(begin)) {
      found = without_feed(line);
    }
  });
  return found;
}

}  // namespace pgrecall
