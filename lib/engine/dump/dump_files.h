#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

// A logical backup as a row of files, wherever they lie: those who make and load dumps do not know of repositories, and those
// who store them do not know of SQL.

namespace pgrecall {

// Takes a dump's files, one after the other. For one thread. Everything may throw what storing throws.
class DumpSink {
 public:
  DumpSink() = default;
  DumpSink(const DumpSink&) = delete;
  DumpSink& operator=(const DumpSink&) = delete;
  virtual ~DumpSink() = default;

  // `path` is relative and new: "data.sql".
  virtual void begin_file(std::string_view path) = 0;
  virtual void add_bytes(ByteView bytes) = 0;
  virtual void end_file() = 0;
};

struct DumpFile {
  std::string path;
  std::uint64_t size = 0;  // bytes
};

// Gives them back, as often as asked. For one thread.
class DumpSource {
 public:
  DumpSource() = default;
  DumpSource(const DumpSource&) = delete;
  DumpSource& operator=(const DumpSource&) = delete;
  virtual ~DumpSource() = default;

  // In the order in which they were stored.
  [[nodiscard]] virtual const std::vector<DumpFile>& files() const = 0;
  // The whole file in pieces. Throws what `take` throws, Error{corruption} for damage, Error{failed} for a path that is not
  // there.
  virtual void read(std::string_view path, const std::function<void(ByteView)>& take) = 0;
};

}  // namespace pgrecall
