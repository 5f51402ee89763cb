#include "supabase/management_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pgrecall {

namespace {
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds longest_exchange = 30s;
constexpr std::chrono::seconds pause_without_word = 5s;  // after a 429 that does not say how long

std::string hint_for(long status) {
  switch (status) {
    case 401:
      return "the token is not taken: make a new one under Account, Access Tokens, and put it where supabase.token_file says";
    case 403: return "the token's account may not see this project, or may not do this: its role must be Owner or Administrator";
    case 402: return "the project's plan does not have this: see Organization, Billing in the dashboard";
    case 404: return "is supabase.project the project's reference, and the token of its organization?";
    case 429: return "the platform allows 120 requests a minute for a token: others use the same one";
    default: return status >= 500 ? "the platform is in trouble: see https://status.supabase.com" : "";
  }
}

ApiTrouble trouble_of(const HttpReply& reply) {
  const std::string message = message_of(reply.body);
  return {reply.status, std::to_string(reply.status),
          fmt::format("the Management API answered {}{}{}", reply.status, message.empty() ? "" : ": ", message),
          hint_for(reply.status)};
}

ApiTrouble trouble_of(const NoReply& none) {
  return {0, none.reason, "the Management API does not answer: " + none.text,
          none.reason == "tls" ? "set supabase.ca_file where another than the system's certificates are meant"
                               : "may this host open connections to it? Proxies are those of the environment"};
}

bool passes(const ApiTrouble& trouble) {
  return trouble.status == 429 || trouble.status >= 500 ||
         (trouble.status == 0 && trouble.reason != "cancelled" && trouble.reason != "address");
}

template <typename Value, typename Read>
ApiAnswer<Value> read_answer(ApiAnswer<std::string> answer, const Read& read) {
  if (ApiTrouble* trouble = std::get_if<ApiTrouble>(&answer)) {
    return std::move(*trouble);
  }
  try {
    return read(std::get<std::string>(answer));
  } catch (const Error& error) {
    return ApiTrouble{0, "not_understood", error.message(), error.hint()};
  }
}

std::optional<ApiTrouble> only_trouble(ApiAnswer<std::string> answer) {
  ApiTrouble* trouble = std::get_if<ApiTrouble>(&answer);
  return trouble != nullptr ? std::optional(std::move(*trouble)) : std::nullopt;
}
}  // namespace

ApiAnswer<std::string> ManagementApi::project_status(const std::string& project, const std::stop_token& stop) {
  return read_answer<std::string>(ask(HttpCall::Method::get, "/v1/projects/" + project, {}, Effect::none, stop),
                                  project_status_of);
}

ApiAnswer<PlatformBackups> ManagementApi::backups(const std::string& project, const std::stop_token& stop) {
  return read_answer<PlatformBackups>(
      ask(HttpCall::Method::get, "/v1/projects/" + project + "/database/backups", {}, Effect::none, stop), backups_of);
}

ApiAnswer<PlatformAddOns> ManagementApi::add_ons(const std::string& project, const std::stop_token& stop) {
  return read_answer<PlatformAddOns>(
      ask(HttpCall::Method::get, "/v1/projects/" + project + "/billing/addons", {}, Effect::none, stop), add_ons_of);
}

std::optional<ApiTrouble> ManagementApi::restore(const std::string& project, Time target, const std::stop_token& stop) {
  if (target < std::chrono::sys_days(std::chrono::year(2020) / 1 / 1)) {
    throw Error(ErrorKind::usage, "a project is not brought back to a time before 2020").with("target", format_time(target));
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(target).time_since_epoch().count();
  return only_trouble(ask(HttpCall::Method::post, "/v1/projects/" + project + "/database/backups/restore-pitr",
                          nlohmann::json{{"recovery_time_target_unix", seconds}}.dump(), Effect::changes, stop));
}

std::optional<ApiTrouble> ManagementApi::select_add_on(const std::string& project, const std::string& variant,
                                                       const std::stop_token& stop) {
  return only_trouble(ask(HttpCall::Method::patch, "/v1/projects/" + project + "/billing/addons",
                          nlohmann::json{{"addon_variant", variant}, {"addon_type", "pitr"}}.dump(), Effect::changes, stop));
}

ApiAnswer<std::string> ManagementApi::ask(HttpCall::Method method, const std::string& path, const std::string& body,
                                          Effect effect, const std::stop_token& stop) {
  const Steady::time_point end = Steady::now() + options_.patience;
  std::chrono::milliseconds pause = options_.first_pause;
  while (true) {
    if (const auto free = free_again(); free > end) {
      return ApiTrouble{429, "429", "the Management API lets no more requests through for now", hint_for(429)};
    } else if (!wait_until(free, stop)) {
      return ApiTrouble{0, "cancelled", "asked to stop", {}};
    }
    const auto left = std::max(1000ms, std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now()));
    ApiAnswer<std::string> answer = ask_once(method, path, body, effect, left, stop);
    const ApiTrouble* trouble = std::get_if<ApiTrouble>(&answer);
    // What may have begun is not asked for twice; a 429 was not begun.
    const bool again = trouble != nullptr && passes(*trouble) && (effect == Effect::none || trouble->status == 429);
    const Steady::time_point next = Steady::now() + pause;
    if (!again || next > end || !wait_until(next, stop)) {
      return answer;
    }
    pause *= 2;
  }
}

ApiAnswer<std::string> ManagementApi::ask_once(HttpCall::Method method, const std::string& path, const std::string& body,
                                               Effect effect, std::chrono::milliseconds left, const std::stop_token& stop) {
  HttpCall call;
  call.method = method;
  call.url = Secret(options_.address + path);
  call.headers.emplace_back("Authorization", Secret("Bearer " + options_.token.reveal()));
  call.headers.emplace_back("Accept", Secret("application/json"));
  if (!body.empty()) {
    call.headers.emplace_back("Content-Type", Secret("application/json"));
  }
  call.body = body;
  call.ca_file = options_.ca_file;
  call.timeout = std::min(longest_exchange, left);
  call.stop = stop;
  std::variant<HttpReply, NoReply> outcome = http_request(call);
  if (const NoReply* none = std::get_if<NoReply>(&outcome)) {
    ApiTrouble trouble = trouble_of(*none);
    const bool sent = none->reason != "dns" && none->reason != "connect" && none->reason != "tls" && none->reason != "address";
    trouble.may_have_acted = effect == Effect::changes && sent;
    return trouble;
  }
  HttpReply& reply = std::get<HttpReply>(outcome);
  note_limit(reply);
  if (reply.good()) {
    return std::move(reply.body);
  }
  ApiTrouble trouble = trouble_of(reply);
  trouble.may_have_acted = effect == Effect::changes && reply.status >= 500;
  return trouble;
}

void ManagementApi::note_limit(const HttpReply& reply) {
  std::chrono::seconds pause{0};
  if (reply.status == 429) {
    pause = reply.retry_after.value_or(reply.rate_limited_for.value_or(pause_without_word));
  } else if (reply.rate_limited_for) {
    pause = *reply.rate_limited_for;
  }
  const std::lock_guard lock(mutex_);
  free_again_ = std::max(free_again_, Steady::now() + pause);
}

Steady::time_point ManagementApi::free_again() const {
  const std::lock_guard lock(mutex_);
  return free_again_;
}

bool ManagementApi::wait_until(Steady::time_point when, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  never_.wait_until(lock, stop, when, [&stop] { return stop.stop_requested(); });
  return !stop.stop_requested();
}

}  // namespace pgrecall
