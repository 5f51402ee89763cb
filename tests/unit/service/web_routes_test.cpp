#include "service/web_routes.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "unit/page/sample.h"

namespace web_routes_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
struct Web {
  Sample sample;
  bool known = true;
  Time started = noon - 300h;
  WebAccess access;

  [[nodiscard]] HttpResponse ask(const std::string& target, const std::string& method = "GET",
                                 const std::string& authorization = {}) const {
    const WebSources sources{
        .figures = [this] { return known ? std::make_shared<const ServiceFigures>(sample.figures) : nullptr; },
        .alerts = [this] { return std::make_shared<const std::vector<AlertEntry>>(sample.alerts); },
        .metrics = [] { return std::string("metrics here\n"); },
        .now = [this] { return sample.now; },
        .trouble = [](const std::string&) {},
        .started = started,
        .host = "backup1"};
    return answer_web({.method = method, .target = target, .authorization = authorization, .body = {}, .who = "127.0.0.1"},
                      sources, access);
  }
};

std::string field(const HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.fields) {
    if (key == name) {
      return value;
    }
  }
  return {};
}

std::string basic(const std::string& pair) { return "Basic " + to_base64(bytes_of(pair)); }
}  // namespace

TEST_CASE("there are four pages, and a hint for whoever looks for others", "[web]") {
  const Web web;
  CHECK(web.ask("/").body.starts_with("<!doctype html>"));
  CHECK(web.ask("/?a=b").status == 200);
  CHECK(web.ask("/metrics").body == "metrics here\n");
  CHECK(field(web.ask("/metrics"), "Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(web.ask("/healthz").body == "ok\n");
  CHECK(web.ask("/readyz").body == "ready\n");
  for (const char* target : {"/index.html", "/metrics/", "//", "/v1/status", "", "*", "http://x/metrics", "/<script>"}) {
    INFO(target);
    CHECK(web.ask(target).status == 404);
    CHECK(web.ask(target).body == "there is no such page; there are / (status), /metrics, /healthz and /readyz\n");
  }
}

TEST_CASE("the listener is for reading", "[web]") {
  const Web web;
  CHECK(web.ask("/", "HEAD").status == 200);
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    CHECK(web.ask("/metrics", method).status == 405);
  }
  CHECK(field(web.ask("/", "POST"), "Allow") == "GET, HEAD");
}

TEST_CASE("every answer tells browsers to be careful", "[web]") {
  Web web;
  web.access = WebAccess("u", Secret("p"));
  for (const char* target : {"/", "/metrics", "/healthz", "/readyz", "/none"}) {
    INFO(target);
    const HttpResponse response = web.ask(target);
    CHECK(field(response, "X-Content-Type-Options") == "nosniff");
    CHECK(field(response, "Referrer-Policy") == "no-referrer");
    CHECK(field(response, "Cache-Control") == "no-store");
    CHECK(field(response, "Content-Security-Policy").starts_with("default-src 'none'"));
    CHECK(field(response, "Set-Cookie").empty());
  }
}

TEST_CASE("names are for those who know the password; probes are for all, and tell no names", "[web]") {
  Web web;
  web.access = WebAccess("prometheus", Secret("s3:cret"));
  for (const char* target : {"/", "/metrics"}) {
    CHECK(web.ask(target, "GET", basic("prometheus:s3:cret")).status == 200);
    CHECK(web.ask(target, "GET", "bAsIc " + to_base64(bytes_of("prometheus:s3:cret"))).status == 200);
    for (const std::string& wrong : {std::string(), basic("prometheus:s3:creT"), basic("Prometheus:s3:cret"),
                                     basic("prometheus:"), basic(""), basic("prometheus:s3:cret "), std::string("Basic"),
                                     std::string("Bearer x"), to_base64(bytes_of("prometheus:s3:cret"))}) {
      INFO(wrong);
      const HttpResponse response = web.ask(target, "GET", wrong);
      CHECK(response.status == 401);
      CHECK(field(response, "WWW-Authenticate") == "Basic realm=\"pgrecall\", charset=\"UTF-8\"");
      CHECK(response.body.find("shop") == std::string::npos);
    }
  }
  web.sample.cluster(2).state = "opening";
  for (const char* target : {"/healthz", "/readyz"}) {
    CHECK(web.ask(target).body.find("shop") == std::string::npos);
  }
  CHECK(web.ask("/healthz").status == 200);
}

TEST_CASE("health is that the daemon goes on working things out", "[web]") {
  Web web;
  web.sample.now = web.sample.figures.taken + 60s;
  CHECK(web.ask("/healthz").status == 200);
  web.sample.now = web.sample.figures.taken + 61s;
  CHECK(web.ask("/healthz").status == 503);
  CHECK(web.ask("/healthz").body == "nothing was worked out for 1 min: the daemon hangs\n");
  CHECK(web.ask("/readyz").status == 503);
  web.known = false;  // of one that has only just begun
  web.started = web.sample.now - 30s;
  CHECK(web.ask("/healthz").status == 200);
  CHECK(web.ask("/readyz").body == "starting\n");
  web.started = web.sample.now - 61s;
  CHECK(web.ask("/healthz").status == 503);
}

TEST_CASE("ready is that every cluster is looked after, here or elsewhere", "[web]") {
  Web web;
  web.sample.cluster(0).state = "held_by_another";
  CHECK(web.ask("/readyz").status == 200);
  web.sample.cluster(1).state = "opening";
  CHECK(web.ask("/readyz").status == 503);
  CHECK(web.ask("/readyz").body == "1 of 3 clusters cannot be looked after yet\n");
  web.sample.cluster(1).state = "active";
  web.sample.figures.journal_failing_since = web.sample.figures.taken;
  CHECK(web.ask("/readyz").body == "the daemon's state cannot be written\n");
  web.sample.figures.reload_good = false;
  CHECK(web.ask("/readyz").body == "the configuration file is invalid; the one before is in force\n");
  web.sample.figures.reload_good = true;
  web.sample.figures.web_problem = "the port is in use";
  CHECK(web.ask("/readyz").body == "metrics and status page are not as configured\n");
  web.sample.figures.web_problem.clear();
  web.sample.figures.journal_failing_since.reset();
  web.sample.figures.state_problem = "disk full";
  CHECK(web.ask("/readyz").body == "the daemon's state cannot be written\n");
  web.sample.figures.state = "draining";
  CHECK(web.ask("/readyz").body == "ending\n");
}

}  // namespace web_routes_test
