#include "supabase/platform_answers.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pgrecall {

namespace {
using Json = nlohmann::json;

[[noreturn]] void not_understood(const std::string& what) {
  throw Error(ErrorKind::failed, "the Management API's answer is not understood: " + what,
              "is supabase.api the address of the Management API? The API may have changed as well");
}

Json object_in(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    not_understood("it is no JSON object");
  }
  return json;
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) {
    not_understood(std::string("\"") + key + "\" is no text");
  }
  return found->get<std::string>();
}

// Texts for people alone: absent is empty.
std::string text_or_nothing(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<bool> flag_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_boolean() ? std::optional(found->get<bool>()) : std::nullopt;
}

// Seconds since 1970; the platform writes 0, null or nothing where there is none.
std::optional<Time> moment_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) {
    return std::nullopt;
  }
  constexpr std::int64_t year_9999 = 253'402'300'799;
  if (!found->is_number_integer() || found->get<std::int64_t>() < 0 || found->get<std::int64_t>() > year_9999) {
    not_understood(std::string("\"") + key + "\" is no time");
  }
  const auto seconds = found->get<std::int64_t>();
  return seconds == 0 ? std::nullopt : std::optional(Time(std::chrono::seconds(seconds)));
}

PlatformBackup backup_of(const Json& json) {
  if (!json.is_object()) {
    not_understood("a backup is no object");
  }
  const std::optional<Time> inserted = parse_platform_time(text_at(json, "inserted_at"));
  if (!inserted) {
    not_understood("\"inserted_at\" is no time");
  }
  return {text_at(json, "status"), flag_at(json, "is_physical_backup").value_or(false), *inserted};
}

PlatformAddOn add_on_of(const Json& variant) {
  PlatformAddOn add_on{text_or_nothing(variant, "id"), text_or_nothing(variant, "name"), {}};
  if (const auto price = variant.find("price"); price != variant.end() && price->is_object()) {
    add_on.description = text_or_nothing(*price, "description");
  }
  return add_on;
}

const Json& list_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_array()) {
    not_understood(std::string("\"") + key + "\" is no list");
  }
  return *found;
}

template <typename Number>
bool take_number(std::string_view& text, std::size_t digits, Number& number) {
  if (text.size() < digits) {
    return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  const bool whole = error == std::errc() && end == text.data() + digits;
  text.remove_prefix(digits);
  return whole;
}

bool take_one(std::string_view& text, std::string_view among) {
  if (text.empty() || among.find(text.front()) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// Fractions of a second are left out.
void skip_fraction(std::string_view& text) {
  if (take_one(text, ".")) {
    text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
  }
}

// What UTC is ahead of the zone's own time by; nothing for what is no zone. None is UTC.
std::optional<std::chrono::minutes> take_zone(std::string_view text) {
  if (text.empty() || text == "Z") {
    return std::chrono::minutes(0);
  }
  const int sign = text.front() == '-' ? 1 : -1;
  int hours = 0;
  int minutes = 0;
  if (!take_one(text, "+-") || !take_number(text, 2, hours)) {
    return std::nullopt;
  }
  if (!text.empty()) {
    take_one(text, ":");
    if (!take_number(text, 2, minutes) || !text.empty()) {
      return std::nullopt;
    }
  }
  return sign * (std::chrono::hours(hours) + std::chrono::minutes(minutes));
}
}  // namespace

std::optional<Time> parse_platform_time(std::string_view text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  const bool read = take_number(text, 4, year) && take_one(text, "-") && take_number(text, 2, month) && take_one(text, "-") &&
                    take_number(text, 2, day) && take_one(text, "T ") && take_number(text, 2, hour) && take_one(text, ":") &&
                    take_number(text, 2, minute) && take_one(text, ":") && take_number(text, 2, second);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!read || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  skip_fraction(text);
  const std::optional<std::chrono::minutes> zone = take_zone(text);
  if (!zone) {
    return std::nullopt;
  }
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + *zone;
}

std::optional<Time> PlatformBackups::newest(std::string_view status) const {
  const auto found = std::ranges::find(backups, status, &PlatformBackup::status);
  return found != backups.end() ? std::optional(found->inserted) : std::nullopt;
}

std::string project_status_of(std::string_view json) { return text_at(object_in(json), "status"); }

PlatformBackups backups_of(std::string_view text) {
  const Json json = object_in(text);
  PlatformBackups answer;
  answer.region = text_or_nothing(json, "region");
  answer.walg_enabled = flag_at(json, "walg_enabled");
  answer.pitr_enabled = flag_at(json, "pitr_enabled");
  for (const Json& each : list_at(json, "backups")) {
    answer.backups.push_back(backup_of(each));
  }
  std::ranges::stable_sort(answer.backups, std::ranges::greater{}, &PlatformBackup::inserted);
  if (const auto physical = json.find("physical_backup_data"); physical != json.end() && physical->is_object()) {
    answer.earliest = moment_at(*physical, "earliest_physical_backup_date_unix");
    answer.latest = moment_at(*physical, "latest_physical_backup_date_unix");
  }
  return answer;
}

PlatformAddOns add_ons_of(std::string_view text) {
  const Json json = object_in(text);
  PlatformAddOns answer;
  for (const Json& each : list_at(json, "selected_addons")) {
    if (each.is_object() && each.contains("variant") && each["variant"].is_object()) {
      answer.selected.push_back(add_on_of(each["variant"]));
    }
  }
  for (const Json& each : list_at(json, "available_addons")) {
    if (!each.is_object() || !each.contains("variants") || !each["variants"].is_array()) {
      continue;
    }
    for (const Json& variant : each["variants"]) {
      answer.available.push_back(add_on_of(variant));
    }
  }
  return answer;
}

std::string message_of(std::string_view text) {
  constexpr std::size_t longest = 300;
  const Json json = Json::parse(text, nullptr, false);
  std::string message = json.is_object() ? text_or_nothing(json, "message") : std::string();
  std::erase_if(message, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (message.size() > longest) {
    message.resize(longest);
  }
  return message;
}

}  // namespace pgrecall
