#include "http/curl.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

namespace {
constexpr std::size_t longest_body = 64U << 10U;  // bytes

void start_libcurl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) {
    throw Error(ErrorKind::failed, fmt::format("libcurl does not start: {}", curl_easy_strerror(started)));
  }
}

std::size_t take_body(const char* data, std::size_t, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  body.append(data, std::min(count, longest_body - body.size()));
  return count;  // what is left out is no error
}

int stop_asked(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

const char* reason_of(CURLcode code) noexcept {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return "dns";
    case CURLE_COULDNT_CONNECT: return "connect";
    case CURLE_OPERATION_TIMEDOUT: return "timeout";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED: return "tls";
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return "address";
    case CURLE_ABORTED_BY_CALLBACK: return "cancelled";
    case CURLE_LOGIN_DENIED: return "login";
    default: return "protocol";
  }
}
}  // namespace

Curl make_curl() {
  start_libcurl();
  Curl handle(curl_easy_init());
  if (handle == nullptr) {
    throw Error(ErrorKind::failed, "libcurl has no memory");
  }
  return handle;
}

void append(CurlList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) {
    throw Error(ErrorKind::failed, "libcurl has no memory");
  }
  static_cast<void>(list.release());  // it is the beginning of the longer one
  list.reset(longer);
}

void set_limits(CURL* handle, const CurlLimits& limits) {
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(std::min(limits.connect_timeout, limits.timeout).count()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.timeout.count()));
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);  // timeouts of the resolver must not raise SIGALRM in a program with threads
  if (limits.ca_file) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, limits.ca_file->c_str());
  }
}

void watch_stop(CURL* handle, const std::stop_token& stop) {
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, stop_asked);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &stop);
}

void collect_body(CURL* handle, std::string& body) {
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body);
}

CurlWords::CurlWords(CURL* handle) : handle_(handle) { curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, words_.data()); }

CurlWords::~CurlWords() { curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, nullptr); }

NoReply no_reply(CURLcode code, std::string_view what, std::string_view host, const CurlWords& words) {
  const std::string_view reason = reason_of(code);
  // Which of the many things that may be wrong with a certificate. Elsewhere the words may have parts of an address.
  const bool tell_words = reason == "tls" && !words.text().empty();
  return {reason_of(code), fmt::format("{} failed: {}{}", what, tell_words ? words.text() : curl_easy_strerror(code),
                                       host.empty() ? std::string() : fmt::format(" (host={})", host))};
}

}  // namespace pgrecall
