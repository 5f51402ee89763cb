#pragma once

#include <string>
#include <string_view>

namespace pgrecall {

enum class Tone { plain, strong, faint, good, warning, bad };

// Colours, where whoever reads can see them.
class Style {
 public:
  enum class Colours { off, on };
  explicit Style(Colours colours) : colours_(colours) {}
  // On for a terminal, unless NO_COLOR is set (https://no-color.org) or TERM is dumb.
  [[nodiscard]] static Style of_terminal(int fd);

  [[nodiscard]] std::string paint(Tone tone, std::string_view text) const;

 private:
  Colours colours_;
};

}  // namespace pgrecall
