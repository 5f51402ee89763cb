#pragma once

#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/lsn.h"

namespace pgrecall {

// Typed access to a JSON object that was read from a repository. A member that is missing or of another type is an
// Error{corruption} naming object and member. Borrows both arguments.
class JsonMembers {
 public:
  JsonMembers(const nlohmann::json& members, std::string_view object_name) : members_(members), object_name_(object_name) {}

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] const nlohmann::json& at(std::string_view key) const;
  // Text as text_value() made it.
  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] Time time(std::string_view key) const;
  [[nodiscard]] Lsn lsn(std::string_view key) const;
  // From lower-case hexadecimal; fills `out` exactly.
  void hex(std::string_view key, MutableByteView out) const;
  [[nodiscard]] Bytes base64(std::string_view key, std::size_t size) const;
  [[nodiscard]] const nlohmann::json& array(std::string_view key) const;
  template <std::unsigned_integral T>
  [[nodiscard]] T number(std::string_view key) const {
    return static_cast<T>(number_up_to(key, std::numeric_limits<T>::max()));
  }
  [[nodiscard]] std::string_view object_name() const noexcept { return object_name_; }
  // Throws the Error{corruption} for a member whose value makes no sense.
  [[noreturn]] void refuse(std::string_view key) const;

 private:
  [[nodiscard]] std::uint64_t number_up_to(std::string_view key, std::uint64_t most) const;

  const nlohmann::json& members_;
  std::string_view object_name_;
};

// The JSON object in `text`; Error{corruption} naming the object when it is none.
[[nodiscard]] nlohmann::json parse_json_object(std::string_view text, std::string_view object_name);
// A text as a JSON string; bytes that are not UTF-8 as {"base64": ...}, since JSON cannot hold them otherwise.
[[nodiscard]] nlohmann::ordered_json text_value(std::string_view text);
// The reverse; Error{corruption} names object and member.
[[nodiscard]] std::string text_of_value(const nlohmann::json& value, std::string_view key, std::string_view object_name);

}  // namespace pgrecall
