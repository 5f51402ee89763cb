#include "page/page.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "page/parts.h"
#include "page/style_sheet.h"

namespace pgrecall {

namespace {
std::string_view icon_colour(Standing standing) {
  switch (standing) {
    case Standing::good: return "%2317764a";
    case Standing::elsewhere: return "%23707c8a";
    case Standing::unknown:
    case Standing::warning: return "%23d99a1c";
    case Standing::bad: break;
  }
  return "%23cf4a41";
}

Html head(const ServiceVerdict& verdict, const PageView& view) {
  Html document{
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\n"
      "<meta http-equiv=\"refresh\" content=\"15\">\n"};
  document += html("<title>{} – pgrecall{}</title>\n", verdict.headline, view.host.empty() ? "" : " on " + view.host);
  document += html(
      "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 16 16%22%3E"
      "%3Ccircle cx=%228%22 cy=%228%22 r=%227%22 fill=%22{}%22/%3E%3C/svg%3E\">\n",
      icon_colour(verdict.standing));
  document.text += "<style>";
  document.text += style_sheet();
  document.text += "</style></head>\n<body><div class=\"page\">\n";
  return document;
}

Html top(const PageView& view) {
  const Moments utc("UTC", view.now);
  const Html taken = view.figures == nullptr ? Html{"no figures yet"} : html("as of {}", utc.clock(view.figures->taken));
  return html(R"(<header class="top"><span><b>pgrecall</b>{}</span><span>{}</span></header>)"
              "\n",
              view.host.empty() ? "" : " on " + view.host, taken);
}

Html verdict_of_all(const ServiceVerdict& verdict) {
  Html shown =
      html(R"(<section class="verdict {}">{}<div><h1>{}</h1>)", name(verdict.standing), sign(verdict.standing), verdict.headline);
  constexpr std::size_t most_details = 4;
  for (std::size_t i = 0; i < std::min(verdict.details.size(), most_details); ++i) {
    shown += html("<p>{}</p>", verdict.details[i]);
  }
  if (verdict.details.size() > most_details) {
    shown += html("<p>And {} more.</p>", verdict.details.size() - most_details);
  }
  shown.text += "</div></section>\n";
  return shown;
}

Html section(const std::string& title, const Html& beside = {}) {
  return html(R"(<div class="section"><h2>{}</h2>{}</div>)"
              "\n",
              title, beside);
}

Html alerts(const PageView& view) {
  if (view.alerts == nullptr) {
    return section("Alerts") += Html{"<p class=\"quiet\">Unknown: nothing has been judged yet.</p>\n"};
  }
  std::vector<const AlertEntry*> open;
  std::size_t pending = 0;
  for (const AlertEntry& entry : *view.alerts) {
    if (is_open(entry)) {
      open.push_back(&entry);
    }
    pending += entry.state == AlertState::pending ? 1U : 0U;
  }
  if (open.empty() && pending == 0) {
    return {};
  }
  std::ranges::stable_sort(open, [](const AlertEntry* a, const AlertEntry* b) { return a->alert.severity > b->alert.severity; });
  const Moments moments("UTC", view.now);
  Html shown =
      section(open.empty() ? "No open alerts" : fmt::format("{} open alert{}", open.size(), open.size() == 1 ? "" : "s"));
  for (const AlertEntry* entry : open) {
    shown += alert_card(*entry, moments);
  }
  if (pending > 0) {
    shown += html(R"(<p class="quiet">{} more {} watched: it may pass by itself.</p>)"
                  "\n",
                  pending, pending == 1 ? "is" : "are");
  }
  return shown;
}

Html clusters(const PageView& view, const ServiceVerdict& verdict) {
  if (view.figures == nullptr || view.figures->clusters.empty()) {
    return {};
  }
  static constexpr std::string_view legend =
      R"(<span class="legend"><span><svg class="timeline"><rect class="real" width="20" height="10" rx="3"/></svg>recoverable</span>)"
      R"(<span><svg class="timeline"><rect class="promised" x=".5" y=".5" width="19" height="9" rx="3"/></svg>promised</span>)"
      R"(<span><svg class="timeline"><rect class="missing" width="20" height="10" rx="3"/></svg>missing</span>)"
      R"(<span><svg class="timeline"><rect class="tick" x="2" y="5" width="3" height="5" rx="1.5"/><rect class="tick" x="8" y="2.5" width="3" height="7.5" rx="1.5"/><rect class="tick" x="14" width="3" height="10" rx="1.5"/></svg>daily, weekly, monthly backup</span></span>)";
  Html shown = section("Clusters", {std::string(legend)});
  std::vector<const ClusterFigures*> sorted;
  for (const ClusterFigures& cluster : view.figures->clusters) {
    sorted.push_back(&cluster);
  }
  std::ranges::stable_sort(sorted, [&](const ClusterFigures* a, const ClusterFigures* b) {
    return verdict.clusters.at(a->cluster).standing > verdict.clusters.at(b->cluster).standing;
  });
  for (const ClusterFigures* cluster : sorted) {
    shown += cluster_card(*cluster, verdict.clusters.at(cluster->cluster), view);
  }
  return shown;
}

Html repositories(const PageView& view) {
  if (view.figures == nullptr || view.figures->repositories.empty()) {
    return {};
  }
  Html shown = section(view.figures->repositories.size() == 1 ? "Repository" : "Repositories");
  for (const RepositoryFigures& repository : view.figures->repositories) {
    shown += repository_card(repository, view.now);
  }
  return shown;
}

Html receivers(const PageView& view) {
  if (view.figures == nullptr) {
    return {};
  }
  Html shown = section("Who is told");
  const Moments moments("UTC", view.now);
  if (view.figures->receivers.empty()) {
    shown.text += "<p class=\"quiet\">Nobody: no receiver of alerts is configured.</p>\n";
  }
  for (const ReceiverFigures& receiver : view.figures->receivers) {
    const Html state = receiver.failing_since
                           ? html(R"(<span class="failed">failing since {}: {}</span>)",
                                  moments.relative(*receiver.failing_since), receiver.problem)
                           : (receiver.last_success ? html("last told {}", moments.relative(*receiver.last_success))
                                                    : Html{"not told anything yet"});
    shown += html("<p class=\"quiet\"><b>{}</b> {}{}</p>\n", receiver.receiver, state,
                  receiver.waiting > 0 ? fmt::format(", {} waiting", receiver.waiting) : "");
  }
  for (const HeartbeatFigures& heartbeat : view.figures->heartbeats) {
    shown += html("<p class=\"quiet\"><b>{}</b> heartbeat {}{}</p>\n", heartbeat.heartbeat,
                  heartbeat.last_success ? html("sent {}", moments.relative(*heartbeat.last_success)) : Html{"never sent"},
                  heartbeat.problem.empty() ? "" : ": " + heartbeat.problem);
  }
  return shown;
}

Html foot(const PageView& view) {
  Html shown{"<footer>"};
  if (view.figures != nullptr) {
    const Moments moments("UTC", view.now);
    shown += html("<span>pgrecall {}</span><span>daemon started {}</span>", view.figures->version,
                  moments.relative(view.figures->started));
    shown.text += view.figures->reload_good
                      ? ""
                      : R"(<span class="unknown-value">the newest configuration is invalid, an older one is in force</span>)";
  }
  shown.text += "<a href=\"/metrics\">metrics</a></footer>\n</div></body></html>\n";
  return shown;
}
}  // namespace

std::string status_page(const PageView& view) {
  const ServiceVerdict verdict = verdict_of(view);
  Html page = head(verdict, view);
  page += top(view);
  page.text += "<main>\n";
  page += verdict_of_all(verdict);
  page += alerts(view);
  page += clusters(view, verdict);
  page += repositories(view);
  page += receivers(view);
  page.text += "</main>\n";
  page += foot(view);
  return std::move(page.text);
}

const std::string& page_security_policy() {
  static const std::string policy = "default-src 'none'; style-src 'sha256-" + to_base64(sha256(bytes_of(style_sheet())).bytes) +
                                    "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  return policy;
}

}  // namespace pgrecall
