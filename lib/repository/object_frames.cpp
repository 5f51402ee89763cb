#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "repository/repository.h"

namespace pgrecall {

namespace {

// What a JSON payload may be at most; the largest, a summary with 1000 page failures, stays far below.
constexpr std::uint32_t max_json_size = 4U << 20U;

Error cut_short(const std::string& object_name, std::uint64_t offset, std::uint64_t expected, std::uint64_t found) {
  return Error(ErrorKind::corruption, "object ends too early", "run pgrecall verify to see what else is damaged")
      .with("object", object_name)
      .with("offset", offset)
      .with("expected", expected)
      .with("found", found);
}

// Memory that only grows: no steady cost for frames of changing size.
MutableByteView room(Bytes& buffer, std::size_t size) {
  if (buffer.size() < size) {
    buffer.resize(size);
  }
  return MutableByteView(buffer).first(size);
}

}  // namespace

ObjectFrames::ObjectFrames(std::unique_ptr<ObjectReader> reader, FrameReader frames)
    : reader_(std::move(reader)), frames_(std::move(frames)) {}

std::optional<ObjectFrames> ObjectFrames::open(const Repository& repository, ObjectKind kind, const std::string& name) {
  auto reader = repository.store().open(name);
  if (!reader) {
    return std::nullopt;
  }
  ObjectHeader header;
  const std::size_t size = reader->read(0, header);
  check_object_header(ByteView(header).first(size), kind, name, repository.sealed());
  return ObjectFrames(std::move(reader), FrameReader(name, header, repository.data_key()));
}

FrameHeader ObjectFrames::read_header(MutableByteView bytes) const {
  const std::size_t found = reader_->read(at_, bytes);
  const FrameHeader header = frames_.parse_header(bytes.first(found), at_);
  if (header.number != number_) {
    throw Error(ErrorKind::corruption, "frames of an object are out of order", "run pgrecall verify to see what else is damaged")
        .with("object", frames_.object_name())
        .with("offset", at_)
        .with("expected", number_)
        .with("found", header.number);
  }
  const std::uint64_t end = at_ + frame_header_size + header.body_size;
  const std::uint64_t size = reader_->size();
  // Before memory is asked for: a damaged length asks for no more than the object has.
  if (end > size) {
    throw cut_short(frames_.object_name(), at_, end, size);
  }
  if (header.last && end != size) {
    throw Error(ErrorKind::corruption, "bytes follow the last frame", "run pgrecall verify to see what else is damaged")
        .with("object", frames_.object_name())
        .with("offset", end)
        .with("expected", end)
        .with("found", size);
  }
  return header;
}

std::optional<ByteView> ObjectFrames::next() {
  if (ended_) {
    return std::nullopt;
  }
  std::array<std::byte, frame_header_size> header_bytes;
  const FrameHeader header = read_header(header_bytes);
  const std::uint64_t end = at_ + frame_header_size + header.body_size;
  const MutableByteView body = room(body_, header.body_size);
  const std::size_t got = reader_->read(at_ + frame_header_size, body);
  if (got != body.size()) {
    throw cut_short(frames_.object_name(), at_, body.size(), got);
  }
  const MutableByteView raw = room(raw_, header.raw_size);
  digest_ = frames_.read(header, header_bytes, body, at_, raw);
  at_ = end;
  ++number_;
  ended_ = header.last;
  return raw;
}

ByteView ObjectFrames::last() {
  std::array<std::byte, frame_header_size> header_bytes;
  for (FrameHeader header = read_header(header_bytes); !header.last; header = read_header(header_bytes)) {
    at_ += frame_header_size + header.body_size;
    ++number_;
  }
  return next().value();
}

ObjectFramesWriter::ObjectFramesWriter(const Repository& repository, ObjectKind kind, const std::string& name,
                                       Compression compression, std::function<void(ByteView)> sink)
    : header_(make_object_header(kind, name, repository.sealed())),
      writer_(header_, repository.data_key()),
      compressor_(compression),
      sink_(std::move(sink)) {
  sink_(header_);
}

void ObjectFramesWriter::add(ByteView raw, FrameWriter::Position position) {
  if (raw.size() > max_frame_raw_size) {
    throw Error(ErrorKind::failed, "too much for one frame").with("size", raw.size());
  }
  const Compressed compressed = compressor_.compress(raw);
  const MutableByteView frame = room(frame_, writer_.frame_size(compressed.bytes.size()));
  writer_.write(compressed, static_cast<std::uint32_t>(raw.size()), sha256(raw), number_, position, frame);
  ++number_;
  sink_(frame);
}

PutResult put_json(const Repository& repository, ObjectKind kind, const std::string& name, std::string_view json) {
  if (json.size() > max_json_size) {
    throw Error(ErrorKind::failed, "too much for one JSON object").with("object", name).with("size", json.size());
  }
  Bytes object;
  const auto append = [&](ByteView bytes) { object.insert(object.end(), bytes.begin(), bytes.end()); };
  ObjectFramesWriter writer(repository, kind, name, Compression{}, append);
  writer.add(bytes_of(json), FrameWriter::Position::last);
  return repository.store().put(name, MemoryBody(object));
}

std::optional<std::string> read_json(const Repository& repository, ObjectKind kind, const std::string& name) {
  auto frames = ObjectFrames::open(repository, kind, name);
  if (!frames) {
    return std::nullopt;
  }
  const auto payload = frames->next();
  std::string json(text_of(payload.value_or(ByteView())));
  if (frames->next()) {
    throw Error(ErrorKind::corruption, "object has more frames than one", "run pgrecall verify to see what else is damaged")
        .with("object", name);
  }
  return json;
}

}  // namespace pgrecall
