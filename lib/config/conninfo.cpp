#include "config/conninfo.h"

#include <libpq-fe.h>
#include <strings.h>

#include <cstring>
#include <memory>
#include <vector>

namespace pgrecall {

namespace {
struct FreeOptions {
  void operator()(PQconninfoOption* options) const noexcept {
    for (PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
      if (option->val != nullptr) {
        ::explicit_bzero(option->val, std::strlen(option->val));
      }
    }
    PQconninfoFree(options);
  }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

struct FreeMessage {
  void operator()(char* message) const noexcept { PQfreemem(message); }
};

struct Parsed {
  Options options;  // null when libpq does not take it
  std::string message;
};

Parsed parse(const std::string& conninfo) {
  char* message = nullptr;
  Options options(PQconninfoParse(conninfo.c_str(), &message));
  const std::unique_ptr<char, FreeMessage> owned(message);
  return {std::move(options), message == nullptr ? std::string() : std::string(message)};
}

// libpq marks what must be hidden in a dialog with a star (libpq-fe.h, "dispchar").
bool hidden(const PQconninfoOption& option) {
  return std::string_view(option.dispchar).starts_with('*') ||
         std::string_view(option.keyword).find("password") != std::string_view::npos;
}

template <typename Visit>
void for_each_set(const Options& options, Visit visit) {
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) {
      visit(*option);
    }
  }
}

std::string quoted_value(std::string_view value) {
  if (!value.empty() && value.find_first_of(" '\\\t\r\n") == std::string_view::npos) {
    return std::string(value);
  }
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') {
      text += '\\';
    }
    text += c;
  }
  return text + "'";
}

std::vector<std::string> keywords() {
  std::vector<std::string> names;
  const Options all = parse("").options;
  for (const PQconninfoOption* option = all.get(); option != nullptr && option->keyword != nullptr; ++option) {
    names.emplace_back(option->keyword);
  }
  return names;
}

// The name in libpq's "invalid connection option "hots"" (fe-connect.c). It may be a piece of an unquoted password with spaces,
// so it is shown only where the string has none.
std::optional<std::string> unknown_option(const std::string& conninfo, const std::string& message) {
  const auto first = message.find('"');
  const auto second = message.find('"', first + 1);
  if (!message.starts_with("invalid ") || second == std::string::npos || conninfo.find("pass") != std::string::npos ||
      conninfo.find("://") != std::string::npos) {
    return std::nullopt;
  }
  return message.substr(first + 1, second - first - 1);
}
}  // namespace

std::optional<Complaint> check_conninfo(const std::string& conninfo) {
  constexpr auto hint =
      "write \"host=db.example.com user=pgrecall dbname=postgres\" or \"postgresql://pgrecall@db.example.com/postgres\"";
  if (conninfo.find('=') == std::string::npos && conninfo.find("://") == std::string::npos) {
    return Complaint{"is not a libpq connection string or URI", hint};
  }
  const Parsed parsed = parse(conninfo);
  if (parsed.options == nullptr) {
    if (const auto option = unknown_option(conninfo, parsed.message)) {
      return Complaint{"libpq knows no connection option " + in_quotes(*option), suggest(*option, keywords(), "it knows")};
    }
    return Complaint{"is not a libpq connection string or URI", hint};
  }
  std::optional<Complaint> complaint;
  for_each_set(parsed.options, [&complaint](const PQconninfoOption& option) {
    if (std::string_view(option.keyword) == "replication") {
      complaint = Complaint{"sets \"replication\", which pgrecall sets itself", "leave it out"};
    }
  });
  return complaint;
}

bool conninfo_has_port(const std::string& conninfo, std::string_view port) {
  const Parsed parsed = parse(conninfo);
  bool found = false;
  if (parsed.options != nullptr) {
    for_each_set(parsed.options, [&found, port](const PQconninfoOption& option) {
      const std::string ports = "," + std::string(option.val) + ",";
      found =
          found || (std::string_view(option.keyword) == "port" && ports.find("," + std::string(port) + ",") != std::string::npos);
    });
  }
  return found;
}

bool conninfo_has_secret(const std::string& conninfo) {
  const Parsed parsed = parse(conninfo);
  bool found = parsed.options == nullptr;
  if (parsed.options != nullptr) {
    for_each_set(parsed.options, [&found](const PQconninfoOption& option) { found = found || hidden(option); });
  }
  return found;
}

std::string redact_conninfo(const std::string& conninfo) {
  const Parsed parsed = parse(conninfo);
  if (parsed.options == nullptr) {
    return "********";
  }
  if (!conninfo_has_secret(conninfo)) {
    return conninfo;
  }
  std::string text;
  for_each_set(parsed.options, [&text](const PQconninfoOption& option) {
    text += text.empty() ? "" : " ";
    text += std::string(option.keyword) + "=" + (hidden(option) ? "********" : quoted_value(option.val));
  });
  return text;
}

}  // namespace pgrecall
