#include "schedule/cron_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "base/wording.h"

namespace pgrecall {

struct CronField {
  enum class Kind { minute, hour, day, month, weekday };
  Kind kind;
  std::string_view name;
  unsigned minimum;
  unsigned maximum;
  std::string_view names;  // three letters each, the first for `first_named`
  unsigned first_named;
};

namespace {
using Kind = CronField::Kind;

constexpr std::array<CronField, 5> fields{{{Kind::minute, "minute", 0, 59, "", 0},
                                           {Kind::hour, "hour", 0, 23, "", 0},
                                           {Kind::day, "day of month", 1, 31, "", 0},
                                           {Kind::month, "month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", 1},
                                           {Kind::weekday, "day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT", 0}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> words{{{"@hourly", "0 * * * *"},
                                                                              {"@daily", "0 0 * * *"},
                                                                              {"@midnight", "0 0 * * *"},
                                                                              {"@weekly", "0 0 * * 0"},
                                                                              {"@monthly", "0 0 1 * *"},
                                                                              {"@yearly", "0 0 1 1 *"},
                                                                              {"@annually", "0 0 1 1 *"}}};

constexpr auto five_fields = "write minute, hour, day of month, month and day of week, as in 30 2 * * *";

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return result;
}

// Empty parts included; each part is a view into `text`.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string_view> split_at_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  std::vector<std::string_view> parts;
  for (auto at = text.find_first_not_of(blanks); at != std::string_view::npos; at = text.find_first_not_of(blanks, at)) {
    const auto end = std::min(text.find_first_of(blanks, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end;
  }
  return parts;
}

std::optional<unsigned> number(std::string_view text) {
  constexpr std::size_t most_digits = 4;  // "0005" is 5
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.size() > most_digits || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<unsigned> named_value(std::string_view text, const CronField& field) {
  const std::string wanted = upper(text);
  for (std::size_t at = 0; wanted.size() == 3 && at < field.names.size(); at += 3) {
    if (field.names.substr(at, 3) == wanted) {
      return field.first_named + static_cast<unsigned>(at / 3);
    }
  }
  return std::nullopt;
}

std::string range_hint(const CronField& field) {
  std::string names;
  if (field.kind == Kind::month) {
    names = " or JAN to DEC";
  } else if (field.kind == Kind::weekday) {
    names = " (0 and 7 are Sunday) or SUN to SAT, the last Friday as 5L, the second Monday as MON#2";
  } else if (field.kind == Kind::day) {
    names = " or L for the last";
  }
  return fmt::format("use *, numbers from {} to {}{}, ranges (1-5), steps (*/2) and lists (1,3)", field.minimum, field.maximum,
                     names);
}

// A date repeats, day of week included, after 400 years.
bool ever_fits(const CronExpression& expression) {
  const std::chrono::local_days start(std::chrono::year(2000) / 1 / 1);
  const std::chrono::local_days end(std::chrono::year(2400) / 1 / 1);
  for (auto day = start; day < end; day += std::chrono::days(1)) {
    if (expression.fits_day(std::chrono::year_month_day(day))) {
      return true;
    }
  }
  return false;
}
}  // namespace

CronProblem CronParser::problem_at(std::string_view part, std::string what, std::string hint) const {
  return {static_cast<std::size_t>(part.data() - base_.data()), std::move(what), std::move(hint)};
}

CronProblem CronParser::wrong_item(std::string_view item, const CronField& field) const {
  const std::string what =
      item.empty() ? fmt::format("a {} is missing", field.name) : fmt::format("{} is no {}", in_quotes(item), field.name);
  return problem_at(item, what, range_hint(field));
}

std::variant<CronExpression, CronProblem> CronParser::parse() {
  constexpr std::size_t longest = 1000;  // bytes; nobody means more, and messages stay readable
  base_ = text_;
  if (text_.size() > longest) {
    return CronProblem{longest, "is too long for a cron expression", five_fields};
  }
  if (auto problem = read(text_)) {
    return *problem;
  }
  if (!ever_fits(found_)) {
    const auto parts = split_at_blanks(text_);
    return problem_at(parts[2], fmt::format("{} is never due: there is no such day", in_quotes(text_)),
                      "for a month's last day write L");
  }
  found_.text_ = text_;
  return std::move(found_);
}

CronParser::Outcome CronParser::read(std::string_view fields_text) {
  const auto parts = split_at_blanks(fields_text);
  if (parts.size() == 1 && parts[0].front() == '@') {
    std::vector<std::string> candidates;
    for (const auto& [word, meaning] : words) {
      if (upper(word) == upper(parts[0])) {
        base_ = meaning;
        return read(meaning);
      }
      candidates.emplace_back(word);
    }
    return problem_at(parts[0], in_quotes(parts[0]) + " is not known", suggest(parts[0], candidates, "known are"));
  }
  if (parts.size() != fields.size()) {
    const std::string_view at = parts.size() > fields.size() ? parts[5] : fields_text.substr(fields_text.size());
    const std::string hint =
        parts.size() == 6 ? "there is no field for seconds, and none for years: " + std::string(five_fields) : five_fields;
    return problem_at(at, fmt::format("{} is not a cron expression of 5 fields, it has {}", in_quotes(fields_text), parts.size()),
                      hint);
  }
  std::array<std::uint64_t, 5> bits{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (auto problem = read_field(parts[i], fields[i], bits[i])) {
      return problem;
    }
  }
  found_.minutes_ = bits[0];
  found_.hours_ = static_cast<std::uint32_t>(bits[1]);
  found_.days_ = static_cast<std::uint32_t>(bits[2]);
  found_.months_ = static_cast<std::uint32_t>(bits[3]);
  constexpr unsigned seventh = 7;  // Sunday again
  found_.weekdays_ = static_cast<std::uint32_t>((bits[4] | (bits[4] >> seventh)) & ((1U << seventh) - 1));
  return std::nullopt;
}

CronParser::Outcome CronParser::read_field(std::string_view part, const CronField& field, std::uint64_t& bits) {
  for (const std::string_view item : split(part, ',')) {
    if (auto problem = read_item(item, field, bits)) {
      return problem;
    }
  }
  if (part.find('*') == std::string_view::npos) {
    if (field.kind == Kind::day) {
      found_.day_field_ = CronExpression::Field::restricted;
    } else if (field.kind == Kind::weekday) {
      found_.weekday_field_ = CronExpression::Field::restricted;
    }
  }
  return std::nullopt;
}

CronParser::Outcome CronParser::read_item(std::string_view item, const CronField& field, std::uint64_t& bits) {
  if (item == "?") {
    return problem_at(item, "\"?\" is not known here", "write *");
  }
  if (auto special = read_special(item, field)) {
    return *special;
  }
  return read_range(item, field, bits);
}

CronParser::Outcome CronParser::read_range(std::string_view item, const CronField& field, std::uint64_t& bits) {
  const auto slash = item.find('/');
  const std::string_view range = item.substr(0, slash);
  unsigned first = field.minimum;
  unsigned last = field.kind == Kind::weekday ? 6 : field.maximum;
  unsigned step = 1;
  if (range != "*") {
    if (auto problem = read_bounds(range, field, first, last)) {
      return problem;
    }
  }
  if (slash != std::string_view::npos) {
    const std::string_view text = item.substr(slash + 1);
    if (range != "*" && range.find('-') == std::string_view::npos) {
      return problem_at(item, fmt::format("{} has a step but no range", in_quotes(item)),
                        fmt::format("write {}-{}/{}", range, field.maximum, text.empty() ? "1" : text.substr(0, 4)));
    }
    const auto given = number(text);
    if (!given || *given == 0 || *given > field.maximum) {
      return problem_at(text, fmt::format("{} is no step for a {}", in_quotes(text), field.name),
                        fmt::format("write a number from 1 to {} behind the /", field.maximum));
    }
    step = *given;
  }
  for (unsigned value = first; value <= last; value += step) {
    bits |= std::uint64_t{1} << value;
  }
  return std::nullopt;
}

CronParser::Outcome CronParser::read_bounds(std::string_view range, const CronField& field, unsigned& first,
                                            unsigned& last) const {
  const auto dash = range.find('-');
  const auto low = read_value(range.substr(0, dash), field);
  const auto high = dash == std::string_view::npos ? low : read_value(range.substr(dash + 1), field);
  for (const auto* value : {&low, &high}) {
    if (const auto* problem = std::get_if<CronProblem>(value)) {
      return *problem;
    }
  }
  first = std::get<unsigned>(low);
  last = std::get<unsigned>(high);
  if (field.kind == Kind::weekday && last == 0 && first > 0) {
    last = 7;  // FRI-SUN
  }
  if (first > last) {
    return problem_at(range, fmt::format("{} goes backwards", in_quotes(range)),
                      fmt::format("write the lower {} first, or two ranges with a comma between", field.name));
  }
  return std::nullopt;
}

std::variant<unsigned, CronProblem> CronParser::read_value(std::string_view text, const CronField& field) const {
  if (const auto named = named_value(text, field)) {
    return *named;
  }
  const auto value = number(text);
  if (!value) {
    return wrong_item(text, field);
  }
  if (*value < field.minimum || *value > field.maximum) {
    return problem_at(text, fmt::format("{} is no {}: out of range", text, field.name), range_hint(field));
  }
  return *value;
}

std::optional<CronParser::Outcome> CronParser::read_special(std::string_view item, const CronField& field) {
  const std::string word = upper(item);
  if (field.kind == Kind::day) {
    if (word == "L") {
      found_.last_day_ = CronExpression::LastDay::yes;
      return Outcome();
    }
    if (word.find_first_of("LW") != std::string::npos) {
      return problem_at(item, fmt::format("{} is no day of month", in_quotes(item)),
                        "of letters only L alone is known here: the month's last day");
    }
  }
  if (field.kind != Kind::weekday) {
    return std::nullopt;
  }
  if (item.find('#') != std::string_view::npos) {
    return read_nth_weekday(item, field);
  }
  if (word == "L") {
    return problem_at(item, "\"L\" alone is no day of week", "write 5L or FRIL for the month's last Friday");
  }
  if (word.ends_with('L')) {
    const auto value = read_value(item.substr(0, item.size() - 1), field);
    if (const auto* problem = std::get_if<CronProblem>(&value)) {
      return *problem;
    }
    found_.last_weekdays_ |= 1U << (std::get<unsigned>(value) % 7);
    return Outcome();
  }
  return std::nullopt;
}

std::optional<CronParser::Outcome> CronParser::read_nth_weekday(std::string_view item, const CronField& field) {
  const auto hash = item.find('#');
  const auto weekday = read_value(item.substr(0, hash), field);
  if (const auto* problem = std::get_if<CronProblem>(&weekday)) {
    return *problem;
  }
  const std::string_view text = item.substr(hash + 1);
  const auto nth = number(text);
  if (!nth || *nth < 1 || *nth > found_.nth_weekdays_.size()) {
    return problem_at(text, fmt::format("{} does not count a day of week within a month", in_quotes(text)),
                      "write 1 to 5 behind the #");
  }
  found_.nth_weekdays_[*nth - 1] |= 1U << (std::get<unsigned>(weekday) % 7);
  return Outcome();
}

}  // namespace pgrecall
