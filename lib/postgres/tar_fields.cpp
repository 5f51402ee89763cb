#include "postgres/tar_fields.h"

#include <algorithm>
#include <optional>

namespace pgrecall {

namespace {
std::optional<std::uint64_t> parse_base_256(ByteView field) {
  // The marker bit apart, a big-endian number; the sign bit beside it is for nothing that PostgreSQL sends.
  std::uint64_t value = std::to_integer<std::uint64_t>(field[0]) & 0x7FU;
  for (const std::byte byte : field.subspan(1)) {
    if (value > UINT64_MAX >> 9U) {
      return std::nullopt;  // beyond 63 bits
    }
    value = value << 8U | std::to_integer<std::uint64_t>(byte);
  }
  return value;
}

std::optional<std::uint64_t> parse_octal(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  text = text.substr(0, text.find_first_of(std::string_view("\0 ", 2)));
  if (text.empty()) {
    return std::nullopt;
  }
  std::uint64_t value = 0;  // at most 12 digits, 36 bits
  for (const char digit : text) {
    if (digit < '0' || digit > '7') {
      return std::nullopt;
    }
    value = value << 3U | static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}
}  // namespace

Error bad_tar_header(std::string_view what) { return Error(ErrorKind::corruption, "malformed tar header").with("field", what); }

ByteView tar_bytes(ByteView header, TarField field) { return header.subspan(field.offset, field.length); }

std::string_view tar_text(ByteView header, TarField field) {
  const std::string_view text = text_of(tar_bytes(header, field));
  return text.substr(0, text.find('\0'));
}

std::uint64_t tar_number(ByteView header, TarField field, std::uint64_t limit, std::string_view name) {
  const ByteView bytes = tar_bytes(header, field);
  const bool base_256 = (bytes[0] & std::byte{0x80}) != std::byte{0};
  const auto value = base_256 ? parse_base_256(bytes) : parse_octal(text_of(bytes));
  if (!value || *value > limit) {
    throw bad_tar_header(name);
  }
  return *value;
}

void verify_tar_checksum(ByteView header) {
  std::uint64_t sum = tar_field::checksum.length * ' ';  // the field itself counts as spaces
  for (std::size_t i = 0; i < tar_block_size; ++i) {
    const bool own = i >= tar_field::checksum.offset && i < tar_field::checksum.offset + tar_field::checksum.length;
    sum += own ? 0 : std::to_integer<std::uint64_t>(header[i]);
  }
  const std::uint64_t found = tar_number(header, tar_field::checksum, UINT32_MAX, "checksum");
  if (found != sum) {
    throw Error(ErrorKind::corruption, "wrong checksum of a tar header").with("expected", sum).with("found", found);
  }
}

}  // namespace pgrecall
