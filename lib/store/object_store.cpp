#include "store/object_store.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

namespace {
constexpr std::size_t longest_name = 512;
constexpr std::size_t file_piece = std::size_t{1} << 20U;

bool name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool well_formed(std::string_view name) {
  if (name.empty() || name.size() > longest_name) {
    return false;
  }
  while (true) {
    const std::size_t slash = name.find('/');
    if (!valid_name_part(name.substr(0, slash))) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    name.remove_prefix(slash + 1);
  }
}
}  // namespace

std::uint64_t MemoryBody::size() const {
  std::uint64_t total = 0;
  for (const ByteView piece : pieces_) {
    total += piece.size();
  }
  return total;
}

void MemoryBody::for_each_piece(const std::function<void(ByteView)>& visit) const {
  for (const ByteView piece : pieces_) {
    visit(piece);
  }
}

void FileBody::for_each_piece(const std::function<void(ByteView)>& visit) const {
  Bytes buffer(static_cast<std::size_t>(std::min<std::uint64_t>(size_, file_piece)));
  for (std::uint64_t offset = 0; offset < size_;) {
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(size_ - offset, buffer.size()));
    const std::size_t count = read_at(fd_, offset, MutableByteView(buffer).first(room), path_);
    if (count != room) {
      throw Error(ErrorKind::failed, "file ends before all of it was stored")
          .with("path", path_)
          .with("expected", size_)
          .with("found", offset + count);
    }
    visit(ByteView(buffer).first(count));
    offset += count;
  }
}

std::optional<Bytes> read_object(ObjectStore& store, const std::string& name, std::uint64_t limit) {
  const std::unique_ptr<ObjectReader> reader = store.open(name);
  if (reader == nullptr) {
    return std::nullopt;
  }
  if (reader->size() > limit) {
    throw Error(ErrorKind::corruption, "object is larger than it can be")
        .with("object", name)
        .with("limit", limit)
        .with("found", reader->size());
  }
  Bytes content(static_cast<std::size_t>(reader->size()));
  const std::size_t count = reader->read(0, content);
  if (count != content.size()) {
    throw Error(ErrorKind::corruption, "object ends too early")
        .with("object", name)
        .with("expected", content.size())
        .with("found", count);
  }
  return content;
}

bool valid_name_part(std::string_view part) noexcept {
  return !part.empty() && part != "." && part != ".." && std::all_of(part.begin(), part.end(), name_character);
}

void check_object_name(std::string_view name) {
  if (!well_formed(name)) {
    throw Error(ErrorKind::usage, "not an object name", "parts of A-Z a-z 0-9 . _ - joined by '/', at most 512 bytes")
        .with("object", name);
  }
}

}  // namespace pgrecall
