#include "http/http_post.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>

#include "base/error.h"

namespace pgrecall {

namespace {
constexpr std::size_t longest_body = 64U << 10U;  // bytes

struct FreeHandle {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};

// libcurl is set up once, before threads use it.
void start_libcurl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) {
    throw Error(ErrorKind::failed, fmt::format("libcurl does not start: {}", curl_easy_strerror(started)));
  }
}

// "hooks.example.com"; what else is in the address may be secret.
std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, FreeUrl> parts(curl_url());
  char* host = nullptr;
  if (parts == nullptr || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parts.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return "";
  }
  std::string copy(host);
  curl_free(host);
  return copy;
}

std::size_t take_body(const char* data, std::size_t, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  body.append(data, std::min(count, longest_body - body.size()));
  return count;  // what is left out is no error
}

bool may_pass(CURLcode code) noexcept {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return true;
    default: return false;
  }
}

void set_options(CURL* handle, const Secret& url, curl_slist* headers, std::string_view body, std::chrono::milliseconds timeout) {
  curl_easy_setopt(handle, CURLOPT_URL, url.reveal().c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);  // timeouts of the resolver must not raise SIGALRM in a program with threads
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
}
}  // namespace

HttpReply http_post(const Secret& url, std::string_view content_type, std::string_view body, std::chrono::milliseconds timeout) {
  start_libcurl();
  const std::unique_ptr<CURL, FreeHandle> handle(curl_easy_init());
  const std::unique_ptr<curl_slist, FreeList> headers(
      curl_slist_append(nullptr, fmt::format("Content-Type: {}", content_type).c_str()));
  if (handle == nullptr || headers == nullptr) {
    throw Error(ErrorKind::failed, "libcurl has no memory");
  }
  HttpReply reply;
  set_options(handle.get(), url, headers.get(), body, timeout);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &reply.body);
  if (const CURLcode code = curl_easy_perform(handle.get()); code != CURLE_OK) {
    Error error(ErrorKind::failed, fmt::format("the POST failed: {}", curl_easy_strerror(code)));
    error.with("host", host_of(url.reveal()));
    throw may_pass(code) ? std::move(error).mark_passing() : std::move(error);
  }
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

}  // namespace pgrecall
