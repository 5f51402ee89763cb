#include "repository/relocation.h"

#include <algorithm>

#include "base/error.h"
#include "repository/varint.h"

namespace pgrecall {

namespace {

constexpr std::size_t entry_size = 36;

}  // namespace

void encode_relocations(const std::vector<Relocation>& sorted, Bytes& out) {
  out.reserve(out.size() + sorted.size() * entry_size);
  for (const Relocation& entry : sorted) {
    std::array<std::byte, entry_size> bytes;
    store_little<std::uint64_t>(bytes.data(), entry.old_offset);
    std::copy(entry.pack.bytes.begin(), entry.pack.bytes.end(), bytes.begin() + 8);
    store_little<std::uint64_t>(bytes.data() + 24, entry.offset);
    store_little<std::uint32_t>(bytes.data() + 32, entry.body_size);
    append_bytes(out, bytes);
  }
}

void decode_relocations(ByteView payload, std::vector<Relocation>& sorted, std::string_view object_name) {
  PayloadReader reader(payload, object_name);
  sorted.reserve(sorted.size() + payload.size() / entry_size);
  while (!reader.done()) {
    const std::byte* at = reader.take(entry_size).data();
    Relocation entry;
    entry.old_offset = load_little<std::uint64_t>(at);
    std::copy_n(at + 8, entry.pack.bytes.size(), entry.pack.bytes.begin());
    entry.offset = load_little<std::uint64_t>(at + 24);
    entry.body_size = load_little<std::uint32_t>(at + 32);
    if (!sorted.empty() && entry.old_offset <= sorted.back().old_offset) {
      reader.fail("relocations are not sorted");
    }
    sorted.push_back(entry);
  }
}

std::optional<std::vector<Relocation>> read_relocations(const Repository& repository, std::string_view cluster,
                                                        const PackId& old_pack) {
  const std::string name = relocation_name(cluster, old_pack);
  std::optional<ObjectFrames> frames = ObjectFrames::open(repository, ObjectKind::relocation, name);
  if (!frames) {
    return std::nullopt;
  }
  std::vector<Relocation> sorted;
  while (const std::optional<ByteView> payload = frames->next()) {
    decode_relocations(*payload, sorted, name);
  }
  return sorted;
}

void put_relocations(const Repository& repository, std::string_view cluster, const PackId& old_pack,
                     const std::vector<Relocation>& sorted) {
  const std::string name = relocation_name(cluster, old_pack);
  Bytes payload;
  encode_relocations(sorted, payload);
  Bytes object;
  ObjectFramesWriter writer(repository, ObjectKind::relocation, name, Compression{},
                            [&object](ByteView bytes) { object.insert(object.end(), bytes.begin(), bytes.end()); });
  writer.add(payload, FrameWriter::Position::last);
  static_cast<void>(repository.store().put(name, MemoryBody(object)));
  if (read_relocations(repository, cluster, old_pack) != sorted) {
    throw Error(ErrorKind::corruption, "the store returns other bytes than were put", "check the store's disks and memory")
        .with("object", name);
  }
}

}  // namespace pgrecall
