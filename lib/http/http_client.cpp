#include "http/http_client.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "http/curl.h"

namespace pgrecall {

namespace {
void set_request(CURL* handle, const HttpCall& request, const CurlList& headers) {
  curl_easy_setopt(handle, CURLOPT_URL, request.url.reveal().c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "pgrecall");
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  if (request.method == HttpCall::Method::get) {
    curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
    return;
  }
  if (request.method == HttpCall::Method::patch) {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "PATCH");
  }
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
}

constexpr curl_off_t longest_wait = 86'400;  // seconds

std::optional<curl_off_t> number_in_header(CURL* handle, const char* name) {
  curl_header* header = nullptr;
  if (curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
    return std::nullopt;
  }
  const std::string_view text(header->value);
  curl_off_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 ? std::optional(number) : std::nullopt;
}

std::optional<std::chrono::seconds> rate_limited_for(CURL* handle) {
  const std::optional<curl_off_t> reset = number_in_header(handle, "x-ratelimit-reset");
  if (!reset || number_in_header(handle, "x-ratelimit-remaining") != 0) {
    return std::nullopt;
  }
  return std::chrono::seconds(std::min(*reset, longest_wait));
}

// libcurl reads numbers and dates, and makes 0 of what is neither and of a date that is past.
std::optional<std::chrono::seconds> retry_after(CURL* handle) {
  curl_off_t seconds = 0;
  if (curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK || seconds <= 0) {
    return std::nullopt;
  }
  return std::chrono::seconds(std::min(seconds, longest_wait));
}

std::string part_of(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) {
    return {};
  }
  std::string copy(text);
  curl_free(text);
  return copy;
}

std::string_view name_of(HttpCall::Method method) {
  switch (method) {
    case HttpCall::Method::get: return "the GET";
    case HttpCall::Method::post: return "the POST";
    case HttpCall::Method::patch: return "the PATCH";
  }
  return "";
}

// Scheme and host.
std::string redirect_of(CURL* handle) {
  char* target = nullptr;
  const std::unique_ptr<CURLU, FreeCurl> parts(curl_url());
  if (curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &target) != CURLE_OK || target == nullptr || parts == nullptr ||
      curl_url_set(parts.get(), CURLUPART_URL, target, 0) != CURLUE_OK) {
    return {};
  }
  return part_of(parts.get(), CURLUPART_SCHEME) + "://" + part_of(parts.get(), CURLUPART_HOST);
}

CurlList headers_of(const HttpCall& request) {
  CurlList headers;
  append(headers, "Expect:");  // no pause of a second before bodies over 1 MiB
  for (const auto& [name, value] : request.headers) {
    if (value.reveal().find_first_of("\r\n") != std::string::npos) {
      throw Error(ErrorKind::configuration, "a line end stands in header " + name, "look at the secret that it is made of");
    }
    append(headers, name + ": " + value.reveal());
  }
  return headers;
}
}  // namespace

std::string host_of(const Secret& url) {
  const std::unique_ptr<CURLU, FreeCurl> parts(curl_url());
  if (parts == nullptr || curl_url_set(parts.get(), CURLUPART_URL, url.reveal().c_str(), 0) != CURLUE_OK) {
    return "";
  }
  return part_of(parts.get(), CURLUPART_HOST);
}

std::variant<HttpReply, NoReply> http_request(const HttpCall& request) {
  const Curl handle = make_curl();
  const CurlList headers = headers_of(request);
  HttpReply reply;
  set_request(handle.get(), request, headers);
  set_limits(handle.get(), {request.connect_timeout, request.timeout, request.ca_file});
  watch_stop(handle.get(), request.stop);
  collect_body(handle.get(), reply.body);
  const CurlWords words(handle.get());
  if (const CURLcode code = curl_easy_perform(handle.get()); code != CURLE_OK) {
    return no_reply(code, name_of(request.method), host_of(request.url), words);
  }
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  reply.retry_after = retry_after(handle.get());
  reply.rate_limited_for = rate_limited_for(handle.get());
  reply.redirect = redirect_of(handle.get());
  return reply;
}

}  // namespace pgrecall
