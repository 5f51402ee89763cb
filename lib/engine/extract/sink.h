#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "engine/extract/names.h"

namespace pgrecall {

// A table whose rows are brought.
struct ExtractedTable {
  QualifiedName then;  // its name at the moment
  QualifiedName now;   // the one that it gets
  // Quoted columns, generated ones left out, as COPY wants them: ("a", "b").
  std::string columns;
  std::string condition;      // of tables that belong to an extension: which rows are not the extension's own; with "WHERE"
  std::uint64_t rows = 0;     // at the moment, counted in the scratch server
  std::uint64_t arrived = 0;  // counted where they were brought to
  std::uint64_t bytes = 0;    // as COPY writes them
};

struct ExtractedSequence {
  QualifiedName then;
  QualifiedName now;
  std::int64_t last_value = 0;
  enum class Called { no, yes } called = Called::no;  // no: last_value is the next one
};

// Where what is extracted goes. Calls come in this order: definitions(before_rows), for each table begin_rows, rows ...,
// end_rows; statement() for sequences and large objects, count() of each table, definitions(after_rows), finish(). Without
// finish(), nothing is left.
class ExtractSink {
 public:
  virtual ~ExtractSink() = default;

  // Whether it wants definitions at all.
  [[nodiscard]] virtual bool takes_definitions() const noexcept = 0;
  // A section of what pg_dump wrote.
  virtual void definitions(std::string_view sql) = 0;
  // What COPY is to be told beside its table: "" or "(FORMAT csv, HEADER)".
  [[nodiscard]] virtual std::string copy_options() const = 0;
  virtual void begin_rows(const ExtractedTable& table) = 0;
  virtual void rows(ByteView bytes) = 0;
  virtual void end_rows() = 0;
  // One that holds for what definitions() made; with its semicolon.
  virtual void statement(const std::string& sql) = 0;
  // Rows that are there, counted there.
  [[nodiscard]] virtual std::uint64_t count(const ExtractedTable& table) = 0;
  // Makes it last.
  virtual void finish() = 0;
  // Paths of what was written.
  [[nodiscard]] virtual std::vector<std::string> files() const { return {}; }
};

// The statement that gives a sequence its value.
[[nodiscard]] std::string setval_statement(const ExtractedSequence& sequence);

}  // namespace pgrecall
