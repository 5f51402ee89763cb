#include "store/store_url.h"

#include <array>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/object_store.h"
#include "store/posix_store.h"

namespace pgrecall {

namespace {
constexpr std::string_view file_scheme = "file://";

bool plain_in_url(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("/-._~+,=:@").find(c) != std::string_view::npos;
}

[[noreturn]] void refuse(std::string_view url, std::string_view why) {
  throw Error(ErrorKind::usage, "not a store's address: " + std::string(why), "an address is file:///path or /path")
      .with("address", url);
}

char hexadecimal(std::string_view url, std::string_view digits) {
  std::string lower(digits);
  for (char& c : lower) {
    c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  std::array<std::byte, 1> value{};
  if (!from_hex(lower, value) || value[0] == std::byte{0}) {
    refuse(url, "% is not followed by two hexadecimal digits");
  }
  return static_cast<char>(value[0]);
}

std::string decoded(std::string_view url, std::string_view text) {
  std::string path;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      path += hexadecimal(url, text.substr(i + 1, 2));
      i += 2;
    } else if (text[i] == '?' || text[i] == '#') {
      refuse(url, "a file URL has no query and no fragment");
    } else {
      path += text[i];
    }
  }
  return path;
}
}  // namespace

std::string file_url(std::string_view path) {
  std::string url(file_scheme);
  for (const char c : path) {
    if (plain_in_url(c)) {
      url += c;
    } else {
      url += '%';
      url += to_hex(bytes_of(std::string_view(&c, 1)));
    }
  }
  return url;
}

std::string path_of_url(std::string_view url) {
  std::string path;
  if (url.starts_with(file_scheme)) {
    path = decoded(url, url.substr(file_scheme.size()));
    if (!path.starts_with('/')) {
      refuse(url, "a file URL has three slashes and no host");
    }
  } else if (url.starts_with('/')) {
    path = url;
  } else {
    refuse(url, url.find("://") == std::string_view::npos ? "the path is not absolute" : "no such kind of store");
  }
  while (path.ends_with('/')) {
    path.pop_back();
  }
  if (path.empty()) {
    refuse(url, "the root of the file system cannot be a repository");
  }
  return path;
}

std::unique_ptr<ObjectStore> open_store(const std::string& url) {
  static const SystemClock clock;
  return std::make_unique<PosixStore>(path_of_url(url), clock);
}

}  // namespace pgrecall
