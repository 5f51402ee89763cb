#include "codec/frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace pgrecall {

namespace {

constexpr std::size_t digest_size = 32;
constexpr std::uint8_t last_flag = 1;

Error damaged(std::string_view what, std::string_view object_name, std::uint64_t offset) {
  return Error(ErrorKind::corruption, std::string(what), "run pgrecall verify to see what else is damaged")
      .with("object", object_name)
      .with("offset", offset);
}

Error damaged(std::string_view what, std::string_view object_name, std::uint64_t offset, std::uint64_t expected,
              std::uint64_t found) {
  return damaged(what, object_name, offset).with("expected", expected).with("found", found);
}

// RFC 1071, over little-endian words; a last odd byte counts as the low one. It notices any change of a single byte, which the
// digest of the raw bytes does not when the changed bytes happen to decompress to the same.
std::uint16_t stored_check(ByteView bytes) noexcept {
  std::uint64_t sum = 0;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    sum += (word & 0xffffffffU) + (word >> 32U);
  }
  for (unsigned shift = 0; at < bytes.size(); ++at, shift ^= 8U) {
    sum += std::to_integer<std::uint64_t>(bytes[at]) << shift;
  }
  while (sum > 0xffffU) {
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(sum);
}

// Sealed bytes have their tag, and uncompressed ones the digest.
std::uint16_t check_of(CompressionMethod method, ByteView compressed, bool sealed) noexcept {
  return sealed || method == CompressionMethod::none ? std::uint16_t{0} : stored_check(compressed);
}

}  // namespace

FrameWriter::FrameWriter(const ObjectHeader& header, const Key* data_key) : header_(header) {
  if (data_key != nullptr) {
    sealer_.emplace(*data_key, ByteView(header).subspan(32));
  }
}

std::size_t FrameWriter::frame_size(std::size_t compressed_size) const noexcept {
  return frame_header_size + digest_size + compressed_size + (sealer_ ? seal_overhead : 0);
}

void FrameWriter::write(const Compressed& compressed, std::uint32_t raw_size, const Sha256Digest& digest, std::uint32_t number,
                        Position position, MutableByteView out) {
  if (out.size() != frame_size(compressed.bytes.size()) || raw_size > max_frame_raw_size || compressed.bytes.size() > raw_size) {
    throw Error(ErrorKind::failed, "a frame of the wrong size was to be written").with("raw_size", raw_size);
  }
  const MutableByteView header = out.first(frame_header_size);
  store_little(header.data(), raw_size);
  store_little(header.data() + 4, static_cast<std::uint32_t>(out.size() - frame_header_size));
  header[8] = static_cast<std::byte>(compressed.method);
  header[9] = static_cast<std::byte>(position == Position::last ? last_flag : 0);
  store_little(header.data() + 10, check_of(compressed.method, compressed.bytes, sealer_.has_value()));
  store_little(header.data() + 12, number);
  const MutableByteView body = out.subspan(frame_header_size);
  if (sealer_) {
    sealer_->seal(number, {header_, header}, {digest.bytes, compressed.bytes}, body);
  } else {
    std::memcpy(body.data(), digest.bytes.data(), digest_size);
    // Not std::ranges::copy, which libstdc++ 12 turns into a loop over single bytes here.
    if (!compressed.bytes.empty()) {
      std::memcpy(body.data() + digest_size, compressed.bytes.data(), compressed.bytes.size());
    }
  }
}

FrameReader::FrameReader(std::string object_name, ByteView header, const Key* data_key) : object_name_(std::move(object_name)) {
  if (header.size() < object_header_size) {
    throw damaged("object is shorter than its header", object_name_, header.size(), object_header_size, header.size());
  }
  std::copy_n(header.begin(), object_header_size, header_.begin());
  if (data_key != nullptr) {
    sealer_.emplace(*data_key, ByteView(header_).subspan(32));
  }
}

FrameHeader FrameReader::parse_header(ByteView header, std::uint64_t offset) const {
  if (header.size() < frame_header_size) {
    throw damaged("object ends within a frame's header", object_name_, offset, frame_header_size, header.size());
  }
  FrameHeader parsed;
  parsed.raw_size = load_little<std::uint32_t>(header.data());
  parsed.body_size = load_little<std::uint32_t>(header.data() + 4);
  const auto method = std::to_integer<std::uint8_t>(header[8]);
  const auto flags = std::to_integer<std::uint8_t>(header[9]);
  parsed.check = load_little<std::uint16_t>(header.data() + 10);
  parsed.number = load_little<std::uint32_t>(header.data() + 12);
  if (parsed.raw_size > max_frame_raw_size) {
    throw damaged("frame is larger than any frame may be", object_name_, offset, max_frame_raw_size, parsed.raw_size);
  }
  if (method > static_cast<std::uint8_t>(CompressionMethod::lz4)) {
    throw damaged("unknown compression", object_name_, offset + 8).with("found", method);
  }
  if (flags > last_flag) {
    throw damaged("unknown flags of a frame", object_name_, offset + 9).with("found", flags);
  }
  parsed.method = static_cast<CompressionMethod>(method);
  parsed.last = flags == last_flag;
  // What compression did not make smaller was stored as it is.
  const std::uint64_t overhead = digest_size + (sealer_ ? seal_overhead : 0);
  const std::uint64_t most = parsed.raw_size + overhead;
  const bool stored_as_is = parsed.method == CompressionMethod::none;
  if (stored_as_is ? parsed.body_size != most : parsed.body_size <= overhead || parsed.body_size >= most) {
    throw damaged("size of a frame's body is impossible", object_name_, offset + 4, most, parsed.body_size);
  }
  if (parsed.check != 0 && (stored_as_is || sealer_)) {
    throw damaged("check of a frame that needs none is not zero", object_name_, offset + 10, 0, parsed.check);
  }
  return parsed;
}

Sha256Digest FrameReader::read(const FrameHeader& header, ByteView header_bytes, ByteView body, std::uint64_t offset,
                               MutableByteView raw) {
  if (body.size() != header.body_size || raw.size() != header.raw_size) {
    throw damaged("object ends within a frame", object_name_, offset, header.body_size, body.size());
  }
  ByteView plain = body;
  if (sealer_) {
    const std::size_t size = body.size() - seal_overhead;
    if (opened_.size() < size) {
      opened_.resize(size);
    }
    const MutableByteView out = MutableByteView(opened_).first(size);
    if (!sealer_->open(header.number, {header_, header_bytes.first(frame_header_size)}, body, out)) {
      throw damaged("sealed frame was changed, or its object's header", object_name_, offset);
    }
    plain = out;
  }
  const ByteView compressed = plain.subspan(digest_size);
  const std::uint16_t check = check_of(header.method, compressed, sealer_.has_value());
  if (check != header.check) {
    throw damaged("compressed bytes of a frame differ from what was stored", object_name_, offset, header.check, check);
  }
  if (!decompressor_.decompress(header.method, compressed, raw)) {
    throw damaged("frame cannot be decompressed", object_name_, offset).with("compression", name(header.method));
  }
  const Sha256Digest found = sha256(raw);
  if (!std::ranges::equal(found.bytes, plain.first(digest_size))) {
    throw damaged("bytes differ from what was stored", object_name_, offset)
        .with("expected", to_hex(plain.first(digest_size)))
        .with("found", found.to_string());
  }
  return found;
}

}  // namespace pgrecall
