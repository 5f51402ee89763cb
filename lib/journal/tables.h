#pragma once

#include <memory>
#include <string>

#include "base/clock.h"

namespace pgrecall {

class Database;

// The journal's tables, in a file or in memory. `path` is for messages.
void make_tables(Database& database, const std::string& path);
// The journal's file, with its tables. Errors: those of Database; Error{failed} when a later version made it.
[[nodiscard]] std::unique_ptr<Database> open_file_database(const std::string& path);
// A journal in memory with what could be read of the file.
[[nodiscard]] std::unique_ptr<Database> open_in_memory(const std::string& path, Time now);

}  // namespace pgrecall
