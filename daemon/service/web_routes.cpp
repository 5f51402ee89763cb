#include "service/web_routes.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "base/bytes.h"
#include "metrics/metrics.h"
#include "page/moments.h"
#include "page/page.h"

namespace pgrecall {

namespace {
constexpr double figures_old_after = figures_old_after_seconds;

HttpResponse response_of(unsigned status, const char* type, std::string body) {
  return {.status = status,
          .fields = {{"Content-Type", type},
                     {"Cache-Control", "no-store"},
                     {"X-Content-Type-Options", "nosniff"},
                     {"Referrer-Policy", "no-referrer"},
                     {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"}},
          .body = std::move(body),
          .more = {}};
}

HttpResponse text(unsigned status, const std::string& line) {
  return response_of(status, "text/plain; charset=utf-8", line + "\n");
}

// Why nothing that is told can be relied on; empty where it can.
std::string silence_of_desk(const ServiceFigures* figures, const WebSources& sources) {
  const double age = seconds_between(figures == nullptr ? sources.started : figures->taken, sources.now());
  if (age <= figures_old_after) {
    return {};
  }
  return "nothing was worked out for " + rough_span(age) + ": the daemon hangs";
}

HttpResponse healthz(const WebSources& sources) {
  const std::string silence = silence_of_desk(sources.figures().get(), sources);
  return silence.empty() ? text(200, "ok") : text(503, silence);
}

// Names no cluster: whoever asks need not be known.
std::string not_ready(const ServiceFigures* figures, const WebSources& sources) {
  if (std::string silence = silence_of_desk(figures, sources); !silence.empty()) {
    return silence;
  }
  if (figures == nullptr) {
    return "starting";
  }
  if (figures->state != "running") {
    return "ending";
  }
  if (!figures->reload_good) {
    return "the configuration file is invalid; the one before is in force";
  }
  if (!figures->web_problem.empty()) {
    return "metrics and status page are not as configured";
  }
  if (!figures->state_problem.empty() || figures->journal_failing_since) {
    return "the daemon's state cannot be written";
  }
  const auto taken = static_cast<std::size_t>(std::ranges::count_if(figures->clusters, [](const ClusterFigures& cluster) {
    return cluster.state == "active" || cluster.state == "held_by_another";
  }));
  if (taken < figures->clusters.size()) {
    return fmt::format("{} of {} clusters cannot be looked after yet", figures->clusters.size() - taken,
                       figures->clusters.size());
  }
  return {};
}

HttpResponse readyz(const WebSources& sources) {
  const std::string reason = not_ready(sources.figures().get(), sources);
  return reason.empty() ? text(200, "ready") : text(503, reason);
}

HttpResponse page(const WebSources& sources) {
  const auto figures = sources.figures();
  const auto alerts = sources.alerts();
  HttpResponse response =
      response_of(200, "text/html; charset=utf-8",
                  status_page({.figures = figures.get(), .alerts = alerts.get(), .now = sources.now(), .host = sources.host}));
  response.fields.back().second = page_security_policy();
  return response;
}

HttpResponse metrics(const WebSources& sources) { return response_of(200, metrics_content_type, sources.metrics()); }

HttpResponse who_are_you() {
  HttpResponse response =
      text(401, "a name and a password are needed: metrics.username and metrics.password of the configuration");
  response.fields.emplace_back("WWW-Authenticate", "Basic realm=\"pgrecall\", charset=\"UTF-8\"");
  return response;
}
}  // namespace

WebAccess::WebAccess(const std::string& username, const Secret& password) {
  const Secret pair(username + ":" + password.reveal());
  const Secret encoded(to_base64(bytes_of(pair.reveal())));
  expected_ = sha256(bytes_of(encoded.reveal()));
}

bool WebAccess::allows(const std::string& authorization) const {
  if (!expected_) {
    return true;
  }
  constexpr std::string_view scheme = "basic ";
  std::string begin = authorization.substr(0, scheme.size());
  std::ranges::transform(begin, begin.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string_view given = begin == scheme ? std::string_view(authorization).substr(scheme.size()) : std::string_view();
  const Sha256Digest digest = sha256(bytes_of(given));
  return CRYPTO_memcmp(digest.bytes.data(), expected_->bytes.data(), digest.bytes.size()) == 0;
}

HttpResponse answer_web(const HttpRequest& request, const WebSources& sources, const WebAccess& access) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const bool known = path == "/" || path == "/metrics" || path == "/healthz" || path == "/readyz";
  if (!known) {
    return text(404, "there is no such page; there are / (status), /metrics, /healthz and /readyz");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse response = text(405, "this can only be read");
    response.fields.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (path == "/healthz") {
    return healthz(sources);
  }
  if (path == "/readyz") {
    return readyz(sources);
  }
  if (!access.allows(request.authorization)) {
    return who_are_you();
  }
  return path == "/" ? page(sources) : metrics(sources);
}

HttpResponse refuse_web(unsigned status) {
  return text(status, status == 413 ? "the request is too big" : (status == 400 ? "this is no HTTP request" : "that failed"));
}

}  // namespace pgrecall
