#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/units.h"
#include "config/conninfo.h"
#include "config/text_forms.h"

namespace pgrecall {

namespace {
constexpr auto stars = "********";
using Kind = ValueType::Kind;

std::optional<Complaint> check_text(Kind kind, const std::string& text) {
  switch (kind) {
    case Kind::name: return check_name(text);
    case Kind::variable: return check_variable(text);
    case Kind::credential: return check_credential(text);
    case Kind::cron: return check_cron(text);
    case Kind::timezone: return check_timezone(text);
    case Kind::listen: return check_listen(text);
    case Kind::slot: return check_slot(text);
    case Kind::alert: return check_alert_name(text);
    case Kind::mail_address: return check_mail_address(text);
    case Kind::server: return check_server(text);
    case Kind::expectation: return check_expectation(text);
    case Kind::reading_budget: return check_reading_budget(text);
    case Kind::project: return check_project(text);
    case Kind::web_address: return check_web_address(text);
    case Kind::address: {
      auto directory = directory_of_url(text);
      auto* complaint = std::get_if<Complaint>(&directory);
      return complaint == nullptr ? std::nullopt : std::optional(std::move(*complaint));
    }
    default: return std::nullopt;
  }
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

// The greatest unit that leaves a whole number, so that what is printed is what was meant.
std::string exact_size(std::uint64_t bytes) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> units{{{"TiB", 1ULL << 40U},
                                                                             {"TB", 1'000'000'000'000ULL},
                                                                             {"GiB", 1ULL << 30U},
                                                                             {"GB", 1'000'000'000ULL},
                                                                             {"MiB", 1ULL << 20U},
                                                                             {"MB", 1'000'000ULL},
                                                                             {"KiB", 1ULL << 10U},
                                                                             {"kB", 1'000ULL}}};
  for (const auto& [name, factor] : units) {
    if (bytes != 0 && bytes % factor == 0) {
      return fmt::format("{}{}", bytes / factor, name);
    }
  }
  return fmt::format("{}B", bytes);
}

std::string exact_rate(std::uint64_t bytes_per_second) { return exact_size(bytes_per_second) + "/s"; }

std::string exact_duration(std::chrono::milliseconds duration) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
      {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
  std::int64_t rest = duration.count();
  std::string text;
  for (const auto& [name, factor] : units) {
    if (rest / factor != 0) {
      text += fmt::format("{}{}", rest / factor, name);
      rest %= factor;
    }
  }
  return text.empty() ? "0s" : text;
}

std::optional<Complaint> take_duration(const std::string& text, std::chrono::milliseconds& member) {
  const auto duration = parse_duration(text);
  if (!duration && all_digits(text)) {
    return Complaint{in_quotes(text) + " has no unit",
                     fmt::format("write {}d for days or {}h for hours", text.substr(0, 20), text.substr(0, 20))};
  }
  if (!duration) {
    return Complaint{in_quotes(text) + " is not a duration", "write numbers with units, as 7d or 1h30m; units: ms s m h d w"};
  }
  if (*duration > longest_duration) {
    return Complaint{in_quotes(text) + " is too long", "write at most 36525d"};
  }
  member = *duration;
  return std::nullopt;
}
}  // namespace

std::string description(const ValueType& type) {
  if (type.list) {
    ValueType one = type;
    one.list = false;
    return "list of: " + description(one);
  }
  switch (type.kind) {
    case Kind::text: return "text";
    case Kind::name: return "name";
    case Kind::path: return "path";
    case Kind::address: return "URL";
    case Kind::conninfo: return "libpq connection string or URI";
    case Kind::secret: return "secret text";
    case Kind::variable: return "name of an environment variable";
    case Kind::credential: return "name of a systemd credential";
    case Kind::integer: return fmt::format("whole number from {} to {}", type.minimum, type.maximum);
    case Kind::size: return "size, as 64MiB";
    case Kind::rate: return "rate, as 50MB/s";
    case Kind::duration: return "duration, as 7d or 36h";
    case Kind::choice: return fmt::format("one of: {}", fmt::join(type.choices, ", "));
    case Kind::cron: return "cron expression, or never";
    case Kind::day_span: return "time of day to time of day, as 22:00-06:00";
    case Kind::timezone: return "time zone";
    case Kind::listen: return "address:port, or off";
    case Kind::slot: return "name of a replication slot";
    case Kind::alert: return "name of an alert, as PgrecallRunFailed";
    case Kind::mail_address: return "mail address";
    case Kind::server: return "host:port";
    case Kind::boolean: return "true or false";
    case Kind::expectation: return "true, rows, no rows, or a comparison";
    case Kind::reading_budget: return "size or duration, as 100GB or 30m";
    case Kind::project: return "reference of a project";
    case Kind::web_address: return "https URL";
  }
  return "text";
}

Value text_value(Kind kind, std::string& member) {
  return {{kind, 0, 0, {}},
          [kind, &member](const std::string& text) {
            auto complaint = check_text(kind, text);
            if (!complaint) {
              member = text;
            }
            return complaint;
          },
          [&member] { return std::optional(member); }};
}

Value text_value(Kind kind, std::optional<std::string>& member) {
  return {{kind, 0, 0, {}},
          [kind, &member](const std::string& text) {
            auto complaint = check_text(kind, text);
            if (!complaint) {
              member = text;
            }
            return complaint;
          },
          [&member] { return member; }};
}

Value list_value(Kind kind, std::vector<std::string>& member) {
  return {.type = {kind, 0, 0, {}, true},
          .set =
              [kind, &member](const std::string& text) {
                auto complaint = check_text(kind, text);
                if (!complaint && std::find(member.begin(), member.end(), text) != member.end()) {
                  complaint = Complaint{in_quotes(text) + " is there twice", "remove one"};
                }
                if (!complaint) {
                  member.push_back(text);
                }
                return complaint;
              },
          .get = [] { return std::optional<std::string>(); },
          .items = [&member] { return member; }};
}

Value words_value(std::vector<std::string>& member) {
  return {.type = {Kind::text, 0, 0, {}, true, true},
          .set =
              [&member](const std::string& text) {
                member.push_back(text);
                return std::optional<Complaint>();
              },
          .get = [] { return std::optional<std::string>(); },
          .items = [&member] { return member; }};
}

Value conninfo_value(Secret& member) {
  return {{Kind::conninfo, 0, 0, {}},
          [&member](const std::string& text) {
            auto complaint = check_conninfo(text);
            if (!complaint) {
              member = Secret(text);
            }
            return complaint;
          },
          [&member] { return member.empty() ? std::nullopt : std::optional(redact_conninfo(member.reveal())); }};
}

Value secret_value(std::optional<Secret>& member) {
  return {{Kind::secret, 0, 0, {}},
          [&member](const std::string& text) -> std::optional<Complaint> {
            member = Secret(text);
            return std::nullopt;
          },
          [&member] { return member ? std::optional<std::string>(stars) : std::nullopt; }};
}

Value size_value(std::uint64_t& member, std::uint64_t minimum) {
  return {{Kind::size, 0, 0, {}},
          [&member, minimum](const std::string& text) -> std::optional<Complaint> {
            const auto size = parse_size(text);
            if (!size && all_digits(text)) {
              return Complaint{in_quotes(text) + " has no unit", "write a size, as 50GB or 64MiB"};
            }
            if (!size) {
              return Complaint{in_quotes(text) + " is not a size", "write a size, as 50GB; units: B kB MB GB TB KiB MiB GiB TiB"};
            }
            if (*size < minimum) {
              return Complaint{in_quotes(text) + " is too low", "write at least " + exact_size(minimum)};
            }
            member = *size;
            return std::nullopt;
          },
          [&member] { return std::optional(exact_size(member)); }};
}

Value rate_value(std::optional<std::uint64_t>& member, std::uint64_t minimum) {
  return {{Kind::rate, 0, 0, {}},
          [&member, minimum](const std::string& text) -> std::optional<Complaint> {
            const auto rate = parse_rate(text);
            if (!rate && (all_digits(text) || parse_size(text))) {
              return Complaint{in_quotes(text) + " has no unit of a rate", "write a size per second, as 50MB/s or 64MiB/s"};
            }
            if (!rate) {
              return Complaint{in_quotes(text) + " is not a rate",
                               "write a size per second, as 50MB/s; units: B kB MB GB TB KiB MiB GiB TiB"};
            }
            if (*rate < minimum) {
              return Complaint{in_quotes(text) + " is too low", "write at least " + exact_rate(minimum)};
            }
            member = rate;
            return std::nullopt;
          },
          [&member] { return member ? std::optional(exact_rate(*member)) : std::nullopt; }};
}

Value duration_value(std::chrono::milliseconds& member) {
  return {{Kind::duration, 0, 0, {}},
          [&member](const std::string& text) { return take_duration(text, member); },
          [&member] { return std::optional(exact_duration(member)); }};
}

Value duration_value(std::optional<std::chrono::milliseconds>& member) {
  return {{Kind::duration, 0, 0, {}},
          [&member](const std::string& text) { return take_duration(text, member.emplace()); },
          [&member] { return member ? std::optional(exact_duration(*member)) : std::nullopt; }};
}

Value boolean_value(bool& member) {
  return {{Kind::boolean, 0, 0, {}},
          [&member](const std::string& text) -> std::optional<Complaint> {
            if (text != "true" && text != "false") {
              return Complaint{in_quotes(text) + " is neither true nor false", {}};
            }
            member = text == "true";
            return std::nullopt;
          },
          [&member] { return std::optional(std::string(member ? "true" : "false")); }};
}

Value day_span_value(std::optional<OffPeak>& member) {
  return {{Kind::day_span, 0, 0, {}},
          [&member](const std::string& text) {
            auto span = day_span_of(text);
            if (auto* complaint = std::get_if<Complaint>(&span)) {
              return std::optional(std::move(*complaint));
            }
            member = std::get<OffPeak>(span);
            return std::optional<Complaint>();
          },
          [&member] { return member ? std::optional(member->to_string()) : std::nullopt; }};
}

namespace detail {
Value integer_value(std::int64_t minimum, std::int64_t maximum, std::function<void(std::int64_t)> set,
                    std::function<std::int64_t()> get) {
  return {{Kind::integer, minimum, maximum, {}},
          [=](const std::string& text) -> std::optional<Complaint> {
            const std::string range = fmt::format("write a whole number from {} to {}", minimum, maximum);
            const std::string_view digits = std::string_view(text).substr(text.starts_with('-') ? 1 : 0);
            if (digits.size() > 1 && digits.front() == '0' && digits.find_first_not_of("0123456789") == std::string_view::npos) {
              return Complaint{in_quotes(text) + " begins with 0", "write it without: some programs read such numbers as octal"};
            }
            std::int64_t value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (end != text.data() + text.size() || error == std::errc::invalid_argument) {
              return Complaint{in_quotes(text) + " is not a whole number", range};
            }
            if (error != std::errc() || value < minimum || value > maximum) {
              return Complaint{in_quotes(text) + " is out of range", range};
            }
            set(value);
            return std::nullopt;
          },
          [get = std::move(get)] { return std::optional(std::to_string(get())); }};
}

Value choice_value(std::vector<std::string> names, std::function<void(std::size_t)> set,
                   std::function<std::optional<std::size_t>()> get) {
  const ValueType type{Kind::choice, 0, 0, names};
  return {type,
          [names, set = std::move(set)](const std::string& text) -> std::optional<Complaint> {
            const auto found = std::find(names.begin(), names.end(), text);
            if (found == names.end()) {
              return Complaint{fmt::format("{} is not one of: {}", in_quotes(text), fmt::join(names, ", ")),
                               nearest(text, names) ? suggest(text, names, "") : ""};
            }
            set(static_cast<std::size_t>(found - names.begin()));
            return std::nullopt;
          },
          [names, get = std::move(get)]() -> std::optional<std::string> {
            const auto index = get();
            return index ? std::optional(names[*index]) : std::nullopt;
          }};
}
}  // namespace detail

}  // namespace pgrecall
