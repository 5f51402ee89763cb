#include "postgres/tar.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/all_zero.h"
#include "base/error.h"
#include "postgres/relative_path.h"
#include "postgres/tar_fields.h"

namespace pgrecall {

namespace {

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
  const std::string_view name = tar_text(header, tar_field::name);
  const std::string_view prefix = tar_text(header, tar_field::prefix);
  if (prefix.empty()) {
    return plain_path(name);
  }
  return plain_path(std::string(prefix) + "/" + std::string(name));
}

TarEntryType type_of(ByteView header) {
  switch (text_of(tar_bytes(header, tar_field::type))[0]) {
    case '0':
    case '\0': return TarEntryType::file;
    case '2': return TarEntryType::symlink;
    case '5': return TarEntryType::directory;
    default: throw bad_tar_header("type");
  }
}

TarEntry parse_header(ByteView header) {
  verify_tar_checksum(header);
  if (text_of(tar_bytes(header, tar_field::magic)) != std::string_view("ustar\0", 6)) {
    throw bad_tar_header("magic");
  }
  TarEntry entry;
  entry.path = path_of(header);
  entry.type = type_of(header);
  entry.size = tar_number(header, tar_field::size, INT64_MAX, "size");
  entry.mode = static_cast<std::uint32_t>(tar_number(header, tar_field::mode, 07777777, "mode")) & 07777U;
  entry.user = static_cast<std::uint32_t>(tar_number(header, tar_field::user, UINT32_MAX, "uid"));
  entry.group = static_cast<std::uint32_t>(tar_number(header, tar_field::group, UINT32_MAX, "gid"));
  // 2^40 seconds are 34,000 years: a limit that keeps calculations with times from overflowing.
  const std::uint64_t mtime = tar_number(header, tar_field::mtime, std::uint64_t{1} << 40U, "mtime");
  entry.mtime = std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(mtime)));
  if (entry.type == TarEntryType::symlink) {
    entry.link_target = tar_text(header, tar_field::link);
  }
  if (entry.type != TarEntryType::file && entry.size != 0) {
    throw bad_tar_header("size");
  }
  if (entry.type == TarEntryType::symlink && entry.link_target.empty()) {
    throw bad_tar_header("linkname");
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
  const std::size_t taken = std::min(bytes.size(), tar_block_size - buffered_);
  std::memcpy(header_.data() + buffered_, bytes.data(), taken);
  buffered_ += taken;
  if (buffered_ == tar_block_size) {
    buffered_ = 0;
    const std::uint64_t start = offset_ + taken - tar_block_size;
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
  padding_ = static_cast<std::uint32_t>((tar_block_size - entry.size % tar_block_size) % tar_block_size);
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
