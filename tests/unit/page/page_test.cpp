#include "page/page.h"

#include <catch2/catch.hpp>
#include <regex>

#include "unit/page/sample.h"

namespace page_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
bool has(const std::string& page, const std::string& text) { return page.find(text) != std::string::npos; }

std::size_t count(const std::string& page, const std::string& text) {
  std::size_t found = 0;
  for (std::size_t at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) {
    ++found;
  }
  return found;
}

// Every element that is begun is ended, in order; attributes are quoted.
std::string first_unbalanced(const std::string& page) {
  static const std::regex tag("<(/?)([a-z0-9]+)((?: [A-Za-z0-9-]+(?:=\"[^\"<>]*\")?)*)(/?)>");
  std::vector<std::string> open;
  for (std::sregex_iterator at(page.begin(), page.end(), tag), end; at != end; ++at) {
    const std::string name = (*at)[2];
    if ((*at)[4].length() > 0 || name == "meta" || name == "link") {
      continue;
    }
    if ((*at)[1].length() == 0) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "</" + name + "> where " + (open.empty() ? "nothing" : open.back()) + " is open";
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> is not ended";
}
}  // namespace

TEST_CASE("the page says first whether all is well, then how each cluster stands", "[page]") {
  const std::string page = Sample().page();
  CHECK(first_unbalanced(page) == "");
  CHECK(has(page, "<h1>All 3 clusters are recoverable</h1>"));
  CHECK(has(page, "<title>All 3 clusters are recoverable – pgrecall on backup1</title>"));
  CHECK(count(page, "<article class=\"card good\"") == 3);
  CHECK(page.find("<h1>") < page.find("cluster-billing"));
  CHECK(has(page, "<dd class=\"\">2 s</dd><dd class=\"note\">at most 5 min promised</dd>"));
  CHECK(has(page, "daily, 4.71 GB, 131 MB stored"));
  CHECK(has(page, "<b>830 GB</b> free of 2.00 TB"));
  CHECK(has(page, "full in about 68 days, grows by 12.1 GB a day"));
  CHECK(has(page, "<b>oncall</b> last told"));
  CHECK_FALSE(has(page, "open alert"));
  CHECK_FALSE(has(page,
                  "unknown"
                  "-value\">"));
}

TEST_CASE("the page runs nothing, and loads nothing", "[page]") {
  Sample sample;
  sample.alerts = {alert_of("PgrecallWalStalled", Severity::critical, "crm")};
  const std::string page = sample.page();
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(std::regex_search(page, std::regex(" on[a-z]+=")));
  CHECK_FALSE(has(page, " style=\""));  // the security policy would forbid it
  CHECK_FALSE(has(page, "src="));
  CHECK(count(page, "<link ") == 1);
  CHECK(has(page, "<link rel=\"icon\" href=\"data:"));
  CHECK(page_security_policy().starts_with("default-src 'none'; style-src 'sha256-"));
}

