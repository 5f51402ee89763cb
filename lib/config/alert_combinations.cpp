#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "config/config.h"
#include "config/key_problems.h"
#include "template/message_template.h"

namespace pgrecall {

namespace {
using ReceiverKind = ReceiverConfig::Kind;
using namespace std::chrono_literals;

// What each kind of receiver takes besides kind, ca_file and timeout.
struct KindKeys {
  ReceiverKind kind;
  const char* name;
  std::vector<std::string> secrets;   // each in four forms
  std::vector<std::string> values;    // plain keys
  std::vector<std::string> required;  // of both
};

const std::array<KindKeys, 7>& kinds() {
  static const std::array<KindKeys, 7> all{
      {{ReceiverKind::slack, "slack", {"url"}, {}, {"url"}},
       {ReceiverKind::teams, "teams", {"url"}, {}, {"url"}},
       {ReceiverKind::discord, "discord", {"url"}, {}, {"url"}},
       {ReceiverKind::pagerduty, "pagerduty", {"routing_key", "url"}, {}, {"routing_key"}},
       {ReceiverKind::alertmanager, "alertmanager", {"url", "token"}, {}, {"url"}},
       {ReceiverKind::webhook, "webhook", {"url", "signing_key", "token"}, {"template", "content_type"}, {"url"}},
       {ReceiverKind::email, "email", {"password"}, {"server", "from", "to", "encryption", "user"}, {"server", "from", "to"}}}};
  return all;
}

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

template <typename Section>
std::vector<std::string> names_of(const std::map<std::string, Section>& sections) {
  std::vector<std::string> names;
  for (const auto& [name, section] : sections) {
    names.push_back(name);
  }
  return names;
}

class AlertsCheck {
 public:
  AlertsCheck(const Config& config, KeyProblems& problems) : config_(config), problems_(problems) {}

  void receiver(const std::string& name, const ReceiverConfig& receiver) {
    const std::string path = "alerts.receivers." + name;
    // The section may not say what it is: that has been reported, and which keys it should have cannot be told.
    if (problems_.has(path + ".kind")) {
      fitting_keys(path, kinds().at(static_cast<std::size_t>(receiver.kind)));
    }
    for (const auto& [secret, source] : secrets(receiver)) {
      problems_.one_source(path, secret);
      problems_.doubtful(path, secret, *source);
    }
    if (receiver.kind == ReceiverKind::email) {
      email(path, receiver);
    }
    if (problems_.has(path + ".content_type") && !receiver.template_file) {
      problems_.error(path + ".content_type", "is for a template, and there is none", "remove it, or name a template");
    }
    message_template(path, receiver);
    at_least(path + ".timeout", receiver.timeout, 1s);
    if (receiver.timeout > 5min) {
      problems_.error(path + ".timeout", "is too long", "write at most 5m: what waits behind is held up");
    }
  }

  void route(const std::string& name, const RouteConfig& route) {
    const std::string path = "alerts.routes." + name;
    known(path + ".receivers", "receiver", route.receivers, names_of(config_.alerts.receivers), "alerts.receivers.");
    known(path + ".clusters", "cluster", route.clusters, names_of(config_.clusters), "clusters.");
  }

  void heartbeat(const std::string& name, const HeartbeatConfig& heartbeat) {
    const std::string path = "alerts.heartbeats." + name;
    if (!problems_.has_secret(path, "url")) {
      problems_.error(path, "has no address", "add url_file: FILE, url_env: VARIABLE or url_credential: NAME");
    }
    problems_.one_source(path, "url");
    problems_.doubtful(path, "url", heartbeat.url);
    known(path + ".clusters", "cluster", heartbeat.clusters, names_of(config_.clusters), "clusters.");
    if (heartbeat.on == HeartbeatConfig::On::healthy && problems_.has(path + ".jobs")) {
      problems_.error(path + ".jobs", "means nothing for a heartbeat on: healthy", "remove it, or write on: runs");
    }
    if (heartbeat.on == HeartbeatConfig::On::runs && problems_.has(path + ".interval")) {
      problems_.error(path + ".interval", "means nothing for a heartbeat on: runs", "remove it, or write on: healthy");
    }
    at_least(path + ".interval", heartbeat.interval, 1s);
  }

  void intervals() {
    at_least("alerts.remember", config_.alerts.remember, 1s);
    at_least("alerts.repeat_interval", config_.alerts.repeat_interval, 1s);
    at_least("alerts.give_up_after", config_.alerts.give_up_after, 1s);
  }

