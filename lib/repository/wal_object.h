#pragma once

#include <array>
#include <optional>
#include <string>

#include "io/temporary_file.h"
#include "repository/wal_archive.h"

// The bytes of WAL objects: docs/repository-format.md, "WAL".

namespace pgrecall {

inline constexpr std::size_t wal_piece_size = 1U << 20U;  // bytes
inline constexpr std::size_t wal_description_size = 68;   // bytes

[[nodiscard]] bool is_whole(const WalDescription& description) noexcept;
// The bytes lie within the segment, there is at least one, and the segment can exist.
[[nodiscard]] bool makes_sense(const WalDescription& description) noexcept;

[[nodiscard]] std::array<std::byte, wal_description_size> encode_wal_description(const WalDescription& description);
// Error{corruption} naming the object when the payload is no description that makes sense.
[[nodiscard]] WalDescription decode_wal_description(ByteView payload, std::string_view object_name);

// A WAL object ready to be put. Reads the source once. Held in memory up to 32 MiB of WAL, in a temporary file beyond that.
class WalObject final : public ObjectBody {
 public:
  WalObject(const Repository& repository, ObjectKind kind, const std::string& object_name, WalDescription description,
            const WalSource& source, Compression compression);

  // With its digest.
  [[nodiscard]] const WalDescription& description() const noexcept { return description_; }
  [[nodiscard]] std::uint64_t size() const override;
  void for_each_piece(const std::function<void(ByteView)>& visit) const override;

 private:
  void append(ByteView bytes);

  WalDescription description_;
  Bytes head_;    // object header and first frame
  Bytes frames_;  // the frames that follow, unless they are in the file
  std::optional<TemporaryFile> spool_;
};

}  // namespace pgrecall
