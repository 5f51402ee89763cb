#include "repository/wal_object.h"

#include <algorithm>

#include "base/error.h"
#include "codec/compression.h"
#include "repository/names.h"

namespace pgrecall {

namespace {

constexpr std::uint64_t max_size_in_memory = 32U << 20U;  // bytes of WAL

Error damaged(std::string_view what, std::string_view object_name) {
  return Error(ErrorKind::corruption, std::string(what), "run pgrecall verify to see what else is damaged")
      .with("object", object_name);
}

// Refuses an object whose description is of another segment or range than its name says.
void check_name(const WalDescription& description, const std::string& object_name, ObjectKind kind) {
  const ParsedName named = parse_object_name(object_name);
  if (!named.system) {
    throw damaged("this is no name of WAL", object_name);
  }
  const ClusterSystem system(named.cluster, description.system_identifier);
  const std::string found = is_whole(description)
                                ? wal_segment_name(system, description.segment)
                                : wal_tail_name(system, description.segment, description.from,
                                                static_cast<std::uint32_t>(description.from + description.length));
  if (found != object_name || is_whole(description) != (kind == ObjectKind::wal_segment)) {
    throw damaged("object holds other WAL than its name says", object_name).with("expected", object_name).with("found", found);
  }
}

}  // namespace

bool is_whole(const WalDescription& description) noexcept {
  return description.from == 0 && description.length == description.segment.size;
}

bool makes_sense(const WalDescription& description) noexcept {
  const WalSegment& segment = description.segment;
  return valid_segment_size(segment.size) && segment.timeline != 0 && description.length > 0 &&
         description.length <= segment.size && description.from <= segment.size - description.length;
}

std::array<std::byte, wal_description_size> encode_wal_description(const WalDescription& description) {
  std::array<std::byte, wal_description_size> out{};
  store_little(out.data(), description.system_identifier);
  store_little(out.data() + 8, description.segment.timeline);
  store_little(out.data() + 12, description.segment.size);
  store_little(out.data() + 16, description.segment.start().value + description.from);
  store_little(out.data() + 24, description.length);
  store_little(out.data() + 32, static_cast<std::uint32_t>(description.major_version));
  std::ranges::copy(description.digest.bytes, out.begin() + 36);
  return out;
}

WalDescription decode_wal_description(ByteView payload, std::string_view object_name) {
  if (payload.size() != wal_description_size) {
    throw damaged("description of WAL has the wrong size", object_name)
        .with("expected", wal_description_size)
        .with("found", payload.size());
  }
  WalDescription description;
  description.system_identifier = load_little<std::uint64_t>(payload.data());
  const auto timeline = load_little<std::uint32_t>(payload.data() + 8);
  const auto segment_size = load_little<std::uint32_t>(payload.data() + 12);
  const Lsn first{load_little<std::uint64_t>(payload.data() + 16)};
  if (!valid_segment_size(segment_size)) {
    throw damaged("WAL segment size is impossible", object_name).with("found", segment_size);
  }
  description.segment = WalSegment::containing(timeline, first, segment_size);
  description.from = static_cast<std::uint32_t>(first.value % segment_size);
  description.length = load_little<std::uint64_t>(payload.data() + 24);
  description.major_version = load_little<std::uint32_t>(payload.data() + 32);
  std::ranges::copy(payload.subspan(36), description.digest.bytes.begin());
  if (!makes_sense(description)) {
    throw damaged("description of WAL makes no sense", object_name)
        .with("segment", description.segment.file_name())
        .with("from", description.from)
        .with("length", description.length);
  }
  return description;
}

// Frames are numbered, so the first one, which tells the digest of all, can be made last: the source is read once.
WalObject::WalObject(const Repository& repository, ObjectKind kind, const std::string& object_name, WalDescription description,
                     const WalSource& source, Compression compression)
    : description_(description) {
  const ObjectHeader header = make_object_header(kind, object_name, repository.sealed());
  FrameWriter writer(header, repository.data_key());
  Compressor compressor(compression);
  Sha256 digests;
  Bytes raw(std::min<std::uint64_t>(wal_piece_size, description.length));
  Bytes frame;
  if (description.length > max_size_in_memory) {
    spool_.emplace();
  } else {
    // Address space, not memory: growing step by step would copy and touch twice as much.
    frames_.reserve(description.length);
  }
  std::uint32_t number = 1;
  for (std::uint64_t at = 0; at < description.length; at += raw.size(), ++number) {
    raw.resize(std::min<std::uint64_t>(wal_piece_size, description.length - at));
    source(at, raw);
    const Sha256Digest digest = sha256(raw);
    digests.update(digest.bytes);
    const Compressed compressed = compressor.compress(raw);
    frame.resize(writer.frame_size(compressed.bytes.size()));
    const bool last = at + raw.size() == description.length;
    writer.write(compressed, static_cast<std::uint32_t>(raw.size()), digest, number,
                 last ? FrameWriter::Position::last : FrameWriter::Position::inside, frame);
    append(frame);
  }
  description_.digest = digests.finish();
  const auto payload = encode_wal_description(description_);
  head_.assign(header.begin(), header.end());
  head_.resize(header.size() + writer.frame_size(payload.size()));
  writer.write({CompressionMethod::none, payload}, wal_description_size, sha256(payload), 0, FrameWriter::Position::inside,
               MutableByteView(head_).subspan(header.size()));
}

void WalObject::append(ByteView bytes) {
  if (spool_) {
    spool_->append(bytes);
  } else {
    frames_.insert(frames_.end(), bytes.begin(), bytes.end());
  }
}

std::uint64_t WalObject::size() const { return head_.size() + (spool_ ? spool_->size() : frames_.size()); }

void WalObject::for_each_piece(const std::function<void(ByteView)>& visit) const {
  visit(head_);
  if (spool_) {
    FileBody(spool_->fd(), spool_->size(), spool_->path()).for_each_piece(visit);
  } else {
    visit(frames_);
  }
}

std::optional<WalDescription> read_wal(const Repository& repository, const std::string& object_name, ObjectKind kind,
                                       const std::function<void(ByteView)>& sink) {
  auto frames = ObjectFrames::open(repository, kind, object_name);
  if (!frames) {
    return std::nullopt;
  }
  const WalDescription description = decode_wal_description(frames->next().value_or(ByteView()), object_name);
  check_name(description, object_name, kind);
  Sha256 digests;
  std::uint64_t at = 0;
  while (const auto piece = frames->next()) {
    if (piece->size() != std::min<std::uint64_t>(wal_piece_size, description.length - at)) {
      throw damaged("piece of WAL has the wrong size", object_name).with("at", at).with("found", piece->size());
    }
    digests.update(frames->digest().bytes);
    sink(*piece);
    at += piece->size();
  }
  if (at != description.length) {
    throw damaged("WAL ends too early", object_name).with("expected", description.length).with("found", at);
  }
  if (digests.finish() != description.digest) {
    throw damaged("WAL differs from what was stored", object_name);
  }
  return description;
}

}  // namespace pgrecall