 private:
  static std::vector<std::pair<std::string, const SecretSource*>> secrets(const ReceiverConfig& receiver) {
    return {{"url", &receiver.url},
            {"routing_key", &receiver.routing_key},
            {"token", &receiver.token},
            {"signing_key", &receiver.signing_key},
            {"password", &receiver.password}};
  }

  void fitting_keys(const std::string& path, const KindKeys& fitting) {
    for (const std::string& key : fitting.required) {
      const bool secret = contains(fitting.secrets, key);
      if (secret ? problems_.has_secret(path, key) : problems_.has(path + "." + key)) {
        continue;
      }
      if (key == "url") {
        problems_.error(path, "has no address", "add url_file: FILE, url_env: VARIABLE or url_credential: NAME");
      } else {
        problems_.error(path, fmt::format("has no \"{}\"", key),
                        secret ? fmt::format("add {}_file: FILE, {}_env: VARIABLE or {}_credential: NAME", key, key, key)
                               : fmt::format("a receiver of kind {} needs it", fitting.name));
      }
    }
    std::vector<std::string> seen;
    for (const KindKeys& other : kinds()) {
      for (const std::string& key : other.secrets) {
        if (!contains(fitting.secrets, key) && !contains(seen, key)) {
          seen.push_back(key);
          for (const char* suffix : {"", "_file", "_env", "_credential"}) {
            meaningless(path, key + suffix, fitting.name);
          }
        }
      }
      for (const std::string& key : other.values) {
        if (!contains(fitting.values, key) && !contains(seen, key)) {
          seen.push_back(key);
          meaningless(path, key, fitting.name);
        }
      }
    }
  }

  // A template that is wrong would be found out by the first alert.
  void message_template(const std::string& path, const ReceiverConfig& receiver) {
    if (!receiver.template_file) {
      return;
    }
    std::ifstream file(*receiver.template_file, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) {
      problems_.error(path + ".template", fmt::format("{} cannot be read", *receiver.template_file),
                      "create it, or correct the path");
    } else if (auto problem = problem_of_template(text.str(), receiver.content_type.value_or("application/json"))) {
      problems_.error(path + ".template", std::move(problem->text), std::move(problem->hint));
    }
  }

  void meaningless(const std::string& path, const std::string& key, const char* kind) {
    if (problems_.has(path + "." + key)) {
      problems_.error(path + "." + key, fmt::format("means nothing for a receiver of kind {}", kind), "remove it");
    }
  }

  void email(const std::string& path, const ReceiverConfig& receiver) {
    if (receiver.user && !problems_.has_secret(path, "password")) {
      problems_.error(path + ".user", "has no password",
                      "add password_file: FILE, password_env: VARIABLE or password_credential: NAME");
    } else if (!receiver.user && problems_.has_secret(path, "password")) {
      problems_.error(path, "has a password and no \"user\"", "add user: NAME");
    }
    if (receiver.user && receiver.encryption == ReceiverConfig::Encryption::none) {
      problems_.warn(path + ".encryption", Complaint{"the password is sent in the open", "write starttls or tls"});
    }
  }

  // A section that could not be read has been reported; that it is absent is no news.
  void known(const std::string& key, const char* what, const std::vector<std::string>& names,
             const std::vector<std::string>& there, const std::string& prefix) {
    for (const std::string& name : names) {
      if (!contains(there, name) && !problems_.has(prefix + name)) {
        problems_.error(key, fmt::format("there is no {} {}", what, in_quotes(name)), suggest(name, there, "there are"));
      }
    }
  }

  void at_least(const std::string& key, std::chrono::milliseconds found, std::chrono::seconds least) {
    if (found < least) {
      problems_.error(key, "is too short", fmt::format("write at least {}s", least.count()));
    }
  }

  const Config& config_;
  KeyProblems& problems_;
};
}  // namespace

void check_alerts(const Config& config, KeyProblems& problems) {
  AlertsCheck check(config, problems);
  for (const auto& [name, receiver] : config.alerts.receivers) {
    check.receiver(name, receiver);
  }
  for (const auto& [name, route] : config.alerts.routes) {
    check.route(name, route);
  }
  for (const auto& [name, heartbeat] : config.alerts.heartbeats) {
    check.heartbeat(name, heartbeat);
  }
  check.intervals();
}

}  // namespace pgrecall
