#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/secret.h"

// HTTP and SMTP by libcurl: one exchange, in the calling thread. Safe for many threads. Proxies are those of the environment.

namespace pgrecall {

struct HttpCall {
  enum class Method { get, post, patch };
  Method method = Method::post;
  Secret url;                                           // http or https; webhook addresses are secrets
  std::vector<std::pair<std::string, Secret>> headers;  // names and values, without line ends
  std::string body;                                     // of a POST or PATCH
  std::optional<std::string> ca_file;                   // PEM; unset: the system's certificates
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(10);
  std::chrono::milliseconds timeout = std::chrono::seconds(20);  // of the whole
  std::stop_token stop;                                          // ends it, within a second or so
};

struct HttpReply {
  long status = 0;   // 200, 404 ...
  std::string body;  // the first 64 KiB
  // What Retry-After asks for, be it a number or a date (RFC 9110, section 10.2.3), and at most a day.
  std::optional<std::chrono::seconds> retry_after;
  // When no more requests are let through: until when, as x-ratelimit-remaining and x-ratelimit-reset (seconds) say it; at most a
  // day.
  std::optional<std::chrono::seconds> rate_limited_for;
  std::string redirect;  // "https://example.com": where a redirect points to, without what may be secret
  std::string remark;    // of what was taken: what of it was not; mostly empty

  [[nodiscard]] bool good() const noexcept { return status >= 200 && status < 300; }
};

// Why there is no reply. That peers are away is expected, hence a value.
struct NoReply {
  // For counters: "dns", "connect", "tls", "timeout", "address", "cancelled", "login" or "protocol".
  std::string reason;
  // For people; of the address it has the host alone.
  std::string text;
};

// Redirects are not followed: they are replies. Error{failed} only where libcurl itself does not work.
[[nodiscard]] std::variant<HttpReply, NoReply> http_request(const HttpCall& request);

struct MailDelivery {
  enum class Encryption { starttls, tls, none };
  std::string server;  // "mail.example.com:587"
  Encryption encryption = Encryption::starttls;
  std::string from;  // bare addresses
  std::vector<std::string> to;
  std::optional<std::string> user;
  Secret password;
  std::string message;  // headers, an empty line, the body: RFC 5322 with CRLF; lines that begin with a dot are taken care of
  std::optional<std::string> ca_file;
  std::chrono::milliseconds timeout = std::chrono::seconds(20);
  std::stop_token stop;
};

// Hands a mail to an SMTP server, which may refuse: then the reply has its code (550 ...) and its words. Recipients that it
// refuses keep it from no other; it is refused when all are.
[[nodiscard]] std::variant<HttpReply, NoReply> send_mail(const MailDelivery& mail);

// "hooks.example.com": what else is in an address may be secret. Empty for what is none.
[[nodiscard]] std::string host_of(const Secret& url);

}  // namespace pgrecall
