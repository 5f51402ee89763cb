#pragma once

#include <string>
#include <utility>

namespace pgrecall {

// A password, key or webhook address. It has no formatter, no comparison and no conversion, so it cannot reach a log
// or a message by accident; whoever needs the text says reveal() and answers for it. Wiped when destroyed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  [[nodiscard]] const std::string& reveal() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

 private:
  void wipe() noexcept;

  std::string text_;
};

}  // namespace pgrecall
