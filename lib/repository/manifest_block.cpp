#include "repository/manifest_block.h"

#include <algorithm>

#include "codec/frame.h"

namespace pgrecall {

namespace {

constexpr std::size_t least_entry_size = 6;  // type, tree, two of the path, mode, mtime
constexpr std::size_t least_map_size = 2;
// A range takes two bytes in a block and 72 in memory.
constexpr std::size_t max_map_ranges = 1U << 20U;
constexpr std::uint32_t mode_bits = 07777;
constexpr std::uint64_t max_file_size = INT64_MAX;

enum class ContentKind : std::uint8_t { zeros = 0, chunk = 1, part = 2, maps = 3 };

bool valid_path(std::string_view path) {
  if (path.empty() || path.size() > max_manifest_path || path.find('\0') != std::string_view::npos) {
    return false;
  }
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") {
      return false;
    }
    at = end + 1;
  }
  return true;
}

bool valid_target(std::string_view target) {
  return !target.empty() && target.size() <= max_manifest_path && target.find('\0') == std::string_view::npos;
}

// Null when the content can make up a file of that size, else what is wrong.
const char* problem_of(const FileContent& content, std::uint64_t size) {
  if (const auto* whole = std::get_if<ChunkContent>(&content)) {
    return whole->chunk.raw_size == size ? nullptr : "file has another size than its chunk";
  }
  if (const auto* part = std::get_if<PartContent>(&content)) {
    return part->offset <= part->chunk.raw_size && size <= part->chunk.raw_size - part->offset ? nullptr
                                                                                               : "file reaches beyond its chunk";
  }
  if (const auto* maps = std::get_if<MapsContent>(&content)) {
    if (maps->ranges.size() > max_map_ranges) {
      return "file has too many extent maps";
    }
    std::uint64_t left = size;
    for (const MapRange& range : maps->ranges) {
      if (range.length == 0 || range.length > left) {
        return "ranges of extent maps are not the file's size";
      }
      left -= range.length;
    }
    return left == 0 ? nullptr : "ranges of extent maps are not the file's size";
  }
  return nullptr;
}

const char* problem_of(const ManifestEntry& entry) {
  if (!valid_path(entry.path)) {
    return "path is not a relative path";
  }
  if (entry.mode > mode_bits) {
    return "mode holds more than permission bits";
  }
  if (entry.type == EntryType::symbolic_link && !valid_target(entry.target)) {
    return "target of a symbolic link is empty or too long";
  }
  if (entry.type == EntryType::file && entry.size > max_file_size) {
    return "file is too large";
  }
  return entry.type == EntryType::file ? problem_of(entry.content, entry.size) : nullptr;
}

std::size_t shared_prefix(std::string_view a, std::string_view b) {
  const std::size_t limit = std::min(a.size(), b.size());
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(limit), b.begin()).first -
                                  a.begin());
}

}  // namespace

void FileBlockBuilder::add(const ManifestEntry& entry) {
  if (const char* problem = problem_of(entry)) {
    throw Error(ErrorKind::failed, std::string("cannot record a file: ") + problem).with("path", entry.path);
  }
  append_byte(entries_, static_cast<std::uint8_t>(entry.type));
  append_byte(entries_, static_cast<std::uint8_t>(entry.tree));
  const std::size_t shared = shared_prefix(last_path_, entry.path);
  append_varint(entries_, shared);
  append_string(entries_, std::string_view(entry.path).substr(shared));
  append_varint(entries_, entry.mode);
  append_zigzag(entries_, entry.mtime);
  if (entry.type == EntryType::symbolic_link) {
    append_string(entries_, entry.target);
  }
  if (entry.type == EntryType::file) {
    append_varint(entries_, entry.size);
    add_content(entry);
  }
  last_path_ = entry.path;
  ++count_;
}

void FileBlockBuilder::add_content(const ManifestEntry& entry) {
  append_byte(entries_, static_cast<std::uint8_t>(entry.content.index()));
  if (const auto* whole = std::get_if<ChunkContent>(&entry.content)) {
    append_varint(entries_, chunks_.index_of(whole->chunk));
  } else if (const auto* part = std::get_if<PartContent>(&entry.content)) {
    append_varint(entries_, chunks_.index_of(part->chunk));
    append_varint(entries_, part->offset);
    append_bytes(entries_, part->digest.bytes);
  } else if (const auto* maps = std::get_if<MapsContent>(&entry.content)) {
    append_varint(entries_, maps->ranges.size());
    for (const MapRange& range : maps->ranges) {
      append_varint(entries_, chunks_.index_of(range.map));
      append_varint(entries_, range.length);
    }
  }
}

void FileBlockBuilder::finish(Bytes& out) {
  out.reserve(out.size() + size_limit());
  append_byte(out, file_block_type);
  append_chunk_table(out, chunks_.chunks());
  append_varint(out, count_);
  append_bytes(out, entries_);
  chunks_.clear();
  entries_.clear();
  last_path_.clear();
  count_ = 0;
}

void FileBlockCursor::begin(ByteView contents, std::string_view object_name) {
  payload_ = PayloadReader(contents, object_name);
  read_chunk_table(payload_, chunks_);
  left_ = payload_.count(least_entry_size);
  entry_.path.clear();
}

