#include "codec/sealing.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/hash.h"

namespace pgrecall {

namespace {

constexpr std::size_t nonce_size = 12;
constexpr std::string_view object_key_info = "pgrecall 1 object";

using Nonce = std::array<std::byte, nonce_size>;

void require(bool ok, const char* what) {
  if (!ok) {
    throw Error(ErrorKind::failed, std::string("OpenSSL: ") + what + " failed");
  }
}

const unsigned char* octets(const std::byte* at) { return reinterpret_cast<const unsigned char*>(at); }
unsigned char* octets(std::byte* at) { return reinterpret_cast<unsigned char*>(at); }

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

// Fetched once: looking the algorithm up by name takes longer than sealing a page.
const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return algorithm;
}

enum class Direction { open = 0, seal = 1 };

CipherContext make_context(Direction direction, ByteView key) {
  CipherContext context(EVP_CIPHER_CTX_new());
  require(context && EVP_CipherInit_ex(context.get(), aes_256_gcm(), nullptr, octets(key.data()), nullptr,
                                       static_cast<int>(direction)) == 1,
          "AES-256-GCM start");
  return context;
}

void begin(EVP_CIPHER_CTX* context, const Nonce& nonce, std::initializer_list<ByteView> associated) {
  require(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, octets(nonce.data()), -1) == 1, "AES-256-GCM nonce");
  for (const ByteView part : associated) {
    int ignored = 0;
    require(EVP_CipherUpdate(context, nullptr, &ignored, octets(part.data()), static_cast<int>(part.size())) == 1,
            "AES-256-GCM associated data");
  }
}

void seal_into(EVP_CIPHER_CTX* context, const Nonce& nonce, std::initializer_list<ByteView> associated,
               std::initializer_list<ByteView> plain, MutableByteView out) {
  std::size_t total = seal_overhead;
  for (const ByteView part : plain) {
    total += part.size();
  }
  require(total == out.size(), "AES-256-GCM output size");
  begin(context, nonce, associated);
  std::byte* at = out.data();
  int written = 0;
  for (const ByteView part : plain) {
    if (!part.empty()) {
      require(EVP_CipherUpdate(context, octets(at), &written, octets(part.data()), static_cast<int>(part.size())) == 1,
              "AES-256-GCM sealing");
      at += written;
    }
  }
  require(EVP_CipherFinal_ex(context, octets(at), &written) == 1 &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(seal_overhead), at) == 1,
          "AES-256-GCM end");
}

bool open_into(EVP_CIPHER_CTX* context, const Nonce& nonce, std::initializer_list<ByteView> associated, ByteView sealed,
               MutableByteView out) {
  if (sealed.size() < seal_overhead || out.size() != sealed.size() - seal_overhead) {
    return false;
  }
  begin(context, nonce, associated);
  int written = 0;
  if (!out.empty()) {
    require(EVP_CipherUpdate(context, octets(out.data()), &written, octets(sealed.data()), static_cast<int>(out.size())) == 1,
            "AES-256-GCM opening");
  }
  std::array<std::byte, seal_overhead> tag{};
  std::copy(sealed.end() - seal_overhead, sealed.end(), tag.begin());
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), tag.data()) == 1, "AES-256-GCM tag");
  return EVP_CipherFinal_ex(context, octets(out.data() + out.size()), &written) == 1;
}

Nonce frame_nonce(std::uint32_t number) {
  Nonce nonce{};
  store_big(nonce.data() + 8, number);
  return nonce;
}

}  // namespace

Key::Key(ByteView thirty_two_bytes) {
  require(thirty_two_bytes.size() == bytes_.size(), "taking a key that is not 32 bytes");
  std::copy(thirty_two_bytes.begin(), thirty_two_bytes.end(), bytes_.begin());
}

Key::~Key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

Key Key::random() {
  Key key;
  fill_random(key.bytes_);
  return key;
}

// A context serves one direction; most sealers only ever need one.
struct Sealer::State {
  explicit State(Key object_key) : key(std::move(object_key)) {}

  EVP_CIPHER_CTX* context(Direction direction) {
    CipherContext& wanted = direction == Direction::seal ? sealing : opening;
    if (!wanted) {
      wanted = make_context(direction, key.reveal());
    }
    return wanted.get();
  }

  Key key;
  CipherContext sealing;
  CipherContext opening;
};

Sealer::Sealer(const Key& data_key, ByteView salt) {
  auto object_key = hkdf_sha256(data_key.reveal(), salt, bytes_of(object_key_info));
  state_ = std::make_unique<State>(Key(object_key));
  OPENSSL_cleanse(object_key.data(), object_key.size());
}
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;
Sealer::~Sealer() = default;

void Sealer::seal(std::uint32_t number, std::initializer_list<ByteView> associated, std::initializer_list<ByteView> plain,
                  MutableByteView out) {
  seal_into(state_->context(Direction::seal), frame_nonce(number), associated, plain, out);
}

bool Sealer::open(std::uint32_t number, std::initializer_list<ByteView> associated, ByteView sealed, MutableByteView out) {
  return open_into(state_->context(Direction::open), frame_nonce(number), associated, sealed, out);
}

Bytes wrap(const Key& key, ByteView plain, std::string_view associated) {
  Nonce nonce;
  fill_random(nonce);
  Bytes out(nonce_size + plain.size() + seal_overhead);
  std::copy(nonce.begin(), nonce.end(), out.begin());
  const CipherContext context = make_context(Direction::seal, key.reveal());
  seal_into(context.get(), nonce, {bytes_of(associated)}, {plain}, MutableByteView(out).subspan(nonce_size));
  return out;
}

Bytes unwrap(const Key& key, ByteView wrapped, std::string_view associated) {
  if (wrapped.size() <= nonce_size + seal_overhead) {
    return {};
  }
  Nonce nonce;
  std::copy_n(wrapped.begin(), nonce_size, nonce.begin());
  Bytes out(wrapped.size() - nonce_size - seal_overhead);
  const CipherContext context = make_context(Direction::open, key.reveal());
  if (!open_into(context.get(), nonce, {bytes_of(associated)}, wrapped.subspan(nonce_size), out)) {
    OPENSSL_cleanse(out.data(), out.size());
    return {};
  }
  return out;
}

}  // namespace pgrecall
