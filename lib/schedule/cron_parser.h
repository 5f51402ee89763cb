#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "schedule/cron_expression.h"

namespace pgrecall {

struct CronField;

// Reads one text; used by CronExpression::parse() alone.
class CronParser {
 public:
  explicit CronParser(std::string_view text) : text_(text) {}
  [[nodiscard]] std::variant<CronExpression, CronProblem> parse();

 private:
  using Outcome = std::optional<CronProblem>;  // nothing: it was read

  [[nodiscard]] Outcome read(std::string_view fields_text);
  [[nodiscard]] Outcome read_field(std::string_view part, const CronField& field, std::uint64_t& bits);
  [[nodiscard]] Outcome read_item(std::string_view item, const CronField& field, std::uint64_t& bits);
  [[nodiscard]] Outcome read_range(std::string_view item, const CronField& field, std::uint64_t& bits);
  [[nodiscard]] Outcome read_bounds(std::string_view range, const CronField& field, unsigned& first, unsigned& last) const;
  // What only days of the month or of the week may be; nothing when the item is none of these.
  [[nodiscard]] std::optional<Outcome> read_special(std::string_view item, const CronField& field);
  [[nodiscard]] std::optional<Outcome> read_nth_weekday(std::string_view item, const CronField& field);
  [[nodiscard]] std::variant<unsigned, CronProblem> read_value(std::string_view text, const CronField& field) const;

  // The problem at a part of the text, which must lie within it.
  [[nodiscard]] CronProblem problem_at(std::string_view part, std::string what, std::string hint) const;
  [[nodiscard]] CronProblem wrong_item(std::string_view item, const CronField& field) const;

  std::string_view text_;
  std::string_view base_;  // what positions count in: the text, or what an @word stands for
  CronExpression found_;
};

}  // namespace pgrecall
