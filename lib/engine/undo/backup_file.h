#pragma once

#include <functional>

#include "repository/manifest.h"
#include "repository/pack_reader.h"

namespace pgrecall {

// Reads files of a backup one after the other, without restoring them: every byte out of a chunk whose hash was checked. One
// thread.
class BackupFileReader {
 public:
  BackupFileReader(const Repository& repository, const std::string& cluster) : cluster_(cluster), chunks_(repository, cluster) {}

  // Gives the file's bytes to `sink`, in order. Error{corruption} when they are not what was backed up.
  void read(const ManifestEntry& entry, const std::function<void(ByteView)>& sink);

 private:
  [[nodiscard]] ByteView chunk(const ChunkRef& ref);
  void read_range(const MapRange& range, std::uint64_t start, const std::function<void(ByteView)>& sink);

  std::string cluster_;
  ChunkReader chunks_;
  ChunkRef held_;  // what bytes_ is
  Bytes bytes_;
};

}  // namespace pgrecall
