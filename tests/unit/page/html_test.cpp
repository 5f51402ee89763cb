#include "page/html.h"

#include <catch2/catch.hpp>

#include "page/parts.h"

namespace html_test {

using namespace pgrecall;

TEST_CASE("texts become no markup, wherever they stand", "[page]") {
  CHECK(html("<b title=\"{}\">{}</b>", "\"><script>", "a & b < c > d ' e").text ==
        "<b title=\"&quot;&gt;&lt;script&gt;\">a &amp; b &lt; c &gt; d &#39; e</b>");
  CHECK(html("{}", std::string("a\nb\x01\x7f")).text == "a b  ");
  CHECK(html("{}", "Größe –").text == "Größe –");
}

TEST_CASE("numbers and what is HTML already stay as they are", "[page]") {
  CHECK(html("{:.2f}%", 41.666).text == "41.67%");
  CHECK(html("<p>{}</p>", html("<b>{}</b>", "<")).text == "<p><b>&lt;</b></p>");
  CHECK(html("{}", "{}").text == "{}");
}

TEST_CASE("commands stand out from the words around them", "[page]") {
  const auto marked = [](const std::string& text) { return with_commands(text, "shop").text; };
  CHECK(marked("See with pgrecall status shop and pgrecall check shop whether it is up.") ==
        "See with <code>pgrecall status shop</code> and <code>pgrecall check shop</code> whether it is up.");
  CHECK(marked("Take one: pgrecall backup shop.") == "Take one: <code>pgrecall backup shop</code>.");
  CHECK(marked("pgrecall runs --log 20261121T060000Z-shop-verify; then") ==
        "<code>pgrecall runs --log 20261121T060000Z-shop-verify</code>; then");
  CHECK(marked("pgrecall wal status shop") == "<code>pgrecall wal status shop</code>");
  CHECK(marked("pgrecall is a program") == "pgrecall is a program");
  CHECK(marked("pgrecall status other") == "<code>pgrecall status</code> other");
  CHECK(marked("no command & none") == "no command &amp; none");
  CHECK(marked("pgrecall ") == "pgrecall ");
  CHECK(marked("<pgrecall status>").find('<') == std::string::npos);
  CHECK(marked("").empty());
}

TEST_CASE("spans of time are coarse, and never rounded up", "[page]") {
  CHECK(rough_span(-5) == "0 s");
  CHECK(rough_span(59.99) == "59 s");
  CHECK(rough_span(119) == "1 min");
  CHECK(rough_span(3600) == "1 h");
  CHECK(rough_span(3 * 3600 + 12 * 60 + 59) == "3 h 12 min");
  CHECK(rough_span(22 * 3600 + 59 * 60) == "22 h");
  CHECK(rough_span(7 * 86400) == "7 d");
  CHECK(rough_span(7 * 86400 + 3 * 3600) == "7 d 3 h");
  CHECK(rough_span(42 * 86400 + 23 * 3600) == "42 d");
}

TEST_CASE("times are those of the cluster's zone, and of UTC when pointed at", "[page]") {
  const Time now = parse_time("2026-11-23T12:00:00Z").value();
  const Moments berlin("Europe/Berlin", now);
  const Time night = parse_time("2026-11-23T02:30:00Z").value();
  CHECK(berlin.clock(night).text == R"(<time datetime="2026-11-23T02:30:00Z" title="2026-11-23 02:30 UTC">03:30 CET</time>)");
  CHECK(berlin.relative(night).text ==
        R"(<time datetime="2026-11-23T02:30:00Z" title="2026-11-23 03:30 CET, 2026-11-23 02:30 UTC">9 h 30 min ago</time>)");
  CHECK(berlin.relative(now + std::chrono::hours(5)).text.find(">in 5 h<") != std::string::npos);
  const auto says = [&](const char* time, const std::string& text) {
    return berlin.clock(parse_time(time).value()).text.ends_with(">" + text + "</time>");
  };
  CHECK(says("2026-11-22T23:30:00Z", "00:30 CET"));  // today there, yesterday in UTC
  CHECK(says("2026-11-22T22:30:00Z", "yesterday 23:30 CET"));
  CHECK(says("2026-11-24T22:59:59Z", "tomorrow 23:59 CET"));
  CHECK(says("2026-11-28T12:00:00Z", "Sat 13:00 CET"));
  CHECK(says("2026-11-30T12:00:00Z", "2026-11-30 13:00 CET"));
  CHECK(says("2026-07-01T12:00:00Z", "2026-07-01 14:00 CEST"));
  CHECK(berlin.bare_clock(night).text.find(">03:30<") != std::string::npos);
  CHECK(Moments("Nowhere/Land", now).zone().name() == "UTC");
}

}  // namespace html_test
