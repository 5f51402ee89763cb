#pragma once

#include <optional>
#include <string>
#include <string_view>

// What somebody expects of an answer to a query: "true", "rows", "no rows", or a comparison such as ">= 1000". Pure.

namespace pgrecall {

class Expectation {
 public:
  // Nothing when it is none of these. Blanks around and between do not matter.
  [[nodiscard]] static std::optional<Expectation> parse(std::string_view text);

  // The answer's number of rows, and the first column of its first row; nothing for NULL, or without rows.
  struct Answer {
    std::size_t rows = 0;
    std::optional<std::string> value;
  };
  // Compares as numbers where both are numbers, else as text, byte by byte; of text, only = and != make sense, and the others
  // are never met. NULL meets no comparison but "!=".
  [[nodiscard]] bool met_by(const Answer& answer) const;
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  enum class Kind { is_true, rows, no_rows, equal, different, less, at_most, greater, at_least };
  Expectation(Kind kind, std::string operand, std::string text)
      : kind_(kind), operand_(std::move(operand)), text_(std::move(text)) {}
  [[nodiscard]] bool compares(const std::string& value) const;

  Kind kind_;
  std::string operand_;
  std::string text_;
};

}  // namespace pgrecall
