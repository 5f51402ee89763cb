#include "alert/format/text.h"

#include <catch2/catch.hpp>

namespace text_test {

using namespace pgrecall;

TEST_CASE("What could change a line, a terminal or the direction of writing is taken out of texts") {
  CHECK(clean("a\x1b[31mb\x7f\tc\r\nd") == "a[31mb c d");
  CHECK(clean("a\nb", Lines::several) == "a\nb");
  CHECK(clean("ab\xE2\x80\xAEtxt.exe") == "abtxt.exe");
  CHECK(clean("\xC2\x9B"
              "31m") == "31m");
  CHECK(clean("gr\xC3\xBC\xC3\x9F \xF0\x9F\x94\xB4") == "gr\xC3\xBC\xC3\x9F \xF0\x9F\x94\xB4");
}

TEST_CASE("What is no UTF-8 is replaced, byte by byte") {
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(clean("a\xff"
              "b") == "a" + mark + "b");
  CHECK(clean("\xC0\xAF") == mark + mark);             // overlong
  CHECK(clean("\xED\xA0\x80") == mark + mark + mark);  // a surrogate
  CHECK(clean("\xF4\x90\x80\x80") == mark + mark + mark + mark);
  CHECK(clean("\xE2\x82") == mark + mark);  // cut off
}

TEST_CASE("Texts are cut where a character ends, and say so") {
  CHECK(fit("abc", 3) == "abc");
  CHECK(fit("abcd", 3) == "ab\xE2\x80\xA6");
  CHECK(fit("\xF0\x9F\x94\xB4\xF0\x9F\x94\xB4", 4) == "\xF0\x9F\x94\xB4\xF0\x9F\x94\xB4");
  CHECK(fit("\xF0\x9F\x94\xB4\xF0\x9F\x94\xB4", 3) == "\xF0\x9F\x94\xB4\xE2\x80\xA6");
  CHECK(fit("abc", 0).empty());
  CHECK(utf16_length("\xF0\x9F\x94\xB4"
                     "a") == 3);
}

TEST_CASE("An escape is counted as it is sent, and never cut in two") {
  CHECK(fit("<!channel>", 100, Markup::slack) == "&lt;!channel&gt;");
  CHECK(fit("&&", 10, Markup::slack) == "&amp;&amp;");
  CHECK(fit("&&", 9, Markup::slack) == "&amp;\xE2\x80\xA6");
  CHECK(fit("\"x\"", 100, Markup::slack) == "\"x\"");
  CHECK(fit("\"<b>", 100, Markup::html) == "&quot;&lt;b&gt;");
}

TEST_CASE("Markdown is shown as it was written") {
  CHECK(fit("*a*_b_`c`~~|[x](y)<@1>", 100, Markup::markdown) == "\\*a\\*\\_b\\_\\`c\\`\\~\\~\\|\\[x\\](y)\\<@1\\>");
  CHECK(fit("a-b.c", 100, Markup::markdown) == "a-b.c");
  CHECK(fit("# a\n- b", 100, Markup::markdown) == "\\# a\n\\- b");
}

}  // namespace text_test
