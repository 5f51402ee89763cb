#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

// What somebody wants out of an old copy, by name, and how it is to be called. Pure; safe for many threads.

namespace pgrecall {

// A relation's name.
struct QualifiedName {
  std::string schema;
  std::string name;

  auto operator<=>(const QualifiedName&) const = default;
  // For people: public.orders, "My Schema".orders.
  [[nodiscard]] std::string text() const;
  // For SQL, every part in quotes, so that no keyword of any version is in the way.
  [[nodiscard]] std::string quoted() const;
};

[[nodiscard]] std::string quote_identifier(std::string_view name);
[[nodiscard]] std::string quote_literal(std::string_view text);
// As text[] is written: for a parameter of a query.
[[nodiscard]] std::string array_literal(const std::vector<std::string>& items);

// The parts of a dotted name as SQL reads it: what is not in double quotes is folded to lower case. Nothing when it is none.
[[nodiscard]] std::optional<std::vector<std::string>> parse_name_parts(std::string_view text);
// One or two parts; `public` where there is one. Error{usage} that names `option`.
[[nodiscard]] QualifiedName parse_table(std::string_view option, std::string_view text);
// One part. Error{usage} that names `option`.
[[nodiscard]] std::string parse_one_name(std::string_view option, std::string_view text);

// OLD=NEW as it was typed; quotes may hold an equals sign. Error{usage}.
[[nodiscard]] std::pair<std::string, std::string> split_rename(std::string_view text);

struct TableRename {
  QualifiedName from;
  QualifiedName to;
};
// NEW without a schema stays in that of OLD. Error{usage} for what is no table of `tables`, or is named twice.
[[nodiscard]] std::vector<TableRename> parse_table_renames(const std::vector<std::string>& typed,
                                                           const std::vector<QualifiedName>& tables);
// The same for schemas or a database.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_renames(const std::vector<std::string>& typed,
                                                                             const std::vector<std::string>& known,
                                                                             std::string_view what);

// The name of an index, sequence, partition ... of a table that gets another name: where it begins with the table's it begins
// with the new one, otherwise that stands before it. At most 63 bytes, and none of `taken`, which then has it too.
[[nodiscard]] std::string name_of_part(std::string_view part, std::string_view old_table, std::string_view new_table,
                                       std::set<std::string>& taken);

// The file for a table's rows, "public.orders.csv": bytes of its name that file systems or shells take amiss are written %XX.
[[nodiscard]] std::string csv_file_name(const QualifiedName& table);

// Counts rows of COPY's output as it passes: in text format, every row is one line; in CSV, line feeds may stand in quotes.
class RowCounter {
 public:
  enum class Format { text, csv_with_header };
  explicit RowCounter(Format format) : format_(format) {}

  void add(ByteView bytes) noexcept;
  [[nodiscard]] std::uint64_t rows() const noexcept;

 private:
  Format format_;
  bool quoted_ = false;
  std::uint64_t lines_ = 0;
};

// What pg_dump wrote, as a server takes it that no psql stands before: without psql's commands (`\restrict`, `\connect`), and
// without settings that servers before `target_major` do not know.
[[nodiscard]] std::string without_psql_commands(std::string_view sql, unsigned target_major);
// Without the first line that is `line`; as it is when there is none.
[[nodiscard]] std::string without_line(std::string_view sql, std::string_view line);
// The first line that begins with `begin`, without its line feed; empty when there is none.
[[nodiscard]] std::string line_that_begins(std::string_view sql, std::string_view begin);

}  // namespace pgrecall
