#include "postgres/tar.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/all_zero.h"
#include "base/error.h"
#include "postgres/relative_path.h"

namespace pgrecall {

namespace {

constexpr std::size_t block_size = 512;

// Offset and length of a header field (TarHeaderField in src/include/pgtar.h).
struct Field {
  std::size_t offset;
  std::size_t length;
};
constexpr Field name_field{0, 100};
constexpr Field mode_field{100, 8};
constexpr Field user_field{108, 8};
constexpr Field group_field{116, 8};
constexpr Field size_field{124, 12};
constexpr Field mtime_field{136, 12};
constexpr Field checksum_field{148, 8};
constexpr Field type_field{156, 1};
constexpr Field link_field{157, 100};
constexpr Field magic_field{257, 6};
constexpr Field prefix_field{345, 155};

Error bad_header(std::string_view what) { return Error(ErrorKind::corruption, "malformed tar header").with("field", what); }

ByteView field_of(ByteView header, Field field) { return header.subspan(field.offset, field.length); }

// Up to the first NUL; a field that is full has none.
std::string_view text_field(ByteView header, Field field) {
  const std::string_view text = text_of(field_of(header, field));
  return text.substr(0, text.find('\0'));
}

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

std::uint64_t number_field(ByteView header, Field field, std::uint64_t limit, std::string_view name) {
  const ByteView bytes = field_of(header, field);
  const bool base_256 = (bytes[0] & std::byte{0x80}) != std::byte{0};
  const auto value = base_256 ? parse_base_256(bytes) : parse_octal(text_of(bytes));
  if (!value || *value > limit) {
    throw bad_header(name);
  }
  return *value;
}

void verify_checksum(ByteView header) {
  std::uint64_t sum = checksum_field.length * ' ';  // the field itself counts as spaces
  for (std::size_t i = 0; i < block_size; ++i) {
    const bool own = i >= checksum_field.offset && i < checksum_field.offset + checksum_field.length;
    sum += own ? 0 : std::to_integer<std::uint64_t>(header[i]);
  }
  const std::uint64_t found = number_field(header, checksum_field, UINT32_MAX, "checksum");
  if (found != sum) {
    throw Error(ErrorKind::corruption, "wrong checksum of a tar header").with("expected", sum).with("found", found);
  }
}

// A path that stays within the directory it is unpacked into, in its plain form.
std::string plain_path(std::string_view path) {
  if (path.starts_with("./")) {
    path.remove_prefix(2);  // PostgreSQL writes ./pg_wal/archive_status so
  }
  if (path.ends_with('/')) {
    path.remove_suffix(1);  // directories, and links to them
  }
  if (!is_plain_relative_path(path)) {
    throw Error(ErrorKind::corruption, "unsafe path in a tar archive").with("path", path);
  }
  return std::string(path);
}

std::string path_of(ByteView header) {
  const std::string_view name = text_field(header, name_field);
  const std::string_view prefix = text_field(header, prefix_field);
  if (prefix.empty()) {
    return plain_path(name);
  }
  return plain_path(std::string(prefix) + "/" + std::string(name));
}

TarEntryType type_of(ByteView header) {
  switch (text_of(field_of(header, type_field))[0]) {
    case '0':
    case '\0': return TarEntryType::file;
    case '2': return TarEntryType::symlink;
    case '5': return TarEntryType::directory;
    default: throw bad_header("type");
  }
}

TarEntry parse_header(ByteView header) {
  verify_checksum(header);
  if (text_of(field_of(header, magic_field)) != std::string_view("ustar\0", 6)) {
    throw bad_header("magic");
  }
  TarEntry entry;
  entry.path = path_of(header);
  entry.type = type_of(header);
  entry.size = number_field(header, size_field, INT64_MAX, "size");
  entry.mode = static_cast<std::uint32_t>(number_field(header, mode_field, 07777777, "mode")) & 07777U;
  entry.user = static_cast<std::uint32_t>(number_field(header, user_field, UINT32_MAX, "uid"));
  entry.group = static_cast<std::uint32_t>(number_field(header, group_field, UINT32_MAX, "gid"));
  // 2^40 seconds are 34,000 years: a limit that keeps calculations with times from overflowing.
  const std::uint64_t mtime = number_field(header, mtime_field, std::uint64_t{1} << 40U, "mtime");
  entry.mtime = std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(mtime)));
  if (entry.type == TarEntryType::symlink) {
    entry.link_target = text_field(header, link_field);
  }
  if (entry.type != TarEntryType::file && entry.size != 0) {
    throw bad_header("size");
  }
  if (entry.type == TarEntryType::symlink && entry.link_target.empty()) {
    throw bad_header("linkname");
  }
  return entry;
}

}  // namespace

void TarReader::feed(ByteView bytes) {
  while (!bytes.empty()) {
    ByteView rest;
    switch (state_) {
      case State::header: rest = take_header(bytes); break;
      case State::data: rest = take_data(bytes); break;
      case State::padding: rest = take_padding(bytes); break;
      case State::end: rest = take_end(bytes); break;
    }
    offset_ += bytes.size() - rest.size();
    bytes = rest;
  }
}

ByteView TarReader::take_header(ByteView bytes) {
  const std::size_t taken = std::min(bytes.size(), block_size - buffered_);
  std::memcpy(header_.data() + buffered_, bytes.data(), taken);
  buffered_ += taken;
  if (buffered_ == block_size) {
    buffered_ = 0;
    const std::uint64_t start = offset_ + taken - block_size;
    try {
      read_header(header_);
    } catch (Error& error) {
      throw std::move(error).with("archive_offset", start);
    }
  }
  return bytes.subspan(taken);
}

void TarReader::read_header(ByteView header) {
  if (all_zero(header)) {
    state_ = State::end;
    return;
  }
  const TarEntry entry = parse_header(header);
  remaining_ = entry.size;
  padding_ = static_cast<std::uint32_t>((block_size - entry.size % block_size) % block_size);
  sink_.on_entry(entry);
  if (remaining_ == 0) {
    sink_.on_entry_end();
  } else {
    state_ = State::data;
  }
}

ByteView TarReader::take_data(ByteView bytes) {
  const std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), remaining_));
  sink_.on_data(bytes.first(taken));
  remaining_ -= taken;
  if (remaining_ == 0) {
    sink_.on_entry_end();
    state_ = padding_ == 0 ? State::header : State::padding;
  }
  return bytes.subspan(taken);
}

ByteView TarReader::take_padding(ByteView bytes) {
  const std::size_t taken = std::min<std::size_t>(bytes.size(), padding_);
  padding_ -= static_cast<std::uint32_t>(taken);
  if (padding_ == 0) {
    state_ = State::header;
  }
  return bytes.subspan(taken);
}

ByteView TarReader::take_end(ByteView bytes) {
  if (!all_zero(bytes)) {
    throw Error(ErrorKind::corruption, "bytes behind the end of a tar archive").with("archive_offset", offset_);
  }
  return {};
}

void TarReader::finish() {
  const bool between_entries = state_ == State::header && buffered_ == 0;
  if (!between_entries && state_ != State::end) {
    throw Error(ErrorKind::corruption, "tar archive ends too early").with("archive_offset", offset_);
  }
}

}  // namespace pgrecall
