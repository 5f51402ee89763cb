#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alert/book.h"
#include "base/hash.h"
#include "base/secret.h"
#include "service/http_messages.h"
#include "status/status.h"

// What is answered on the web listener: docs/daemon.md, "Status page and probes".

namespace pgrecall {

// Who may see what has names in it. Keeps no password, only a hash of what a browser would send.
class WebAccess {
 public:
  // Everybody.
  WebAccess() = default;
  // HTTP basic authentication (RFC 7617).
  WebAccess(const std::string& username, const Secret& password);

  // `authorization`: the field's value, empty where it is absent. Takes the same time whatever is wrong with it.
  [[nodiscard]] bool allows(const std::string& authorization) const;

 private:
  std::optional<Sha256Digest> expected_;
};

// Where the answers come from. None of these waits for anything.
struct WebSources {
  std::function<std::shared_ptr<const ServiceFigures>()> figures;          // null: none yet
  std::function<std::shared_ptr<const std::vector<AlertEntry>>()> alerts;  // null: none yet
  std::function<std::string()> metrics;
  std::function<Time()> now;
  std::function<void(const std::string&)> trouble;  // an answer could not be made
  Time started{};
  std::string host;
};

[[nodiscard]] HttpResponse answer_web(const HttpRequest& request, const WebSources& sources, const WebAccess& access);
// For what is no request.
[[nodiscard]] HttpResponse refuse_web(unsigned status);

}  // namespace pgrecall
