#include "postgres/json_tokens.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

namespace {

constexpr std::size_t max_token_size = std::size_t{16} << 10U;
constexpr std::size_t max_depth = 8;
constexpr std::size_t max_digits = 20;  // of 2^64

bool is_digit(char byte) noexcept { return byte >= '0' && byte <= '9'; }

int hex_value(char byte) noexcept {
  if (is_digit(byte)) {
    return byte - '0';
  }
  const char lower = static_cast<char>(byte | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void JsonTokens::require(bool holds, std::string_view what) const {
  if (!holds) {
    throw Error(ErrorKind::corruption, "malformed JSON").with("reason", what).with("offset", offset_);
  }
}

void JsonTokens::feed(ByteView bytes) {
  std::string_view text = text_of(bytes);
  while (!text.empty()) {
    std::size_t taken = 1;
    switch (within_) {
      case Within::structure: take_structure(text.front()); break;
      case Within::string: taken = take_string(text); break;
      case Within::escape: take_escape(text.front()); break;
      case Within::unicode: take_unicode(text.front()); break;
      case Within::number: taken = take_number(text); break;
    }
    offset_ += taken;
    text.remove_prefix(taken);
  }
}

void JsonTokens::finish() const { require(wanted_ == Wanted::nothing && within_ == Within::structure, "ends too early"); }

void JsonTokens::take_structure(char byte) {
  const bool value_fits = wanted_ == Wanted::value || wanted_ == Wanted::value_or_end;
  switch (byte) {
    case ' ':
    case '\t':
    case '\n':
    case '\r': return;
    case '{': begin('}'); return;
    case '[': begin(']'); return;
    case '}':
    case ']': end(byte); return;
    case ':':
      require(wanted_ == Wanted::colon, "unexpected colon");
      wanted_ = Wanted::value;
      return;
    case ',':
      require(wanted_ == Wanted::comma_or_end, "unexpected comma");
      wanted_ = closings_.back() == '}' ? Wanted::key : Wanted::value;
      return;
    case '"':
      token_is_key_ = wanted_ == Wanted::key || wanted_ == Wanted::key_or_end;
      require(value_fits || token_is_key_, "unexpected string");
      token_.clear();
      within_ = Within::string;
      return;
    default:
      require(value_fits && is_digit(byte), "unexpected character");
      token_.assign(1, byte);
      within_ = Within::number;
  }
}

void JsonTokens::begin(char closing) {
  require(wanted_ == Wanted::value || wanted_ == Wanted::value_or_end, "unexpected bracket");
  require(closings_.size() < max_depth, "nested too deeply");
  closings_.push_back(closing);
  if (closing == '}') {
    wanted_ = Wanted::key_or_end;
    events_.on_begin_object();
  } else {
    wanted_ = Wanted::value_or_end;
    events_.on_begin_array();
  }
}

void JsonTokens::end(char closing) {
  const bool end_fits = wanted_ == Wanted::comma_or_end || wanted_ == Wanted::key_or_end || wanted_ == Wanted::value_or_end;
  require(end_fits && !closings_.empty() && closings_.back() == closing, "unexpected bracket");
  closings_.pop_back();
  end_value();
  if (closing == '}') {
    events_.on_end_object();
  } else {
    events_.on_end_array();
  }
}

void JsonTokens::end_value() { wanted_ = closings_.empty() ? Wanted::nothing : Wanted::comma_or_end; }

std::size_t JsonTokens::take_string(std::string_view text) {
  const auto* const stop = std::find_if(
      text.begin(), text.end(), [](char byte) { return byte == '"' || byte == '\\' || static_cast<unsigned char>(byte) < 0x20; });
  const std::size_t plain = static_cast<std::size_t>(stop - text.begin());
  if (plain > 0) {
    require(high_surrogate_ == 0, "half a surrogate pair");
    append(text.substr(0, plain));
    return plain;
  }
  if (text.front() == '\\') {
    within_ = Within::escape;
  } else {
    require(text.front() == '"', "control character in a string");
    end_string();
  }
  return 1;
}

void JsonTokens::end_string() {
  require(high_surrogate_ == 0, "half a surrogate pair");
  within_ = Within::structure;
  if (token_is_key_) {
    wanted_ = Wanted::colon;
    events_.on_key(token_);
  } else {
    end_value();
    events_.on_string(token_);
  }
}

void JsonTokens::take_escape(char byte) {
  if (byte == 'u') {
    unicode_ = 0;
    unicode_digits_ = 0;
    within_ = Within::unicode;
    return;
  }
  constexpr std::string_view escapes = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  const std::size_t at = escapes.find(byte);
  require(at != std::string_view::npos && high_surrogate_ == 0, "unknown escape");
  append(meanings.substr(at, 1));
  within_ = Within::string;
}

void JsonTokens::take_unicode(char byte) {
  const int digit = hex_value(byte);
  require(digit >= 0, "unknown escape");
  unicode_ = unicode_ << 4U | static_cast<std::uint32_t>(digit);
  if (++unicode_digits_ < 4) {
    return;
  }
  within_ = Within::string;
  const bool high = unicode_ >= 0xD800 && unicode_ < 0xDC00;
  const bool low = unicode_ >= 0xDC00 && unicode_ < 0xE000;
  require(low == (high_surrogate_ != 0), "half a surrogate pair");
  if (high) {
    high_surrogate_ = unicode_;
    return;
  }
  append_code_point(low ? 0x10000 + ((high_surrogate_ - 0xD800) << 10U) + (unicode_ - 0xDC00) : unicode_);
  high_surrogate_ = 0;
}

void JsonTokens::append_code_point(std::uint32_t code_point) {
  const auto tail = [code_point](unsigned shift) { return static_cast<char>(0x80U | ((code_point >> shift) & 0x3FU)); };
  std::string utf8;
  if (code_point < 0x80) {
    utf8 = {static_cast<char>(code_point)};
  } else if (code_point < 0x800) {
    utf8 = {static_cast<char>(0xC0U | code_point >> 6U), tail(0)};
  } else if (code_point < 0x10000) {
    utf8 = {static_cast<char>(0xE0U | code_point >> 12U), tail(6), tail(0)};
  } else {
    utf8 = {static_cast<char>(0xF0U | code_point >> 18U), tail(12), tail(6), tail(0)};
  }
  append(utf8);
}

void JsonTokens::append(std::string_view text) {
  require(text.size() <= max_token_size - token_.size(), "string is too long");
  token_ += text;
}

std::size_t JsonTokens::take_number(std::string_view text) {
  if (is_digit(text.front())) {
    require(token_.size() < max_digits && token_ != "0", "malformed number");
    token_ += text.front();
    return 1;
  }
  const bool ends = std::string_view(" \t\r\n,]}").find(text.front()) != std::string_view::npos;
  require(ends && !closings_.empty(), "not a whole number");
  within_ = Within::structure;
  end_value();
  events_.on_number(token_);
  return 0;  // the character is structure again
}

}  // namespace pgrecall
