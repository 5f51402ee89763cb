#include <catch2/catch.hpp>

#include "config/conninfo.h"
#include "config/text_forms.h"
#include "unit/config/fixture.h"

namespace forms_test {

using namespace pgrecall;

TEST_CASE("cron expressions are those of the schedule, or never", "[config]") {
  for (const char* text : {"30 2 * * *", "@daily", "0 0 L * MON#2", "never"}) {
    INFO(text);
    CHECK_FALSE(check_cron(text).has_value());
  }
  const auto complaint = check_cron("30 2 * * MOM");
  REQUIRE(complaint.has_value());
  CHECK(complaint->text == "\"MOM\" is no day of week");
  CHECK(complaint->offset == 9);
  CHECK(check_cron("Never").has_value());
  CHECK(check_cron("").has_value());
}

TEST_CASE("time zones are those that the system knows", "[config]") {
  for (const char* text : {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"}) {
    INFO(text);
    CHECK_FALSE(check_timezone(text).has_value());
  }
  for (const char* text : {"", "Europe", "Europe/Berlinn", "/etc/passwd", "../../../etc/passwd", "UTC\n", "Europe/../UTC",
                           "right/UTC", "posix/UTC"}) {
    INFO(text);
    CHECK(check_timezone(text).has_value());
  }
}

TEST_CASE("a host without a time zone database accepts what looks like a time zone", "[config]") {
  const test::Variable database("TZDIR", "/nonexistent");
  CHECK_FALSE(check_timezone("Europe/Berlinn").has_value());
  CHECK(check_timezone("Europe Berlin").has_value());
}

TEST_CASE("addresses to listen on have a port", "[config]") {
  for (const char* text : {"127.0.0.1:9754", "0.0.0.0:1", "[::1]:65535", "localhost:9754", "off"}) {
    INFO(text);
    CHECK_FALSE(check_listen(text).has_value());
  }
  for (const char* text :
       {"", "127.0.0.1", ":9754", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1:9754", "[]:1", "host:port", "http://x:1",
        "a b:1", "x:-1", "host:1", "127.0.0.256:1", "[::g]:1", "[127.0.0.1]:1", "Off"}) {
    INFO(text);
    CHECK(check_listen(text).has_value());
  }
}

TEST_CASE("addresses to listen on are taken apart, and tell whether others reach them", "[config]") {
  const ListenAddress v6 = listen_address("[fe80::1]:9754").value();
  CHECK((v6.host == "fe80::1" && v6.port == 9754 && v6.v6 && !v6.loopback));
  CHECK(listen_address("localhost:1").value().host == "127.0.0.1");
  CHECK(listen_address("127.8.8.8:1").value().loopback);
  CHECK(listen_address("[::1]:1").value().loopback);
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.127.0.1:1"}) {
    INFO(text);
    CHECK_FALSE(listen_address(text).value().loopback);
  }
  CHECK_FALSE(listen_address("off").has_value());
}

TEST_CASE("names of variables and credentials, never repeating what was given", "[config]") {
  CHECK_FALSE(check_variable("_PG_1").has_value());
  CHECK_FALSE(check_credential("main-key.1").has_value());
  for (const char* text : {"", "1A", "A-B", "A=B", "$A"}) {
    INFO(text);
    REQUIRE(check_variable(text).has_value());
    CHECK(check_variable(text)->text == "is not the name of an environment variable");
  }
  for (const char* text : {"", ".", "..", "a/b", "a b", "a:b"}) {
    INFO(text);
    CHECK(check_credential(text).has_value());
  }
}

TEST_CASE("file URLs become directories", "[config]") {
  CHECK(std::get<std::string>(directory_of_url("file:///srv/backup")) == "/srv/backup");
  CHECK(std::get<std::string>(directory_of_url("file:///srv/my%20backup%2f%C3%A4")) == "/srv/my backup/\xC3\xA4");
  for (const char* url : {"", "/srv", "file:/srv", "file://srv/x", "file:///a%", "file:///a%2", "file:///a%zz", "file:///a%00b",
                          "S3://b", "https://x"}) {
    INFO(url);
    CHECK(std::holds_alternative<Complaint>(directory_of_url(url)));
  }
}

TEST_CASE("near words are found, far ones are not", "[config]") {
  const std::vector<std::string> words{"daily", "weekly", "monthly", "window", "key"};
  CHECK(nearest("dialy", words) == "daily");
  CHECK(nearest("weekl", words) == "weekly");
  CHECK(nearest("MONTHLY", words) == "monthly");
  CHECK(nearest("keys", words) == "key");
  CHECK_FALSE(nearest("frobnicate", words).has_value());
  CHECK_FALSE(nearest("abc", words).has_value());
  CHECK_FALSE(nearest("", words).has_value());
  CHECK_FALSE(nearest(std::string(1000, 'w'), words).has_value());
}

TEST_CASE("quoted words stay whole characters when they are cut", "[config]") {
  const std::string umlauts = [] {
    std::string text = "x";
    for (int i = 0; i < 40; ++i) {
      text += "\xC3\xA4";
    }
    return text;
  }();
  CHECK(in_quotes(umlauts) == "\"" + umlauts.substr(0, 63) + "...\"");
  CHECK(in_quotes("a\tb\x7f") == "\"a?b?\"");
}

}  // namespace forms_test
