#include "base/percent.h"

#include <charconv>

namespace pgrecall {

std::string percent_decoded(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned value = 0;
    if (text[at] == '%' && text.size() - at > 2 &&
        std::from_chars(&text[at + 1], &text[at + 3], value, 16).ptr == &text[at + 3]) {
      plain += static_cast<char>(value);
      at += 2;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

}  // namespace pgrecall
