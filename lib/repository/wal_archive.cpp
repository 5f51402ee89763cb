#include "repository/wal_archive.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "repository/names.h"
#include "repository/wal_object.h"

namespace pgrecall {

namespace {

std::string object_name_of(const std::string& cluster, const WalDescription& description) {
  const ClusterSystem system(cluster, description.system_identifier);
  if (is_whole(description)) {
    return wal_segment_name(system, description.segment);
  }
  return wal_tail_name(system, description.segment, description.from,
                       static_cast<std::uint32_t>(description.from + description.length));
}

std::uint32_t offset_of_digits(std::string_view digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

Error other_bytes(const std::string& object_name, PutResult put) {
  if (put == PutResult::created) {
    return Error(ErrorKind::corruption, "the store returns other bytes than were put", "check the store's disks and memory")
        .with("object", object_name);
  }
  return Error(ErrorKind::corruption, "other bytes are stored under this name already",
               "two servers of one system write the same WAL, as after a promotion without a new timeline")
      .with("object", object_name);
}

bool same(const WalDescription& one, const WalDescription& other) {
  return one.system_identifier == other.system_identifier && one.segment == other.segment && one.from == other.from &&
         one.length == other.length && one.digest == other.digest;
}

constexpr std::size_t read_back_piece = std::size_t{256} << 10U;

// What was just put, byte for byte. The frames were made from memory a moment ago, so comparing what is stored with them proves
// as much as decompressing and hashing all of it again, in a tenth of the time.
void read_back(ObjectStore& store, const std::string& object_name, const ObjectBody& body) {
  const auto reader = store.open(object_name);
  if (!reader) {
    throw Error(ErrorKind::store_unreachable, "an object that was just put is not there", "check the store")
        .with("object", object_name);
  }
  if (reader->size() != body.size()) {
    throw other_bytes(object_name, PutResult::created);
  }
  Bytes stored(read_back_piece);
  std::uint64_t offset = 0;
  body.for_each_piece([&](ByteView piece) {
    while (!piece.empty()) {
      const std::size_t size = std::min(piece.size(), stored.size());
      if (reader->read(offset, MutableByteView(stored).first(size)) != size ||
          std::memcmp(stored.data(), piece.data(), size) != 0) {
        throw other_bytes(object_name, PutResult::created).with("offset", offset);
      }
      offset += size;
      piece = piece.subspan(size);
    }
  });
}

}  // namespace

WalStored put_wal(const Repository& repository, const std::string& cluster, WalDescription description, const WalSource& source,
                  Compression compression) {
  if (!makes_sense(description)) {
    throw Error(ErrorKind::failed, "WAL to be stored lies outside its segment")
        .with("segment", description.segment.file_name())
        .with("from", description.from)
        .with("length", description.length);
  }
  const std::string object_name = object_name_of(cluster, description);
  const ObjectKind kind = is_whole(description) ? ObjectKind::wal_segment : ObjectKind::wal_tail;
  const WalObject object(repository, kind, object_name, description, source, compression);
  const PutResult put = repository.store().put(object_name, object);
  if (put == PutResult::created) {
    read_back(repository.store(), object_name, object);
    return {WalPutResult::stored, object.size()};
  }
  // Other frames may hold the same WAL: another compression, another seal. So this one is read for what it says.
  const auto stored = read_wal(repository, object_name, kind, [](ByteView) {});
  if (!stored) {
    throw Error(ErrorKind::store_unreachable, "an object that was just put is not there", "check the store")
        .with("object", object_name);
  }
  if (!same(*stored, object.description())) {
    throw other_bytes(object_name, put);
  }
  const auto reader = repository.store().open(object_name);
  return {WalPutResult::already_there, reader ? reader->size() : 0};
}

WalObjects find_wal(const Repository& repository, const ClusterSystem& system, const WalSegment& segment) {
  WalObjects found;
  repository.store().list(wal_segment_name(system, segment), [&](const ObjectInfo& object) {
    const ParsedName name = parse_object_name(object.name);
    if (name.kind == NameKind::wal_segment) {
      found.whole = true;
    } else if (name.kind == NameKind::wal_tail) {
      const std::string_view range = std::string_view(name.rest).substr(name.rest.size() - 17);
      found.tails.push_back({object.name, offset_of_digits(range.substr(0, 8)), offset_of_digits(range.substr(9))});
    }
  });
  std::ranges::sort(found.tails, {}, [](const WalObjects::Tail& tail) { return std::pair(tail.from, tail.to); });
  return found;
}

PutResult put_history(const Repository& repository, const ClusterSystem& system, Timeline timeline, ByteView contents) {
  const std::string object_name = history_name(system, timeline);
  Bytes object;
  ObjectFramesWriter writer(repository, ObjectKind::timeline_history, object_name, Compression{},
                            [&](ByteView bytes) { object.insert(object.end(), bytes.begin(), bytes.end()); });
  writer.add(contents, FrameWriter::Position::last);
  const PutResult put = repository.store().put(object_name, MemoryBody(object));
  const auto stored = read_history(repository, system, timeline);
  if (!stored || !std::ranges::equal(*stored, contents)) {
    throw other_bytes(object_name, put);
  }
  return put;
}

std::optional<Bytes> read_history(const Repository& repository, const ClusterSystem& system, Timeline timeline) {
  const std::string object_name = history_name(system, timeline);
  auto frames = ObjectFrames::open(repository, ObjectKind::timeline_history, object_name);
  if (!frames) {
    return std::nullopt;
  }
  const ByteView payload = frames->next().value_or(ByteView());
  Bytes contents(payload.begin(), payload.end());
  if (frames->next()) {
    throw Error(ErrorKind::corruption, "object has more frames than one", "run pgrecall verify to see what else is damaged")
        .with("object", object_name);
  }
  return contents;
}

}  // namespace pgrecall
