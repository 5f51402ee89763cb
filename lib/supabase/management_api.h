#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>

#include "base/clock.h"
#include "base/secret.h"
#include "http/http_client.h"
#include "supabase/platform_answers.h"

namespace pgrecall {

// Why the Management API gave no answer to work with. Expected, hence a value.
struct ApiTrouble {
  long status = 0;     // of HTTP; 0: there was no reply, or it was not understood
  std::string reason;  // for counters: "401", "429", "timeout", "not_understood"
  std::string text;    // for people; holds no secret
  std::string hint;
  // The request may have been carried out all the same: only for those that change something.
  bool may_have_acted = false;

  // The token is not taken: asking again is of no use, and may get it locked.
  [[nodiscard]] bool refused() const noexcept { return status == 401 || status == 403; }
};
template <typename Value>
using ApiAnswer = std::variant<Value, ApiTrouble>;

// Supabase's Management API, version 1 (https://api.supabase.com/api/v1). What does not change anything is tried again for a
// while when the platform is busy or away (429, 5xx, no connection), and never when it refuses (401, 403). Its rate limit, 120
// requests a minute when this was written, is kept to by what its answers say of it. Waits in the calling thread; safe for many
// threads.
class ManagementApi {
 public:
  struct Options {
    std::string address = "https://api.supabase.com";  // without a slash at its end
    Secret token;
    std::optional<std::string> ca_file;                               // PEM; unset: the system's certificates
    std::chrono::milliseconds patience = std::chrono::seconds(60);    // the longest that one question takes, pauses included
    std::chrono::milliseconds first_pause = std::chrono::seconds(1);  // doubled each time
  };
  explicit ManagementApi(Options options) : options_(std::move(options)) {}

  [[nodiscard]] ApiAnswer<std::string> project_status(const std::string& project, const std::stop_token& stop);
  [[nodiscard]] ApiAnswer<PlatformBackups> backups(const std::string& project, const std::stop_token& stop);
  [[nodiscard]] ApiAnswer<PlatformAddOns> add_ons(const std::string& project, const std::stop_token& stop);
  // Brings the project back to `target`, whole seconds; its answer says only that this began. Error{usage} for times before 2020:
  // a 0 would be taken for one.
  [[nodiscard]] std::optional<ApiTrouble> restore(const std::string& project, Time target, const std::stop_token& stop);
  // `variant`: "pitr_7". Costs money.
  [[nodiscard]] std::optional<ApiTrouble> select_add_on(const std::string& project, const std::string& variant,
                                                        const std::stop_token& stop);

 private:
  enum class Effect { none, changes };
  [[nodiscard]] ApiAnswer<std::string> ask(HttpCall::Method method, const std::string& path, const std::string& body,
                                           Effect effect, const std::stop_token& stop);
  [[nodiscard]] ApiAnswer<std::string> ask_once(HttpCall::Method method, const std::string& path, const std::string& body,
                                                Effect effect, std::chrono::milliseconds left, const std::stop_token& stop);
  void note_limit(const HttpReply& reply);
  [[nodiscard]] std::chrono::steady_clock::time_point free_again() const;
  // False when asked to stop.
  bool wait_until(std::chrono::steady_clock::time_point when, const std::stop_token& stop);

  const Options options_;
  mutable std::mutex mutex_;  // of what follows
  std::condition_variable_any never_;
  std::chrono::steady_clock::time_point free_again_{};  // no request before
};

}  // namespace pgrecall
