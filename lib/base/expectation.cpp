#include "base/expectation.h"

#include <array>
#include <charconv>
#include <utility>

namespace pgrecall {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blanks);
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// As long double: 64 bits of precision hold every bigint.
std::optional<long double> number_of(std::string_view text) {
  long double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<Expectation> Expectation::parse(std::string_view text) {
  const std::string_view words = trimmed(text);
  for (const auto& [word, kind] :
       {std::pair<std::string_view, Kind>{"true", Kind::is_true}, {"rows", Kind::rows}, {"no rows", Kind::no_rows}}) {
    if (words == word) {
      return Expectation(kind, {}, std::string(words));
    }
  }
  constexpr std::array<std::pair<std::string_view, Kind>, 7> operators{{{"<=", Kind::at_most},
                                                                        {">=", Kind::at_least},
                                                                        {"!=", Kind::different},
                                                                        {"<>", Kind::different},
                                                                        {"=", Kind::equal},
                                                                        {"<", Kind::less},
                                                                        {">", Kind::greater}}};
  for (const auto& [sign, kind] : operators) {
    if (words.starts_with(sign)) {
      const std::string_view operand = trimmed(words.substr(sign.size()));
      if (operand.empty()) {
        return std::nullopt;
      }
      return Expectation(kind, std::string(operand), std::string(words));
    }
  }
  return std::nullopt;
}

bool Expectation::compares(const std::string& value) const {
  const auto left = number_of(value);
  const auto right = number_of(operand_);
  if (!left || !right) {
    return kind_ == Kind::equal ? value == operand_ : kind_ == Kind::different && value != operand_;
  }
  switch (kind_) {
    case Kind::equal: return !(*left < *right) && !(*left > *right);
    case Kind::different: return *left < *right || *left > *right;
    case Kind::less: return *left < *right;
    case Kind::at_most: return *left <= *right;
    case Kind::greater: return *left > *right;
    case Kind::at_least: return *left >= *right;
    case Kind::is_true:
    case Kind::rows:
    case Kind::no_rows: break;
  }
  return false;
}

bool Expectation::met_by(const Answer& answer) const {
  switch (kind_) {
    case Kind::rows: return answer.rows > 0;
    case Kind::no_rows: return answer.rows == 0;
    case Kind::is_true: return answer.value == "t" || answer.value == "true";
    default: break;
  }
  if (!answer.value) {
    return kind_ == Kind::different && answer.rows > 0;
  }
  return compares(*answer.value);
}

}  // namespace pgrecall
