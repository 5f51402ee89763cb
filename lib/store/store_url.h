#pragma once

#include <string>
#include <string_view>

namespace pgrecall {

// "file:///srv/my%20backup" of an absolute path (RFC 8089, RFC 3986).
[[nodiscard]] std::string file_url(std::string_view path);

// The absolute path, without slashes at its end, of a file URL or a plain path. Error{usage} for anything else.
[[nodiscard]] std::string path_of_url(std::string_view url);

}  // namespace pgrecall
