#include "alert/deliver.h"

#include <fmt/format.h>

#include <fstream>
#include <span>
#include <sstream>

#include "alert/format/formats.h"
#include "alert/format/text.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/percent.h"
#include "http/http_client.h"

namespace pgrecall {

namespace {
using Kind = ReceiverConfig::Kind;
using Outcome = DeliveryResult::Outcome;

constexpr auto pagerduty_address = "https://events.pagerduty.com/v2/enqueue";
constexpr std::size_t longest_answer = 300;

// What was read for one attempt, so that a peer that repeats it in its answer does not bring it into a log.
class Secrets {
 public:
  Secret read(const SecretSource& source, const std::string& what) { return used_.emplace_back(read_secret(source, what)); }

  [[nodiscard]] std::string hide(std::string text) const {
    for (const Secret& secret : used_) {
      hide(text, secret.reveal());
      // Of an address, peers repeat what stands behind the host.
      const auto scheme = secret.reveal().find("://");
      const auto path = scheme == std::string::npos ? scheme : secret.reveal().find('/', scheme + 3);
      if (path != std::string::npos) {
        hide(text, secret.reveal().substr(path));
        hide(text, secret.reveal().substr(path + 1));
      }
      hide_login(text, secret.reveal(), scheme, path);
    }
    return text;
  }

 private:
  // "user:password" before the host of an address: as it is, decoded (RFC 3986, section 2.1), and as HTTP's Basic scheme sends
  // it.
  static void hide_login(std::string& text, const std::string& address, std::size_t scheme, std::size_t path) {
    const auto host = scheme == std::string::npos ? scheme : address.substr(0, path).rfind('@');
    if (host == std::string::npos || host < scheme + 3) {
      return;
    }
    const std::string written = address.substr(scheme + 3, host - scheme - 3);
    const std::string login = percent_decoded(written);
    hide(text, to_base64(std::as_bytes(std::span(login))));
    for (const std::string& form : {written, login}) {
      hide(text, form);
      if (const auto colon = form.find(':'); colon != std::string::npos) {
        hide(text, form.substr(colon + 1));
      }
    }
  }

  static void hide(std::string& text, const std::string& secret) {
    constexpr std::size_t shortest = 4;  // less would blot out innocent words
    if (secret.size() < shortest) {
      return;
    }
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), "****");
    }
  }

  std::vector<Secret> used_;
};

class Attempt {
 public:
  Attempt(const DeliveryOrder& order, const Notification& notification) : order_(order), notification_(notification) {}

  DeliveryResult run() {
    try {
      return order_.config.kind == Kind::email ? mail() : post();
    } catch (const Error& error) {
      // A secret that is not there may be there later.
      const bool configuration = error.kind() == ErrorKind::configuration;
      return {Outcome::passing, configuration ? "configuration" : "failed", secrets_.hide(error.what()), {}, {}, {}};
    }
  }

 private:
  [[nodiscard]] const ReceiverConfig& config() const { return order_.config; }
  Secret secret(const SecretSource& source, const char* what) {
    return secrets_.read(source, fmt::format("{} of receiver {}", what, order_.receiver));
  }

  DeliveryResult post() {
    HttpCall request;
    request.ca_file = config().ca_file;
    request.timeout = config().timeout;
    request.stop = order_.stop;
    request.url = address();
    std::string type = "application/json";
    request.body = body(type);
    request.headers.emplace_back("Content-Type", Secret(type));
    if (config().token.configured()) {
      request.headers.emplace_back("Authorization", Secret("Bearer " + secret(config().token, "token").reveal()));
    }
    if (config().kind == Kind::webhook) {
      sign(request);
    }
    const auto reply = http_request(request);
    return judge(reply);
  }

  Secret address() {
    if (config().kind == Kind::pagerduty && !config().url.configured()) {
      return Secret(std::string(pagerduty_address));
    }
    Secret url = secret(config().url, "address");
    if (config().kind != Kind::alertmanager || url.reveal().find("/api/v2/alerts") != std::string::npos) {
      return url;
    }
    return Secret(url.reveal() + (url.reveal().ends_with('/') ? "" : "/") + "api/v2/alerts");
  }

  std::string body(std::string& type) {
    switch (config().kind) {
      case Kind::slack: return slack_message(notification_).dump();
      case Kind::teams: return teams_message(notification_).dump();
      case Kind::discord: return discord_message(notification_).dump();
      case Kind::pagerduty: return pagerduty_event(notification_, secret(config().routing_key, "routing key")).dump();
      case Kind::alertmanager: return alertmanager_alerts(notification_, order_.repeat_interval + std::chrono::hours(1)).dump();
      case Kind::webhook:
      case Kind::email: break;
    }
    return config().template_file ? templated(type) : webhook_message(notification_).dump();
  }

