#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "config/config.h"
#include "config/problem.h"

// The types of values: how each is read from text, written as text, and described to people and to the JSON Schema.

namespace pgrecall {

struct ValueType {
  enum class Kind {
    text,
    name,
    path,
    address,
    conninfo,
    secret,
    variable,
    credential,
    integer,
    size,
    rate,
    duration,
    choice,
    cron,
    day_span,
    timezone,
    listen,
    slot,
    alert,
    mail_address,
    server,
    expectation,
    reading_budget,
    project,
    web_address,
    boolean
  };
  Kind kind = Kind::text;
  std::int64_t minimum = 0;  // of an integer
  std::int64_t maximum = 0;
  std::vector<std::string> choices;
  bool list = false;     // of values of that kind
  bool repeats = false;  // of a list: the same value may be there more than once
};

// One value within a section, borrowed: valid as long as the section is.
struct Value {
  ValueType type;
  // Takes the text over, or says why not. Complaints about secrets repeat no part of them.
  std::function<std::optional<Complaint>(const std::string& text)> set;
  // The value as set() reads it, secrets as stars; nothing when it is not set.
  std::function<std::optional<std::string>()> get;
  // Of a list: what there is. set() then adds one, and get() gives nothing.
  std::function<std::vector<std::string>()> items = {};
};

// For people: "whole number from 0 to 10000".
[[nodiscard]] std::string description(const ValueType& type);

// Text of a kind that is checked by its form alone (name, path, address, variable, credential, cron, timezone, listen, slot,
// alert, mail_address, server,
// expectation, reading_budget, project, web_address).
[[nodiscard]] Value text_value(ValueType::Kind kind, std::string& member);
[[nodiscard]] Value text_value(ValueType::Kind kind, std::optional<std::string>& member);
[[nodiscard]] Value list_value(ValueType::Kind kind, std::vector<std::string>& member);
// A program and its arguments.
[[nodiscard]] Value words_value(std::vector<std::string>& member);
[[nodiscard]] Value conninfo_value(Secret& member);
[[nodiscard]] Value secret_value(std::optional<Secret>& member);
[[nodiscard]] Value size_value(std::uint64_t& member, std::uint64_t minimum);
[[nodiscard]] Value rate_value(std::optional<std::uint64_t>& member, std::uint64_t minimum);
[[nodiscard]] Value duration_value(std::chrono::milliseconds& member);
[[nodiscard]] Value duration_value(std::optional<std::chrono::milliseconds>& member);
// true or false.
[[nodiscard]] Value boolean_value(bool& member);
[[nodiscard]] Value day_span_value(std::optional<OffPeak>& member);

namespace detail {
[[nodiscard]] Value integer_value(std::int64_t minimum, std::int64_t maximum, std::function<void(std::int64_t)> set,
                                  std::function<std::int64_t()> get);
[[nodiscard]] Value choice_value(std::vector<std::string> names, std::function<void(std::size_t)> set,
                                 std::function<std::optional<std::size_t>()> get);
}  // namespace detail

template <typename Integer>
[[nodiscard]] Value integer_value(Integer& member, std::int64_t minimum, std::int64_t maximum) {
  return detail::integer_value(
      minimum, maximum, [&member](std::int64_t value) { member = static_cast<Integer>(value); },
      [&member] { return static_cast<std::int64_t>(member); });
}

// `names` in the order of the enumerators.
template <typename Enum>
[[nodiscard]] Value choice_value(Enum& member, std::vector<std::string> names) {
  return detail::choice_value(
      std::move(names), [&member](std::size_t index) { member = static_cast<Enum>(index); },
      [&member] { return std::optional(static_cast<std::size_t>(member)); });
}

template <typename Enum>
[[nodiscard]] Value choice_value(std::optional<Enum>& member, std::vector<std::string> names) {
  return detail::choice_value(
      std::move(names), [&member](std::size_t index) { member = static_cast<Enum>(index); },
      [&member] { return member ? std::optional(static_cast<std::size_t>(*member)) : std::nullopt; });
}

}  // namespace pgrecall
