#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "alert/format/formats.h"
#include "alert/format/text.h"
#include "alert/format/wording.h"

namespace pgrecall {

namespace {
constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = (bits << 8U) | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      result += i + j > text.size() ? '=' : digits[(bits >> (18U - 6U * j)) & 0x3FU];
    }
  }
  return result;
}

// Lines of at most 76 characters (RFC 2045, section 6.8).
std::string base64_lines(std::string_view text) {
  constexpr std::size_t longest = 76;
  const std::string all = base64(text);
  std::string lines;
  for (std::size_t i = 0; i < all.size(); i += longest) {
    lines += all.substr(i, longest) + "\r\n";
  }
  return lines;
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20U || static_cast<unsigned char>(c) > 0x7EU) {
      return false;
    }
  }
  return true;
}

// RFC 2047: encoded words of at most 75 characters, none of which cuts a character in two.
std::string header_text(const std::string& text) {
  constexpr std::size_t bytes_in_word = 42;
  if (is_ascii(text)) {
    return text;
  }
  std::string words;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(at + bytes_in_word, text.size());
    while (end < text.size() && end > at && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
      --end;
    }
    words += (words.empty() ? "" : "\r\n ") + ("=?UTF-8?B?" + base64(std::string_view(text).substr(at, end - at)) + "?=");
    at = end;
  }
  return words;
}

// "Mon, 23 Nov 2026 02:30:00 +0000", whatever the locale.
std::string date_of(Time time) {
  constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", days[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string html_row(const std::string& label, const std::string& value) {
  return "<tr><td style=\"padding:2px 12px 2px 0;color:#666;vertical-align:top\">" + fit(label, 200, Markup::html) +
         "</td><td style=\"padding:2px 0\">" + value + "</td></tr>\n";
}

std::string html_of(const Notification& notification, const Wording& wording) {
  const bool over = notification.state == Notification::State::resolved;
  const char* colour = over ? "#2e7d32" : (notification.alert.severity == Severity::critical ? "#c62828" : "#b26a00");
  constexpr std::size_t longest = 20'000;
  const auto text = [](const std::string& plain) { return fit(plain, longest, Markup::html); };
  std::string html = "<!DOCTYPE html>\n<html><body style=\"font-family:sans-serif;font-size:15px\">\n";
  html += fmt::format("<h2 style=\"color:{};font-size:18px\">{}</h2>\n", colour, text(wording.title));
  html += "<p style=\"white-space:pre-line\">" + text(wording.summary) + "</p>\n<table style=\"border-collapse:collapse\">\n";
  if (!wording.action.empty()) {
    html += html_row("What to do", text(wording.action));
  }
  if (!wording.command.empty()) {
    html += html_row("Look closer", "<code>" + text(wording.command) + "</code>");
  }
  if (!wording.runbook.empty()) {
    const std::string address = text(wording.runbook);
    html += html_row("Runbook", wording.runbook_is_link ? "<a href=\"" + address + "\">" + address + "</a>" : address);
  }
  for (const auto& [label, value] : wording.facts) {
    html += html_row(label, text(value));
  }
  return html + "</table>\n</body></html>\n";
}

std::string part(const std::string& boundary, const char* type, const std::string& content) {
  return "--" + boundary + "\r\nContent-Type: " + type + "; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
         base64_lines(content);
}
}  // namespace

std::string mail_message(const Notification& notification, const std::string& from, const std::vector<std::string>& to) {
  const Wording wording = wording_of(notification);
  const std::string domain = from.substr(from.find('@') + 1);
  const std::string first = fmt::format("<{}.{}@{}>", notification.fingerprint, format_compact_time(notification.since), domain);
  const bool is_first = notification.state == Notification::State::firing && !notification.repeated;
  // Nothing within the parts, which are base64, can be this.
  const std::string boundary = "=_pgrecall_" + notification.fingerprint;
  std::string mail = "From: pgrecall <" + from + ">\r\n";
  std::string recipients;
  for (const std::string& address : to) {
    recipients += (recipients.empty() ? "" : ",\r\n ") + address;
  }
  mail += "To: " + recipients + "\r\n";
  mail += "Subject: " + header_text(fit(wording.title, 200)) + "\r\n";
  mail += "Date: " + date_of(notification.told) + "\r\n";
  mail += "Message-ID: " + (is_first ? first : fmt::format("<{}@{}>", message_id(notification), domain)) + "\r\n";
  if (!is_first) {
    mail += "In-Reply-To: " + first + "\r\nReferences: " + first + "\r\n";
  }
  // RFC 3834: so that no absence notice comes back.
  mail += "Auto-Submitted: auto-generated\r\n";
  if (notification.alert.severity == Severity::critical && is_first) {
    mail += "Importance: high\r\nX-Priority: 1\r\n";
  }
  mail += "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n";
  mail += part(boundary, "text/plain", plain_text(wording));
  mail += part(boundary, "text/html", html_of(notification, wording));
  return mail + "--" + boundary + "--\r\n";
}

}  // namespace pgrecall