const ManifestEntry* FileBlockCursor::next() {
  if (left_ == 0) {
    if (!payload_.done()) {
      payload_.fail("bytes follow the last entry of a block");
    }
    return nullptr;
  }
  --left_;
  const std::uint8_t type = payload_.byte();
  const std::uint8_t tree = payload_.byte();
  if (type < 1 || type > 3 || tree > static_cast<std::uint8_t>(EntryTree::companion)) {
    payload_.fail("entry of an unknown type or tree");
  }
  entry_.type = static_cast<EntryType>(type);
  entry_.tree = static_cast<EntryTree>(tree);
  read_path();
  entry_.mode = static_cast<std::uint32_t>(payload_.varint_up_to(mode_bits, "mode holds more than permission bits"));
  entry_.mtime = payload_.zigzag();
  entry_.target.clear();
  entry_.size = 0;
  if (entry_.type == EntryType::symbolic_link) {
    entry_.target = payload_.string();
  }
  if (entry_.type == EntryType::file) {
    entry_.size = payload_.varint_up_to(max_file_size, "file is too large");
    read_content();
  } else {
    entry_.content = ZeroContent{};
  }
  if (const char* problem = problem_of(entry_)) {
    payload_.fail(problem);
  }
  return &entry_;
}

void FileBlockCursor::read_path() {
  const std::uint64_t shared = payload_.varint_up_to(entry_.path.size(), "path shares more than the path before has");
  const std::string_view rest = payload_.string();
  // Checked before they are joined: the last path times the number of entries would be more than the payload justifies.
  if (rest.size() > max_manifest_path - shared) {
    payload_.fail("path is too long");
  }
  entry_.path.resize(static_cast<std::size_t>(shared));
  entry_.path += rest;
}

const ChunkRef& FileBlockCursor::read_chunk() {
  const std::uint64_t number = payload_.varint();
  if (number >= chunks_.size()) {
    payload_.fail("entry names a chunk that is not in the table");
  }
  return chunks_[static_cast<std::size_t>(number)];
}

void FileBlockCursor::read_content() {
  switch (static_cast<ContentKind>(payload_.byte())) {
    case ContentKind::zeros: entry_.content = ZeroContent{}; return;
    case ContentKind::chunk: entry_.content = ChunkContent{read_chunk()}; return;
    case ContentKind::part: {
      PartContent part;
      part.chunk = read_chunk();
      part.offset = static_cast<std::uint32_t>(payload_.varint_up_to(UINT32_MAX, "file reaches beyond its chunk"));
      const ByteView digest = payload_.take(part.digest.bytes.size());
      std::copy(digest.begin(), digest.end(), part.digest.bytes.begin());
      entry_.content = part;
      return;
    }
    case ContentKind::maps: read_maps(); return;
  }
  payload_.fail("content of an unknown kind");
}

void FileBlockCursor::read_maps() {
  const std::size_t count = payload_.count(least_map_size);
  if (count > max_map_ranges) {
    payload_.fail("file has too many extent maps");
  }
  auto* maps = std::get_if<MapsContent>(&entry_.content);
  if (maps == nullptr) {
    maps = &entry_.content.emplace<MapsContent>();
  }
  maps->ranges.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const ChunkRef& map = read_chunk();
    maps->ranges.push_back({map, payload_.varint()});
  }
}

ManifestTotals decode_end_block(ByteView contents, std::string_view object_name) {
  PayloadReader payload(contents, object_name);
  ManifestTotals totals;
  totals.entries = payload.varint();
  totals.file_bytes = payload.varint();
  const std::size_t count = payload.count(sizeof(PackId));
  totals.packs.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    PackId id;
    const ByteView bytes = payload.take(id.bytes.size());
    std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
    if (!totals.packs.empty() && id <= totals.packs.back()) {
      payload.fail("packs of a manifest are not sorted");
    }
    totals.packs.push_back(id);
  }
  if (!payload.done()) {
    payload.fail("bytes follow the end block");
  }
  return totals;
}

Bytes encode_end_block(const ManifestTotals& totals) {
  Bytes out;
  out.reserve(32 + totals.packs.size() * sizeof(PackId));
  append_byte(out, end_block_type);
  append_varint(out, totals.entries);
  append_varint(out, totals.file_bytes);
  append_varint(out, totals.packs.size());
  for (const PackId& id : totals.packs) {
    append_bytes(out, id.bytes);
  }
  return out;
}

Bytes encode_file_block(const std::vector<ManifestEntry>& entries) {
  FileBlockBuilder builder;
  for (const ManifestEntry& entry : entries) {
    builder.add(entry);
  }
  Bytes out;
  builder.finish(out);
  return out;
}

ManifestBlock decode_manifest_block(ByteView payload, std::string_view object_name) {
  if (payload.empty() || (payload[0] != std::byte{file_block_type} && payload[0] != std::byte{end_block_type})) {
    throw Error(ErrorKind::corruption, "manifest block of an unknown type", "run pgrecall verify to see what else is damaged")
        .with("object", object_name);
  }
  if (payload[0] == std::byte{end_block_type}) {
    return decode_end_block(payload.subspan(1), object_name);
  }
  FileBlockCursor cursor;
  cursor.begin(payload.subspan(1), object_name);
  std::vector<ManifestEntry> entries;
  while (const ManifestEntry* entry = cursor.next()) {
    entries.push_back(*entry);
  }
  return entries;
}

}  // namespace pgrecall
