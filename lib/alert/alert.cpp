#include "alert/alert.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace pgrecall {

std::string_view name(Severity severity) noexcept { return severity == Severity::critical ? "critical" : "warning"; }

std::optional<Severity> parse_severity(std::string_view text) noexcept {
  for (const Severity severity : {Severity::warning, Severity::critical}) {
    if (text == name(severity)) {
      return severity;
    }
  }
  return std::nullopt;
}

// A byte that no name holds stands between the parts, so that no two alerts share a text.
std::string fingerprint(const Alert& alert) {
  constexpr std::size_t digits = 16;
  const std::string text = alert.name + '\n' + alert.cluster + '\n' + alert.subject;
  return sha256(bytes_of(text)).to_string().substr(0, digits);
}

}  // namespace pgrecall
