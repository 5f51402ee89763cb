#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"

struct evp_cipher_ctx_st;

namespace pgrecall {

// A key of 32 bytes. Wiped when destroyed; has no formatter.
class Key {
 public:
  explicit Key(ByteView thirty_two_bytes);
  [[nodiscard]] static Key random();
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key();
  [[nodiscard]] ByteView reveal() const noexcept { return bytes_; }

 private:
  Key() = default;
  std::array<std::byte, 32> bytes_{};
};

inline constexpr std::size_t seal_overhead = 16;  // the tag behind each sealed run

// AES-256-GCM for the frames of one object. Its key is HKDF-SHA256(data key, the object's random salt), so frame numbers serve as
// nonces: the pair is never used twice, since an object is written once. Not for use by two threads at once.
class Sealer {
 public:
  Sealer(const Key& data_key, ByteView salt);
  Sealer(Sealer&&) noexcept;
  Sealer& operator=(Sealer&&) noexcept;
  ~Sealer();

  // `out` has the size of all parts of `plain` and seal_overhead. `associated` is authenticated, not stored.
  void seal(std::uint32_t number, std::initializer_list<ByteView> associated, std::initializer_list<ByteView> plain,
            MutableByteView out);
  // `out` has sealed.size() - seal_overhead bytes. False when anything was changed; `out` must then not be used.
  [[nodiscard]] bool open(std::uint32_t number, std::initializer_list<ByteView> associated, ByteView sealed, MutableByteView out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// AES-256-GCM with a random nonce, for wrapping keys: nonce (12), sealed bytes, tag (16).
[[nodiscard]] Bytes wrap(const Key& key, ByteView plain, std::string_view associated);
// Empty when the key or the bytes are wrong.
[[nodiscard]] Bytes unwrap(const Key& key, ByteView wrapped, std::string_view associated);

}  // namespace pgrecall
