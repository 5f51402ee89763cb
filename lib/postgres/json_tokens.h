#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace pgrecall {

// Takes what a JsonTokens finds, in order. Views are good until the call returns.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void on_begin_object() = 0;
  virtual void on_end_object() = 0;
  virtual void on_begin_array() = 0;
  virtual void on_end_array() = 0;
  virtual void on_key(std::string_view key) = 0;
  virtual void on_string(std::string_view value) = 0;
  // As it is written.
  virtual void on_number(std::string_view value) = 0;
};

// JSON (RFC 8259) that comes in pieces of any size, in bounded memory: nlohmann/json has to have the whole text or an iterator
// that blocks, and a server's messages are neither. Objects, arrays, strings and unsigned whole numbers only, which is all that
// backup manifests hold; nested at most 8 deep, strings up to 16 KiB. Error of kind corruption otherwise. One thread at a time.
class JsonTokens {
 public:
  // `events` must outlive the object.
  explicit JsonTokens(JsonEvents& events) : events_(events) {}
  void feed(ByteView bytes);
  // Error of kind corruption when the one value that makes the text is not complete.
  void finish() const;

 private:
  enum class Wanted { value, value_or_end, key, key_or_end, colon, comma_or_end, nothing };
  enum class Within { structure, string, escape, unicode, number };

  std::size_t take_string(std::string_view text);
  std::size_t take_number(std::string_view text);
  void take_structure(char byte);
  void take_escape(char byte);
  void take_unicode(char byte);
  void begin(char closing);
  void end(char closing);
  void end_string();
  void end_value();
  void append(std::string_view text);
  void append_code_point(std::uint32_t code_point);
  void require(bool holds, std::string_view what) const;

  JsonEvents& events_;
  std::uint64_t offset_ = 0;
  Wanted wanted_ = Wanted::value;
  Within within_ = Within::structure;
  std::string closings_;  // the bracket that each open container waits for, the innermost last
  std::string token_;
  bool token_is_key_ = false;
  std::uint32_t unicode_ = 0;  // the \u escape being read
  unsigned unicode_digits_ = 0;
  std::uint32_t high_surrogate_ = 0;  // waits for its other half
};

}  // namespace pgrecall
