#include "output/style.h"

#include <unistd.h>

#include <cstdlib>

namespace pgrecall {

Style Style::of_terminal(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool refused = (no_color != nullptr && *no_color != '\0') || term == nullptr || std::string_view(term) == "dumb";
  return Style(!refused && isatty(fd) == 1 ? Colours::on : Colours::off);
}

std::string Style::paint(Tone tone, std::string_view text) const {
  std::string_view code;
  switch (tone) {
    case Tone::plain: break;
    case Tone::strong: code = "1"; break;
    case Tone::faint: code = "2"; break;
    case Tone::good: code = "32"; break;
    case Tone::warning: code = "33"; break;
    case Tone::bad: code = "1;31"; break;
  }
  if (colours_ == Colours::off || code.empty() || text.empty()) {
    return std::string(text);
  }
  std::string out = "\x1b[";
  out.append(code).append("m").append(text).append("\x1b[0m");
  return out;
}

}  // namespace pgrecall