TEST_CASE("what servers and people said is shown, never obeyed", "[page]") {
  const std::string evil = "<script>alert(1)</script>\"'&";
  Sample sample;
  sample.alerts = {alert_of("PgrecallWalStalled", Severity::critical, "crm")};
  Alert& alert = sample.alerts[0].alert;
  alert.name = alert.summary = alert.action = alert.subject = alert.run = evil;
  alert.runbook = "javascript:alert(1)";
  sample.alerts[0].silence =
      Silence{.id = 1, .cluster = "crm", .alert = {}, .why = evil, .who = evil, .created = noon, .until = noon + 1h};
  ClusterFigures& crm = sample.cluster(1);
  crm.cluster = crm.repository = crm.timezone = crm.problem = crm.wal.problem = crm.window_problem = evil;
  crm.jobs[1].job = evil;
  crm.jobs[1].last_result = "failed";
  crm.jobs[1].last_error_message = evil;
  crm.jobs[0].running =
      JobFigures::Running{.run = evil, .started = noon, .phase = evil, .done_bytes = 0, .expected_bytes = 0, .progress = noon};
  crm.backups.back().keep = evil;
  sample.figures.repositories[0].repository = sample.figures.repositories[0].problem = evil;
  sample.figures.receivers[0].receiver = sample.figures.receivers[0].problem = evil;
  sample.figures.receivers[0].failing_since = noon;
  sample.figures.version = evil;
  const std::string page = sample.page();
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "javascript:"));
  CHECK(count(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;") > 12);
  CHECK(first_unbalanced(page) == "");
}

TEST_CASE("alerts say what happened, what to do, and where it is written", "[page]") {
  Sample sample;
  sample.alerts = {alert_of("PgrecallRunFailed", Severity::warning, "shop"),
                   alert_of("PgrecallWalStalled", Severity::critical, "crm")};
  sample.alerts.push_back(alert_of("PgrecallRunsMissed", Severity::warning, "shop"));
  sample.alerts.back().state = AlertState::pending;
  const std::string page = sample.page();
  CHECK(has(page, "2 open alerts"));
  CHECK(has(page, "1 more is watched: it may pass by itself."));
  CHECK(page.find("WAL of crm is not received") < page.find("WAL of shop is not received"));  // the critical one first
  CHECK(has(page, "<code>pgrecall status crm</code>"));
  CHECK(has(page, "<a href=\"https://example.com/runbooks/PgrecallWalStalled.md\""));
  CHECK(page.find("id=\"cluster-crm\"") < page.find("id=\"cluster-billing\""));  // so does the worst cluster
  CHECK(has(page, "12 min ago"));
}

TEST_CASE("what is not known is said to be unknown", "[page]") {
  Sample sample;
  sample.figures.clusters = {ClusterFigures{}};
  sample.cluster(0).cluster = "shop";
  sample.figures.repositories = {RepositoryFigures{}};
  sample.figures.receivers.clear();
  const std::string page = sample.page();
  CHECK(first_unbalanced(page) == "");
  CHECK(has(page, "How shop stands is not known"));
  CHECK(count(page, "<dd class=\"unknown\">unknown</dd>") == 3);  // window, RPO, last backup
  CHECK(has(page, "How much room there is is unknown."));
  CHECK(has(page, "Nobody: no receiver of alerts is configured."));
  CHECK_FALSE(has(page,
                  "good"
                  "\""));
  CHECK_FALSE(has(page, "card good"));
}

TEST_CASE("there is a page before there are figures, and without clusters", "[page]") {
  const std::string empty = status_page({.figures = nullptr, .alerts = nullptr, .now = noon, .host = {}});
  CHECK(first_unbalanced(empty) == "");
  CHECK(has(empty, "Nothing is known yet"));
  Sample sample;
  sample.figures.clusters.clear();
  CHECK(has(sample.page(), "Nothing is protected"));
}

TEST_CASE("stale figures have no colour of health and no RPO", "[page]") {
  Sample sample;
  sample.now = noon + 12min;
  const std::string page = sample.page();
  CHECK(has(page, "What is shown here held 12 min ago."));
  CHECK(count(page, "class=\"timeline stale\"") == 3);
  CHECK(count(page, "<dd class=\"unknown\">unknown</dd>") == 3);
  CHECK_FALSE(has(page, "card good"));
}

TEST_CASE("a run under way shows how far it is", "[page]") {
  Sample sample;
  JobFigures& daily = sample.cluster(2).jobs[1];
  daily.running = JobFigures::Running{.run = "r",
                                      .started = noon - 6min,
                                      .phase = "reading files",
                                      .done_bytes = 1'000,
                                      .expected_bytes = 4'000,
                                      .progress = noon};
  CHECK(has(sample.page(), "<b>daily</b> is running: reading files"));
  CHECK(has(sample.page(), "25%, 1.00 kB of 4.00 kB"));
  CHECK(has(sample.page(), "<rect class=\"part\" width=\"25.00%\""));
  daily.running->done_bytes = 5'000;  // it grew
  CHECK(has(sample.page(), "<rect class=\"part\" width=\"100.00%\""));
  daily.running->expected_bytes = 0;
  CHECK_FALSE(has(sample.page(), "class=\"part\" width=\"100.00%\""));
}

TEST_CASE("a job that failed says why", "[page]") {
  Sample sample;
  JobFigures& verify = sample.cluster(2).jobs[3];
  verify.last_result = "failed";
  verify.last_error_message = "cannot read a pack";
  verify.tried_again = true;
  const std::string page = sample.page();
  CHECK(has(page, "<span class=\"failed\">failed</span>"));
  CHECK(has(page, "cannot read a pack"));
  CHECK(has(page, "is tried again"));
}

TEST_CASE("a Supabase without its Vault key in the newest backup says so, on every page until one has it") {
  Sample sample;
  const std::string lacking = "The newest backup lacks pgsodium_root.key";
  CHECK_FALSE(has(sample.page(), lacking));
  ClusterFigures& cluster = sample.figures.clusters.front();
  cluster.vault_key_expected = true;
  CHECK(count(sample.page(), lacking) == 1);
  cluster.backups.back().vault_key = true;
  CHECK_FALSE(has(sample.page(), lacking));
  cluster.backups.clear();
  CHECK(count(sample.page(), lacking) == 1);
}

}  // namespace page_test
