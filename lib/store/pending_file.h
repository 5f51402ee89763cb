#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "io/fd.h"
#include "store/object_store.h"

namespace pgrecall {

enum class [[nodiscard]] PublishResult{published, already_exists, directory_missing};

// A file that is being written and that nobody sees before publish(). Destroyed without it, it is gone and its space is free.
//
// Unnamed (O_TMPFILE) wherever the file system can: then nothing is left behind by kill -9 either. Otherwise it has a name in
// `directory` and a shared flock that tells remove_leftovers() of the living from the dead.
class PendingFile {
 public:
  enum class Naming { unnamed_if_possible, named };
  // What a named file begins with.
  static constexpr std::string_view prefix = "put-";

  // `directory` is on the file system of what it will be published as.
  PendingFile(const std::string& directory, Naming naming);
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile();

  // Writes all of `body` and makes it durable. Error{failed} when the body is not as long as it says.
  void fill(const ObjectBody& body);
  // Gives the file its name, atomically, if that name is free.
  PublishResult publish(const std::string& path);
  // Takes the place of the file at `path`, atomically. Needs Naming::named.
  void publish_over(const std::string& path);

 private:
  void open_named(const std::string& directory);
  PublishResult rename_without_replacing(const std::string& path);

  Fd fd_;
  std::string name_;  // path while it has a name of its own, else empty
  std::string shown_;
};

}  // namespace pgrecall
