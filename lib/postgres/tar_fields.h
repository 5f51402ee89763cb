#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace pgrecall {

// The fields of a tar header, a block of 512 bytes: POSIX.1-1988 ustar, as src/include/pgtar.h and GNU tar have them. Values that
// cannot be read are Errors of kind corruption that name the field.

inline constexpr std::size_t tar_block_size = 512;

struct TarField {
  std::size_t offset;
  std::size_t length;
};
namespace tar_field {
inline constexpr TarField name{0, 100};
inline constexpr TarField mode{100, 8};
inline constexpr TarField user{108, 8};
inline constexpr TarField group{116, 8};
inline constexpr TarField size{124, 12};
inline constexpr TarField mtime{136, 12};
inline constexpr TarField checksum{148, 8};
inline constexpr TarField type{156, 1};
inline constexpr TarField link{157, 100};
inline constexpr TarField magic{257, 6};
inline constexpr TarField prefix{345, 155};
}  // namespace tar_field

[[nodiscard]] Error bad_tar_header(std::string_view what);
[[nodiscard]] ByteView tar_bytes(ByteView header, TarField field);
// Up to the first NUL; a field that is full has none.
[[nodiscard]] std::string_view tar_text(ByteView header, TarField field);
// Octal digits, or base 256 where they do not suffice.
[[nodiscard]] std::uint64_t tar_number(ByteView header, TarField field, std::uint64_t limit, std::string_view name);
void verify_tar_checksum(ByteView header);

}  // namespace pgrecall
