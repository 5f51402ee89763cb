#include "alert/alert.h"

#include <catch2/catch.hpp>

namespace alert_test {

using namespace pgrecall;

TEST_CASE("A fingerprint is of what an alert is about, not of what it says") {
  Alert alert;
  alert.name = "PgrecallRunFailed";
  alert.cluster = "shop";
  alert.subject = "daily";
  alert.summary = "one";
  Alert later = alert;
  later.summary = "another";
  later.run = "20261123T023000Z-shop-daily";
  CHECK(fingerprint(alert) == fingerprint(later));
  CHECK(fingerprint(alert).size() == 16);
  Alert other = alert;
  other.subject = "weekly";
  CHECK(fingerprint(alert) != fingerprint(other));
  // The parts do not run into one another.
  other = alert;
  other.cluster = "shopdaily";
  other.subject = "";
  CHECK(fingerprint(alert) != fingerprint(other));
}

TEST_CASE("Severities are read as they are written") {
  CHECK(parse_severity("critical") == Severity::critical);
  CHECK(parse_severity(name(Severity::warning)) == Severity::warning);
  CHECK_FALSE(parse_severity("Critical"));
}

}  // namespace alert_test
