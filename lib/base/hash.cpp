#include "base/hash.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "base/error.h"

namespace pgrecall {

namespace {
void require(bool ok, const char* what) {
  if (!ok) {
    throw Error(ErrorKind::failed, std::string("OpenSSL: ") + what + " failed");
  }
}

// Fetched once: looking the algorithm up by name at each call costs more than hashing a page does.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}
}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr && EVP_DigestInit_ex(context_.get(), sha256_algorithm(), nullptr) == 1, "SHA-256 start");
}

void Sha256::update(ByteView bytes) { require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256"); }

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  unsigned length = 0;
  require(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.bytes.data()), &length) == 1 &&
              length == digest.bytes.size() && EVP_DigestInit_ex(context_.get(), sha256_algorithm(), nullptr) == 1,
          "SHA-256 end");
  return digest;
}

Sha256Digest sha256(ByteView bytes) {
  thread_local Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::array<std::byte, 32> hkdf_sha256(ByteView key, ByteView salt, ByteView info) {
  std::array<std::byte, 32> out{};
  std::size_t length = out.size();
  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr),
                                                                      EVP_PKEY_CTX_free);
  const auto chars = [](ByteView view) { return reinterpret_cast<const unsigned char*>(view.data()); };
  // OpenSSL refuses an empty salt or info, which RFC 5869 allows; not setting them means the same.
  require(context && EVP_PKEY_derive_init(context.get()) > 0 && EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) > 0 &&
              (salt.empty() || EVP_PKEY_CTX_set1_hkdf_salt(context.get(), chars(salt), static_cast<int>(salt.size())) > 0) &&
              EVP_PKEY_CTX_set1_hkdf_key(context.get(), chars(key), static_cast<int>(key.size())) > 0 &&
              (info.empty() || EVP_PKEY_CTX_add1_hkdf_info(context.get(), chars(info), static_cast<int>(info.size())) > 0) &&
              EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length) > 0,
          "HKDF");
  return out;
}

void fill_random(MutableByteView out) {
  require(RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) == 1, "random bytes");
}

std::string random_hex(std::size_t count) {
  Bytes bytes(count);
  fill_random(bytes);
  return to_hex(bytes);
}

}  // namespace pgrecall
