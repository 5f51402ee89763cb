#include "template/message_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <kainjow/mustache.hpp>
#include <nlohmann/json.hpp>

#include "base/wording.h"

namespace pgrecall {

namespace {
namespace mustache = kainjow::mustache;

std::string escape_json(const std::string& text) {
  const std::string quoted = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

std::string escape_html(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

std::string escape_form(const std::string& text) {
  constexpr std::string_view bare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string escaped;
  for (const char c : text) {
    escaped += bare.find(c) != std::string_view::npos ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return escaped;
}

bool is_json(std::string_view content_type) { return content_type.find("json") != std::string_view::npos; }

mustache::mustache::escape_handler escape_of(std::string_view content_type) {
  if (is_json(content_type)) {
    return escape_json;
  }
  if (content_type.find("html") != std::string_view::npos || content_type.find("xml") != std::string_view::npos) {
    return escape_html;
  }
  if (content_type.find("form-urlencoded") != std::string_view::npos) {
    return escape_form;
  }
  return [](const std::string& text) { return text; };
}

TemplateProblem unknown_name(const std::string& name) {
  std::vector<std::string> names = template_texts();
  names.insert(names.end(), template_flags().begin(), template_flags().end());
  return {"names " + in_quotes(name) + ", which no message has", suggest(name, names, "there are")};
}

// The library renders what is not there as nothing, so names are looked at here.
std::optional<TemplateProblem> problem_of_tag(std::string_view tag) {
  const std::string_view blanks = " \t\r\n";
  const char sign = tag.empty() ? '\0' : tag.front();
  if (sign == '!') {
    return std::nullopt;
  }
  if (sign == '>' || sign == '=') {
    return TemplateProblem{sign == '>' ? "has a partial" : "changes its delimiters",
                           "use variables, {{#name}} and {{^name}} sections alone"};
  }
  if (std::string_view("#^/&{").find(sign) != std::string_view::npos) {
    tag.remove_prefix(1);
  }
  const auto first = tag.find_first_not_of(blanks);
  const std::string name(first == std::string_view::npos ? "" : tag.substr(first, tag.find_last_not_of(blanks) - first + 1));
  const auto known = [&name](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return known(template_texts()) || known(template_flags()) ? std::nullopt : std::optional(unknown_name(name));
}

std::optional<TemplateProblem> problem_of_tags(std::string_view text) {
  for (auto at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at)) {
    const auto end = text.find("}}", at);
    if (end == std::string_view::npos) {
      return TemplateProblem{"has {{ without }}", "close it"};
    }
    if (auto problem = problem_of_tag(text.substr(at + 2, end - at - 2))) {
      return problem;
    }
    at = end + 2;
  }
  return std::nullopt;
}

mustache::data data_of(const TemplateValues& values) {
  mustache::data data;
  for (const auto& [name, text] : values.texts) {
    // An empty text is as one that is not there: a section of it is left out.
    data.set(name, text.empty() ? mustache::data(false) : mustache::data(text));
  }
  for (const auto& [name, flag] : values.flags) {
    data.set(name, mustache::data(flag));
  }
  return data;
}

TemplateValues sample(bool flags, const std::string& text) {
  TemplateValues values;
  for (const std::string& name : template_texts()) {
    values.texts[name] = text;
  }
  for (const std::string& name : template_flags()) {
    values.flags[name] = flags;
  }
  return values;
}
}  // namespace

const std::vector<std::string>& template_texts() {
  static const std::vector<std::string> names{"id",    "state",   "name",   "severity",    "cluster", "subject", "title",
                                              "text",  "summary", "action", "command",     "runbook", "run",     "fingerprint",
                                              "since", "told",    "lasted", "resolved_at", "host"};
  return names;
}

const std::vector<std::string>& template_flags() {
  static const std::vector<std::string> names{"firing", "resolved", "repeated", "critical", "warning"};
  return names;
}

std::optional<TemplateProblem> problem_of_template(const std::string& text, std::string_view content_type) {
  if (auto problem = problem_of_tags(text)) {
    return problem;
  }
  const mustache::mustache parsed(text);
  if (!parsed.is_valid()) {
    return TemplateProblem{"is no mustache template: " + parsed.error_message(), "every {{#name}} needs its {{/name}}"};
  }
  if (!is_json(content_type)) {
    return std::nullopt;
  }
  for (const bool flags : {true, false}) {
    for (const char* value : {"\"quoted\\\" and\nmore", ""}) {
      const std::string body = render_template(text, content_type, sample(flags, value));
      if (!nlohmann::json::accept(body)) {
        return TemplateProblem{"does not make JSON of every message",
                               "put {{name}} in quotes, never {{{name}}}, and mind commas at the ends of sections"};
      }
    }
  }
  return std::nullopt;
}

std::string render_template(const std::string& text, std::string_view content_type, const TemplateValues& values) {
  mustache::mustache parsed(text);
  parsed.set_custom_escape(escape_of(content_type));
  return parsed.is_valid() ? parsed.render(data_of(values)) : std::string();
}

}  // namespace pgrecall
