#include <algorithm>
#include <nlohmann/json.hpp>

#include "alert/format/formats.h"
#include "template/message_template.h"
#include "unit/alert/fixture.h"

namespace template_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {
constexpr auto json = "application/json";
std::string problem(const std::string& text, const char* type = json) {
  const auto found = problem_of_template(text, type);
  return found ? found->text : "";
}
}  // namespace

TEST_CASE("Variables, sections and inverted sections are rendered") {
  const TemplateValues firing = template_values(notification());
  CHECK(render_template("{{#firing}}{{name}}{{/firing}}{{^firing}}over{{/firing}}", "text/plain", firing) == "PgrecallRunFailed");
  const TemplateValues over = template_values(resolved(notification(), 125));
  CHECK(render_template("{{#firing}}{{name}}{{/firing}}{{^firing}}over after {{lasted}}{{/firing}}", "text/plain", over) ==
        "over after 2 h 05 min");
  CHECK(render_template("{{#action}}do{{/action}}{{^action}}nothing{{/action}}", "text/plain", over) == "nothing");
}

TEST_CASE("Values are escaped as the body needs it") {
  Notification told = notification();
  told.alert.summary = "a \"b\"\\ <c> & d";
  const TemplateValues values = template_values(told);
  CHECK(render_template("{{summary}}", json, values) == "a \\\"b\\\"\\\\ <c> & d");
  CHECK(render_template("{{summary}}", "text/html", values) == "a &quot;b&quot;\\ &lt;c&gt; &amp; d");
  CHECK(render_template("{{summary}}", "application/x-www-form-urlencoded", values) == "a%20%22b%22%5C%20%3Cc%3E%20%26%20d");
  CHECK(render_template("{{summary}}", "text/plain", values) == told.alert.summary);
  CHECK(render_template("{{{summary}}}", json, values) == told.alert.summary);
}

TEST_CASE("A template that cannot work is found before the first alert") {
  CHECK(problem("{\"text\": \"{{summary}}\"}").empty());
  CHECK(problem("{\"text\": \"{{sumary}}\"}") == "names \"sumary\", which no message has");
  CHECK(problem_of_template("{{sumary}}", json)->hint == "did you mean \"summary\"?");
  CHECK(problem("{{#firing}}x", "text/plain").starts_with("is no mustache template"));
  CHECK(problem("{{name", "text/plain") == "has {{ without }}");
  CHECK(problem("{{> other}}") == "has a partial");
  CHECK(problem("{{=<% %>=}}") == "changes its delimiters");
  CHECK(problem("{{.}}", "text/plain").starts_with("names"));
  CHECK(problem("{{! any words }}{\"a\": 1}").empty());
  CHECK(problem("{\"text\": {{summary}}}") == "does not make JSON of every message");
  CHECK(problem("{\"text\": \"{{{summary}}}\"}") == "does not make JSON of every message");
  CHECK(problem("{\"a\": 1{{#firing}}, \"b\": 2,{{/firing}} }") == "does not make JSON of every message");
  CHECK(problem("not json at all {{summary}}", "text/plain").empty());
}

TEST_CASE("Every message has every name that a template may use") {
  const TemplateValues values = template_values(resolved(notification(), 5));
  for (const std::string& name : template_texts()) {
    INFO(name);
    CHECK(values.texts.contains(name));
    // What a resolved message says nothing of.
    CHECK((name == "action" || name == "command" || !values.texts.at(name).empty()));
  }
  for (const std::string& name : template_flags()) {
    CHECK(values.flags.contains(name));
  }
}

}  // namespace template_test
