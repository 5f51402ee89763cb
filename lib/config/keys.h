#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/values.h"

// The one declaration of all keys, and how others walk it. keys.cpp says which keys there are; a KeyVisitor says what is done
// with them: read from YAML (reader.cpp), dumped (dump.cpp), turned into a schema or a table (schema.cpp).

namespace pgrecall {

struct KeyInfo {
  enum class Presence { optional, required };
  std::string_view name;
  std::string_view help;
  Presence presence = Presence::optional;
};

class KeyVisitor;

// Sections under names that the user chooses, as clusters are. Borrowed: valid as long as the configuration is.
struct NamedSections {
  std::function<std::vector<std::string>()> names;
  // Visits the section of that name, which is made with its defaults where it is absent.
  std::function<void(const std::string& name, KeyVisitor& visitor)> visit;
  // Visits a section of nothing but defaults.
  std::function<void(KeyVisitor& visitor)> visit_defaults;
};

class KeyVisitor {
 public:
  virtual ~KeyVisitor() = default;
  virtual void value(const KeyInfo& info, const Value& value) = 0;
  virtual void section(const KeyInfo& info, const std::function<void(KeyVisitor&)>& visit) = 0;
  virtual void named_sections(const KeyInfo& info, const NamedSections& sections) = 0;
};

// The sections of a map; `visit` gives a section's keys.
template <typename Section>
[[nodiscard]] NamedSections named_sections_of(std::map<std::string, Section>& sections, void (*visit)(KeyVisitor&, Section&)) {
  return {[&sections] {
            std::vector<std::string> names;
            for (const auto& [name, section] : sections) {
              names.push_back(name);
            }
            return names;
          },
          [&sections, visit](const std::string& name, KeyVisitor& visitor) { visit(visitor, sections[name]); },
          [visit](KeyVisitor& visitor) {
            Section defaults;
            visit(visitor, defaults);
          }};
}

// Those of the section `alerts`: alert_keys.cpp.
void visit_alerts(AlertsConfig& alerts, KeyVisitor& keys);

// Shows every key of `config`, in the order of the documentation, to `visitor`.
void visit_keys(Config& config, KeyVisitor& visitor);

}  // namespace pgrecall
