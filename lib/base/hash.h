#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/bytes.h"

struct evp_md_ctx_st;

namespace pgrecall {

struct Sha256Digest {
  std::array<std::byte, 32> bytes{};

  auto operator<=>(const Sha256Digest&) const = default;
  [[nodiscard]] std::string to_string() const { return to_hex(bytes); }
};

// SHA-256 of one run of bytes.
[[nodiscard]] Sha256Digest sha256(ByteView bytes);

// SHA-256 of bytes that come in pieces. Not for use by two threads at once.
class Sha256 {
 public:
  Sha256();
  void update(ByteView bytes);
  // Ends the digest; the object starts anew.
  [[nodiscard]] Sha256Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// HKDF-SHA256 (RFC 5869) of `key`, 32 bytes out.
[[nodiscard]] std::array<std::byte, 32> hkdf_sha256(ByteView key, ByteView salt, ByteView info);

// Bytes from the kernel's generator.
void fill_random(MutableByteView out);
// 2 * `count` lower-case hexadecimal digits.
[[nodiscard]] std::string random_hex(std::size_t count);

}  // namespace pgrecall
