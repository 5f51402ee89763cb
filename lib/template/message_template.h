#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Mustache templates of what a webhook gets: variables, sections and inverted sections
// (https://mustache.github.io/mustache.5.html), without partials, other delimiters and lambdas. Pure; safe for many threads.

namespace pgrecall {

// What a template may name: texts, and what holds or does not.
struct TemplateValues {
  std::map<std::string, std::string> texts;
  std::map<std::string, bool> flags;
};

// The names that every message has: docs/alert-webhook.md explains them.
[[nodiscard]] const std::vector<std::string>& template_texts();
[[nodiscard]] const std::vector<std::string>& template_flags();

// What is wrong with a template of a body of that content type; nothing when it can be used. One of JSON is rendered with values
// that need escaping, and must be JSON then.
struct TemplateProblem {
  std::string text;
  std::string hint;
};
[[nodiscard]] std::optional<TemplateProblem> problem_of_template(const std::string& text, std::string_view content_type);

// The body. {{name}} is escaped as the content type needs it: JSON strings, HTML, forms; {{{name}}} never is. Of a template that
// has a problem, the result is empty.
[[nodiscard]] std::string render_template(const std::string& text, std::string_view content_type, const TemplateValues& values);

}  // namespace pgrecall