  std::string templated(std::string& type) const {
    type = config().content_type.value_or(type);
    std::ifstream file(*config().template_file, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) {
      throw Error(ErrorKind::configuration, "cannot read the template", "look at pgrecall config check")
          .with("path", *config().template_file);
    }
    if (const auto problem = problem_of_template(text.str(), type)) {
      throw Error(ErrorKind::configuration, "the template " + problem->text, problem->hint).with("path", *config().template_file);
    }
    return render_template(text.str(), type, template_values(notification_));
  }

  void sign(HttpCall& request) {
    request.headers.emplace_back("X-Pgrecall-Message", Secret(message_id(notification_)));
    if (!config().signing_key.configured()) {
      return;
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(order_.now.time_since_epoch()).count();
    const std::string timestamp = std::to_string(seconds);
    request.headers.emplace_back("X-Pgrecall-Timestamp", Secret(timestamp));
    request.headers.emplace_back("X-Pgrecall-Signature",
                                 Secret(webhook_signature(secret(config().signing_key, "signing key"), timestamp, request.body)));
  }

  DeliveryResult mail() {
    using Encryption = ReceiverConfig::Encryption;
    MailDelivery mail;
    mail.server = config().server.value_or("");
    mail.encryption = config().encryption == Encryption::tls    ? MailDelivery::Encryption::tls
                      : config().encryption == Encryption::none ? MailDelivery::Encryption::none
                                                                : MailDelivery::Encryption::starttls;
    mail.from = config().from.value_or("");
    mail.to = config().to;
    mail.user = config().user;
    if (config().password.configured()) {
      mail.password = secret(config().password, "password");
    }
    mail.message = mail_message(notification_, mail.from, mail.to);
    mail.ca_file = config().ca_file;
    mail.timeout = config().timeout;
    mail.stop = order_.stop;
    return judge(send_mail(mail));
  }

  // 4xx says that this message is wrong, apart from the three that speak of the moment (RFC 9110, section 15.5). What redirects
  // is no answer of a receiver, but may be one of a network that asks for a login.
  [[nodiscard]] static bool for_good(long status) noexcept {
    return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
  }

  // These speak of the address or the login, not of the message (RFC 9110, section 15.5): a webhook that was revoked, a token
  // that ended.
  [[nodiscard]] static bool bars_all(long status) noexcept {
    return status == 401 || status == 403 || status == 404 || status == 410;
  }

  // RFC 5321, section 4.2.1: 5xx is for good; but a wrong password (530, 534, 535, 538) is not the message's fault.
  [[nodiscard]] static bool mail_for_good(long status) noexcept {
    return status >= 500 && status != 530 && status != 534 && status != 535 && status != 538;
  }

  DeliveryResult judge(const std::variant<HttpReply, NoReply>& found) const {
    if (const auto* none = std::get_if<NoReply>(&found)) {
      return {Outcome::passing, none->reason, none->text, {}, {}, {}};
    }
    const auto& reply = std::get<HttpReply>(found);
    DeliveryResult result;
    const std::string words = fit(clean(secrets_.hide(reply.body)), longest_answer);
    result.answer = std::to_string(reply.status) + (words.empty() ? "" : ": " + words);
    if (reply.good()) {
      result.outcome = Outcome::taken;
      result.remark = clean(secrets_.hide(reply.remark));
      return result;
    }
    const bool mail = config().kind == Kind::email;
    result.outcome = (mail ? mail_for_good(reply.status) : for_good(reply.status)) ? Outcome::refused : Outcome::passing;
    result.outcome = !mail && bars_all(reply.status) ? Outcome::barred : result.outcome;
    result.reason = "status_" + std::to_string(reply.status);
    result.problem = (mail ? "the mail server answered " : "the receiver answered ") + result.answer;
    if (!reply.redirect.empty()) {
      result.problem += "; it points to " + reply.redirect + ": give the address there";
    }
    result.retry_after = reply.retry_after;
    return result;
  }

  const DeliveryOrder& order_;
  const Notification& notification_;
  Secrets secrets_;
};
}  // namespace

DeliveryResult deliver(const DeliveryOrder& order, const Notification& notification) {
  return Attempt(order, notification).run();
}

}  // namespace pgrecall
