#pragma once

#include <stop_token>
#include <string>

#include "engine/extract/extract.h"
#include "engine/extract/scratch_database.h"
#include "engine/extract/sink.h"
#include "engine/progress.h"
#include "engine/scratch_server.h"

namespace pgrecall {

// Copies what was selected in a scratch database to where it goes: definitions by pg_dump, rows by COPY, in order. Fills the
// report's tables, sequences and notes.
class Transfer {
 public:
  Transfer(const ExtractRequest& request, ExtractReport& report, const ScratchServer& server, ScratchDatabase& source,
           Progress& progress, const std::stop_token& stop);

  // Without owners and grants, also where the request wants them.
  void leave_owners() { owners_ = ExtractRequest::Owners::leave; }
  // Reads the definitions. For a new database, with the statement that makes it.
  void read_definitions();
  [[nodiscard]] const std::string& before_rows() const noexcept { return before_rows_; }
  // What only makes the database, or connects to it.
  void drop_database_statements(const std::string& database);
  // Brings everything; finish() is the caller's. Error{failed} when other rows arrived than there were.
  void into(ExtractSink& sink);

 private:
  [[nodiscard]] std::vector<std::string> dump_arguments(const std::string& section) const;
  void copy_rows(ExtractedTable& table, ExtractSink& sink);
  void bring_large_objects(ExtractSink& sink);
  void compare(ExtractSink& sink);

  const ExtractRequest& request_;
  ExtractReport& report_;
  const ScratchServer& server_;
  ScratchDatabase& source_;
  Progress& progress_;
  const std::stop_token& stop_;
  ExtractRequest::Owners owners_;
  std::string before_rows_;
  std::string after_rows_;
};

// The result of one query, as one table called "query" in the report.
void copy_query(Connection connection, const std::string& query, ExtractSink& sink, ExtractReport& report, Progress& progress);

}  // namespace pgrecall
