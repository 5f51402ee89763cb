#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "http/http_client.h"

// What HTTP and SMTP have in common. Of this module alone.

namespace pgrecall {

struct FreeCurl {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
using Curl = std::unique_ptr<CURL, FreeCurl>;
using CurlList = std::unique_ptr<curl_slist, FreeCurl>;

// A handle; libcurl is set up once, before threads use it. Error{failed}.
[[nodiscard]] Curl make_curl();
void append(CurlList& list, const std::string& line);

struct CurlLimits {
  std::chrono::milliseconds connect_timeout;
  std::chrono::milliseconds timeout;
  const std::optional<std::string>& ca_file;
};
void set_limits(CURL* handle, const CurlLimits& limits);
// `stop` is borrowed until the exchange is over.
void watch_stop(CURL* handle, const std::stop_token& stop);
// What the peer sends goes to `body`, up to a bound; borrowed likewise.
void collect_body(CURL* handle, std::string& body);

// What libcurl says of an error beyond its code, for as long as the handle is used.
class CurlWords {
 public:
  explicit CurlWords(CURL* handle);
  ~CurlWords();
  CurlWords(const CurlWords&) = delete;
  CurlWords& operator=(const CurlWords&) = delete;
  [[nodiscard]] std::string_view text() const { return words_.data(); }

 private:
  CURL* handle_;
  std::array<char, CURL_ERROR_SIZE> words_{};
};

[[nodiscard]] NoReply no_reply(CURLcode code, std::string_view what, std::string_view host, const CurlWords& words);

}  // namespace pgrecall
