#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "repository/chunk.h"
#include "repository/repository.h"

namespace pgrecall {

// Reads chunks by reference, following relocations of packs that were rewritten. Keeps a bounded number of packs open. One reader
// a thread.
class ChunkReader {
 public:
  ChunkReader(const Repository& repository, std::string cluster);
  ~ChunkReader();
  ChunkReader(const ChunkReader&) = delete;
  ChunkReader& operator=(const ChunkReader&) = delete;

  // Fills `raw`, of ref.raw_size bytes, and checks everything but the frame's number, which only the pack's index can tell:
  // it is returned. Error{corruption} naming the pack, also when it is missing.
  std::uint32_t read(const ChunkRef& ref, MutableByteView raw);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The chunks of one pack, from its index, in order of offset. Checks header, trailer and index, and that the frames' places leave
// no gap. Nothing when there is no such pack. Error{corruption} names the pack.
struct PackIndex {
  std::uint64_t object_size = 0;
  std::vector<ChunkRef> chunks;
};
[[nodiscard]] std::optional<PackIndex> read_pack_index(const Repository& repository, std::string_view cluster, const PackId& id);
// The same, after reading the pack from end to end: every byte of it was checked.
[[nodiscard]] std::optional<PackIndex> check_pack(const Repository& repository, std::string_view cluster, const PackId& id);

}  // namespace pgrecall
