#include "service/tls_identity.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/error.h"

namespace pgrecall {

namespace {
std::string newest_problem() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "unknown" : reason;
}

[[noreturn]] void refuse(const std::string& what, const std::string& file) {
  throw Error(ErrorKind::configuration, what + ": " + newest_problem(),
              "look at metrics.tls_certificate and metrics.tls_key: both are PEM files, and the key has no passphrase")
      .with("file", file);
}

// OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }
}  // namespace

std::shared_ptr<SSL_CTX> read_tls_identity(const std::string& certificate_file, const std::string& key_file) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1) {
    refuse("TLS cannot be set up", certificate_file);
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    refuse("cannot use the certificate", certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    refuse("cannot use the private key", key_file);
  }
  return context;
}

}  // namespace pgrecall
