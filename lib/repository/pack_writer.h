#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "repository/chunk.h"
#include "repository/repository.h"

namespace pgrecall {

// Puts chunks into packs, and packs into the store. Many threads add chunks at once: each reserves its place in the open pack,
// then compresses nothing and copies nothing more than once: the frame is written (and sealed) straight into the pack's memory. A
// full pack goes to one of `uploads` threads, which put it and read it back, comparing byte for byte, before the pack counts as
// stored.
//
// Memory: (uploads + 1) packs of `pack_size` and a little. The first error of an upload cancels everything; add() and finish()
// then throw it.
class PackWriter {
 public:
  struct Options {
    std::size_t pack_size = 32U << 20U;  // bytes; a pack is closed when the next chunk would not fit
    unsigned uploads = 2;
  };
  struct Totals {
    std::uint64_t packs = 0;
    std::uint64_t chunks = 0;
    std::uint64_t stored_bytes = 0;  // size of the packs as objects
  };

  PackWriter(const Repository& repository, std::string cluster, Options options);
  // Without finish(): what is not uploaded yet is dropped; packs that are stored stay, to be found again by the next backup.
  ~PackWriter();
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;

  // `compressed` is what a Compressor made of the chunk's raw bytes. Waits while all packs are under way.
  [[nodiscard]] ChunkRef add(const Compressed& compressed, std::uint32_t raw_size, const Sha256Digest& digest);
  // Closes the open pack, waits for all uploads. Every ChunkRef given out is durable and was read back once this returns.
  Totals finish();
  // Bytes put so far; for progress, any thread.
  [[nodiscard]] std::uint64_t stored_bytes() const noexcept;
  // Wakes whoever waits in add(); it throws Error{cancelled}.
  void cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgrecall
