#include "alert/format/formats.h"
#include "unit/alert/fixture.h"

namespace mail_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
std::string mail(const Notification& told) {
  return mail_message(told, "pgrecall@example.com", {"a@example.com", "b@example.com"});
}
std::string headers(const Notification& told) { return mail(told).substr(0, mail(told).find("\r\n\r\n")); }
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("A mail has the headers that it needs") {
  const std::string found = headers(notification());
  for (const char* line :
       {"From: pgrecall <pgrecall@example.com>\r\n", "To: a@example.com,\r\n b@example.com\r\n",
        "Subject: WARNING: shop: PgrecallRunFailed (daily)\r\n", "Date: Mon, 23 Nov 2026 02:30:00 +0000\r\n",
        "Auto-Submitted: auto-generated\r\n", "MIME-Version: 1.0\r\n", "Content-Type: multipart/alternative; boundary="}) {
    INFO(line);
    CHECK(has(found + "\r\n", line));
  }
  CHECK_FALSE(has(found, "Importance"));
  Notification severe = notification();
  severe.alert.severity = Severity::critical;
  CHECK(has(headers(severe), "Importance: high"));
}

TEST_CASE("That it is over refers to that it began") {
  const std::string id = "<" + notification().fingerprint + ".20261123T023000Z@example.com>";
  CHECK(has(headers(notification()), "Message-ID: " + id + "\r\n"));
  CHECK_FALSE(has(headers(notification()), "In-Reply-To"));
  for (const Notification& later : {resolved(notification(), 5), repeated(notification(), 240)}) {
    CHECK(has(headers(later), "In-Reply-To: " + id));
    CHECK(has(headers(later), "References: " + id));
    CHECK_FALSE(has(headers(later), "Message-ID: " + id));
  }
}

TEST_CASE("Nothing in an alert makes a header, and every line is 7 bits and short") {
  Notification told = notification();
  told.alert.subject =
      "x\r\nBcc: "
      "evil@example."
      "com\r\n\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC\xC3\xBC"
      "\xC3\xBC\xC3\xBC";
  told.alert.summary = "\r\n.\r\nQUIT\r\n" + std::string(5000, 'x');
  const std::string all = mail(told);
  CHECK_FALSE(has(all, "\r\nBcc"));
  CHECK_FALSE(has(all, "\r\n.\r\n"));
  CHECK(has(all, "Subject: =?UTF-8?B?"));
  std::size_t line = 0;
  bool bare = false;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    bare = bare || static_cast<unsigned char>(all[i]) > 0x7EU || (all[i] == '\n' && (i == 0 || all[i - 1] != '\r'));
    line = all[i] == '\n' ? 0 : line + 1;
    longest = std::max(longest, line);
  }
  CHECK_FALSE(bare);
  CHECK(longest < 100);
}

}  // namespace mail_test
