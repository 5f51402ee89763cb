#include "alert/routes.h"

#include "alert/conditions.h"
#include "unit/alert/fixture.h"

namespace routes_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Texts = std::vector<std::string>;

namespace {
AlertsConfig three() {
  AlertsConfig config;
  for (const char* name : {"chat", "mail", "pager"}) {
    config.receivers[name] = {};
  }
  return config;
}

Alert alert(Severity severity, const std::string& cluster = "shop", const std::string& name = "PgrecallRunFailed") {
  Alert made;
  made.name = name;
  made.severity = severity;
  made.cluster = cluster;
  return made;
}

RouteConfig route(Texts receivers) {
  RouteConfig made;
  made.receivers = std::move(receivers);
  return made;
}
}  // namespace

TEST_CASE("Without routes, everybody hears everything") {
  CHECK(routes_of(three(), alert(Severity::warning)) == Texts{"chat", "mail", "pager"});
  CHECK(routes_of({}, alert(Severity::critical)).empty());
}

TEST_CASE("An alert goes along every route that fits, and to all where none does") {
  AlertsConfig config = three();
  config.routes["night"] = route({"pager"});
  config.routes["night"].severity = RouteConfig::Severities::critical;
  config.routes["shop"] = route({"mail", "pager"});
  config.routes["shop"].clusters = {"shop"};
  config.routes["named"] = route({"chat"});
  config.routes["named"].alerts = {"PgrecallWalGap"};
  CHECK(routes_of(config, alert(Severity::critical, "crm")) == Texts{"pager"});
  CHECK(routes_of(config, alert(Severity::critical, "shop")) == Texts{"mail", "pager"});
  CHECK(routes_of(config, alert(Severity::warning, "crm", "PgrecallWalGap")) == Texts{"chat"});
  CHECK(routes_of(config, alert(Severity::warning, "shop", "PgrecallWalGap")) == Texts{"chat", "mail", "pager"});
  CHECK(routes_of(config, alert(Severity::warning, "crm")) == Texts{"chat", "mail", "pager"});
}

TEST_CASE("All conditions of a route hold") {
  AlertsConfig config = three();
  config.routes["r"] = route({"mail"});
  config.routes["r"].severity = RouteConfig::Severities::warning;
  config.routes["r"].clusters = {"shop"};
  CHECK(routes_of(config, alert(Severity::warning, "shop")) == Texts{"mail"});
  CHECK(routes_of(config, alert(Severity::critical, "shop")).size() == 3);
  CHECK(routes_of(config, alert(Severity::warning, "crm")).size() == 3);
}

TEST_CASE("That a receiver fails is told to another") {
  AlertsConfig config = three();
  Alert failing = alert(Severity::warning, "", condition::receiver_failing);
  failing.subject = "mail";
  CHECK(routes_of(config, failing) == Texts{"chat", "pager"});
  config.routes["all"] = route({"mail"});
  CHECK(routes_of(config, failing) == Texts{"chat", "pager"});
  config.receivers.erase("chat");
  config.receivers.erase("pager");
  CHECK(routes_of(config, failing).empty());
}

}  // namespace routes_test
