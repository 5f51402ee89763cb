#pragma once

#include <memory>
#include <string>

typedef struct ssl_ctx_st SSL_CTX;

namespace pgrecall {

// A server's certificate chain and private key, read from PEM files now, for TLS 1.2 and newer. Error{configuration} when a file
// cannot be read, is none, or the key is another certificate's.
[[nodiscard]] std::shared_ptr<SSL_CTX> read_tls_identity(const std::string& certificate_file, const std::string& key_file);

}  // namespace pgrecall
