#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

// The coding of binary payloads: docs/repository-format.md, first paragraph.

namespace pgrecall {

inline void append_byte(Bytes& out, std::uint8_t value) { out.push_back(static_cast<std::byte>(value)); }

inline void append_bytes(Bytes& out, ByteView bytes) {
  if (!bytes.empty()) {
    const std::size_t at = out.size();
    out.resize(at + bytes.size());
    std::memcpy(out.data() + at, bytes.data(), bytes.size());
  }
}

inline void append_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80U) {
    append_byte(out, static_cast<std::uint8_t>(value | 0x80U));
    value >>= 7U;
  }
  append_byte(out, static_cast<std::uint8_t>(value));
}

inline void append_zigzag(Bytes& out, std::int64_t value) {
  append_varint(out, (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
}

inline void append_string(Bytes& out, std::string_view text) {
  append_varint(out, text.size());
  append_bytes(out, bytes_of(text));
}

// Takes a payload apart. Everything that does not fit what is left is an Error{corruption} with the object's name and the place
// in the payload; no count that it returns can make a caller ask for more memory than the payload justifies. Borrows both views.
class PayloadReader {
 public:
  PayloadReader(ByteView payload, std::string_view object_name) : payload_(payload), object_name_(object_name) {}

  [[nodiscard]] std::size_t left() const noexcept { return payload_.size() - at_; }
  [[nodiscard]] bool done() const noexcept { return left() == 0; }

  [[nodiscard]] std::uint8_t byte() { return std::to_integer<std::uint8_t>(take(1)[0]); }

  [[nodiscard]] ByteView take(std::uint64_t size) {
    if (size > left()) {
      fail("payload ends early");
    }
    const ByteView taken = payload_.subspan(at_, static_cast<std::size_t>(size));
    at_ += taken.size();
    return taken;
  }

  // Refuses more than ten bytes, more than 64 bits, and any but the shortest form.
  [[nodiscard]] std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      const std::uint64_t part = byte();
      if ((shift == 63 && part > 1) || (shift > 0 && part == 0)) {
        break;
      }
      value |= (part & 0x7fU) << shift;
      if ((part & 0x80U) == 0) {
        return value;
      }
    }
    fail("malformed varint");
  }

  [[nodiscard]] std::int64_t zigzag() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
  }

  // A varint that is at most `limit`.
  [[nodiscard]] std::uint64_t varint_up_to(std::uint64_t limit, const char* what) {
    const std::uint64_t value = varint();
    if (value > limit) {
      fail(what);
    }
    return value;
  }

  // How many things follow, each of at least `least` bytes.
  [[nodiscard]] std::size_t count(std::size_t least) {
    return static_cast<std::size_t>(varint_up_to(left() / least, "count exceeds the payload"));
  }

  [[nodiscard]] std::string_view string() { return text_of(take(varint())); }

  [[noreturn]] void fail(const char* what) const {
    throw Error(ErrorKind::corruption, what, "run pgrecall verify to see what else is damaged")
        .with("object", object_name_)
        .with("payload_offset", at_);
  }

 private:
  ByteView payload_;
  std::string_view object_name_;
  std::size_t at_ = 0;
};

}  // namespace pgrecall
