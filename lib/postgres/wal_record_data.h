#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace pgrecall {

// What follows a WAL record's header: block references, block data, main data, as in src/include/access/xlogrecord.h and
// DecodeXLogRecord of src/backend/access/transam/xlogreader.c.

inline constexpr std::size_t wal_main_data_head_size = 256;
// References to 33 blocks with compressed images, origin, top-level transaction and the long form of the main data's length.
inline constexpr std::size_t wal_block_references_limit = 33 * (4 + 5 + 2 + 12 + 4) + 3 + 5 + 5;

// Finds the transaction that a COMMIT PREPARED or ROLLBACK PREPARED ends: behind arrays of any length in the main data
// (xl_xact_xinfo and what follows it in src/include/access/xact.h), which comes in pieces.
class PreparedTransactionFinder {
 public:
  // `major_version`: 13 to 18; the size of an item of dropped statistics differs.
  void begin(unsigned major_version) noexcept;
  void feed(ByteView main_data) noexcept;
  // 0 while it is not found.
  [[nodiscard]] std::uint32_t transaction() const noexcept { return transaction_; }

 private:
  void take_field(std::uint32_t value) noexcept;

  static constexpr std::uint64_t nowhere = ~std::uint64_t{0};

  unsigned major_version_ = 0;
  std::uint32_t transaction_ = 0;
  std::uint32_t present_ = 0;         // the parts that xinfo names
  std::size_t part_ = 0;              // the part whose first field is looked for; 0 is xinfo itself
  std::uint64_t seen_ = 0;            // bytes of main data so far
  std::uint64_t field_at_ = nowhere;  // where the field looked for begins
  std::size_t filled_ = 0;
  std::array<std::byte, 4> field_{};
};

// Takes a record's body, everything behind its header, in pieces of any size, and keeps the first bytes of its main data. Never
// allocates.
class WalRecordData {
 public:
  enum class PreparedTransaction { none, sought };

  // `length` bytes will follow.
  void begin(std::uint32_t length, unsigned major_version, PreparedTransaction prepared);
  // Error{corruption} when the parts do not make up the body.
  void take(ByteView part);

  // Complete once the whole body was taken; until the next begin().
  [[nodiscard]] ByteView main_data_head() const noexcept { return ByteView(main_head_).first(main_head_filled_); }
  [[nodiscard]] std::uint32_t prepared_transaction() const noexcept { return finder_.transaction(); }

 private:
  void find_main_data(ByteView references);
  void take_main_data(std::uint64_t offset, ByteView part);

  std::uint32_t length_ = 0;
  unsigned major_version_ = 0;
  std::uint64_t seen_ = 0;
  std::optional<std::uint32_t> main_at_;  // where in the body the main data begins, once known; it goes on to the body's end
  std::size_t references_filled_ = 0;
  std::size_t main_head_filled_ = 0;
  PreparedTransactionFinder finder_;
  std::array<std::byte, wal_block_references_limit> references_{};
  std::array<std::byte, wal_main_data_head_size> main_head_{};
};

}  // namespace pgrecall
