#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace pgrecall {

struct HttpReply {
  long status = 0;   // 200, 404 ...
  std::string body;  // the first 64 KiB

  [[nodiscard]] bool good() const noexcept { return status >= 200 && status < 300; }
};

// One POST by libcurl, over http or https with the system's certificates; redirects are not followed, and proxies are those of
// the environment. Any reply is a reply; throws Error{failed}, marked as passing where another attempt may succeed, when there is
// none. Addresses of webhooks are secrets: messages name the host alone. Blocks, at most for `timeout`; safe for many threads.
[[nodiscard]] HttpReply http_post(const Secret& url, std::string_view content_type, std::string_view body,
                                  std::chrono::milliseconds timeout);

}  // namespace pgrecall
