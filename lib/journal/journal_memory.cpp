#include <array>
#include <utility>

#include "journal/database.h"
#include "journal/journal.h"
#include "journal/tables.h"

// A journal whose file cannot be written goes on in memory: no run must wait for the disk of what is a cache.

namespace pgrecall {

namespace {
struct Copied {
  const char* to_memory;
  const char* back;  // what the file has otherwise, or not at all; nothing is ever taken out of it
};

// Only the journal's own tables: others are in the file, too.
constexpr std::array<Copied, 6> copied{
    {{"INSERT INTO main.runs SELECT * FROM file.runs",
      "INSERT OR REPLACE INTO file.runs SELECT * FROM main.runs EXCEPT SELECT * FROM file.runs"},
     {"INSERT INTO main.schedule SELECT * FROM file.schedule",
      "INSERT OR REPLACE INTO file.schedule SELECT * FROM main.schedule EXCEPT SELECT * FROM file.schedule"},
     {"INSERT INTO main.notes SELECT * FROM file.notes",
      "INSERT OR REPLACE INTO file.notes SELECT * FROM main.notes EXCEPT SELECT * FROM file.notes"},
     {"INSERT INTO main.run_log SELECT * FROM file.run_log",
      "INSERT OR REPLACE INTO file.run_log SELECT * FROM main.run_log EXCEPT SELECT * FROM file.run_log"},
     {"INSERT INTO main.forgotten_runs SELECT * FROM file.forgotten_runs",
      "INSERT OR REPLACE INTO file.forgotten_runs SELECT * FROM main.forgotten_runs EXCEPT SELECT * FROM file.forgotten_runs"},
     {"INSERT INTO main.space_samples SELECT * FROM file.space_samples",
      "INSERT OR REPLACE INTO file.space_samples SELECT * FROM main.space_samples EXCEPT SELECT * FROM file.space_samples"}}};

// The file, seen from a connection that is in memory.
class AttachedFile {
 public:
  AttachedFile(Database& memory, const std::string& path) : memory_(memory) {
    Statement(memory, "ATTACH ? AS file").bind(path).run();
  }
  AttachedFile(const AttachedFile&) = delete;
  AttachedFile& operator=(const AttachedFile&) = delete;
  ~AttachedFile() {
    try {
      memory_.execute("DETACH file");
    } catch (const Error& still_attached) {
      // The next ATTACH tells.
    }
  }

 private:
  Database& memory_;
};
}  // namespace

std::unique_ptr<Database> open_in_memory(const std::string& path, Time now) {
  auto memory = std::make_unique<Database>(":memory:");
  make_tables(*memory, path);
  try {
    const AttachedFile file(*memory, path);
    Transaction transaction(*memory);
    for (const Copied& table : copied) {
      memory->execute(table.to_memory);
    }
    transaction.commit();
  } catch (const Error& unreadable) {
    // As when the file is lost. Lines of logs get numbers that no line in the file has.
    Statement(*memory, "INSERT INTO sqlite_sequence (name, seq) VALUES ('run_log', ?)")
        .bind(std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count())
        .run();
  }
  return memory;
}

void Journal::go_on_in_memory(const Error& why) {
  auto memory = open_in_memory(path_, SystemClock().now());
  file_ = std::exchange(database_, std::move(memory));
  problem_ = why.what();
}

std::string Journal::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

bool Journal::return_to_file() {
  const std::lock_guard lock(mutex_);
  if (problem_.empty()) {
    return false;
  }
  try {
    if (!file_) {
      file_ = open_file_database(path_);
    }
    const AttachedFile attached(*database_, path_);
    Transaction transaction(*database_);
    for (const Copied& table : copied) {
      database_->execute(table.back);
    }
    transaction.commit();
  } catch (const Error& error) {
    problem_ = error.what();
    return false;
  }
  database_ = std::exchange(file_, nullptr);
  problem_.clear();
  return true;
}

}  // namespace pgrecall
