#include "engine/recovery_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace pgrecall {

namespace {

std::string fraction_of(Time time) {
  const auto micros = (time - std::chrono::floor<std::chrono::seconds>(time)).count();
  return micros == 0 ? std::string() : fmt::format(".{:06}", micros);
}

// As the configuration file's lexer takes it (src/backend/utils/misc/guc-file.l): a quote and a backslash would mean something
// else, and a line's end would end the setting.
std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    text += c == '\n' ? std::string("\\n") : c == '\'' || c == '\\' ? std::string(2, c) : std::string(1, c);
  }
  return text + "'";
}

std::string setting_of(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  std::string name(line.substr(0, line.find_first_of(" \t=")));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

bool is_recovery_setting(std::string_view name) {
  return name == "restore_command" || name == "archive_cleanup_command" || name == "recovery_target" ||
         name.starts_with("recovery_target_");
}

}  // namespace

std::string_view name(TargetAction action) noexcept {
  switch (action) {
    case TargetAction::pause: return "pause";
    case TargetAction::promote: return "promote";
    case TargetAction::shutdown: return "shutdown";
  }
  return "pause";
}

std::string format_target_time(Time time) {
  std::string text = format_time(time);
  text[text.find('T')] = ' ';
  text.pop_back();
  return text + fraction_of(time) + "+00";
}

std::string format_exact_time(Time time) {
  std::string text = format_time(time);
  text.pop_back();
  return text + fraction_of(time) + "Z";
}

std::string describe(const RecoveryTarget& target) {
  const std::string exclusive = target.bound == RecoveryTarget::Bound::exclusive ? ", exclusive" : "";
  switch (target.kind) {
    case RecoveryTarget::Kind::latest: return "the end of the WAL";
    case RecoveryTarget::Kind::immediate: return "as soon as the backup is consistent";
    case RecoveryTarget::Kind::time: return "time " + format_exact_time(target.time) + exclusive;
    case RecoveryTarget::Kind::lsn: return "LSN " + target.lsn.to_string() + exclusive;
    case RecoveryTarget::Kind::xid: return "transaction " + std::to_string(target.xid) + exclusive;
    case RecoveryTarget::Kind::name: return "restore point " + target.name;
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> recovery_settings(const RecoveryRequest& request, TargetAction action,
                                                                   const std::string& timeline, std::optional<Lsn> last_record) {
  std::vector<std::pair<std::string, std::string>> settings = {{"restore_command", request.restore_command},
                                                               {"recovery_target_timeline", timeline}};
  if (request.archive_mode == ArchiveMode::off) {
    settings.emplace_back("archive_mode", "off");
  }
  const RecoveryTarget& target = request.target;
  bool inclusive = target.bound == RecoveryTarget::Bound::inclusive;
  if (last_record) {
    settings.emplace_back("recovery_target_lsn", last_record->to_string());
    inclusive = true;
  } else {
    switch (target.kind) {
      case RecoveryTarget::Kind::latest: return settings;
      case RecoveryTarget::Kind::immediate: settings.emplace_back("recovery_target", "immediate"); break;
      case RecoveryTarget::Kind::time: settings.emplace_back("recovery_target_time", format_target_time(target.time)); break;
      case RecoveryTarget::Kind::lsn: settings.emplace_back("recovery_target_lsn", target.lsn.to_string()); break;
      case RecoveryTarget::Kind::xid: settings.emplace_back("recovery_target_xid", std::to_string(target.xid)); break;
      case RecoveryTarget::Kind::name: settings.emplace_back("recovery_target_name", target.name); break;
    }
  }
  settings.emplace_back("recovery_target_inclusive", inclusive ? "true" : "false");
  settings.emplace_back("recovery_target_action", name(action));
  return settings;
}

std::string with_recovery_settings(std::string_view auto_conf, const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string text;
  while (!auto_conf.empty()) {
    const std::size_t newline = auto_conf.find('\n');
    const std::string_view line = auto_conf.substr(0, newline);
    auto_conf.remove_prefix(newline == std::string_view::npos ? auto_conf.size() : newline + 1);
    const std::string name = setting_of(line);
    if (!is_recovery_setting(name) && std::ranges::none_of(settings, [&](const auto& each) { return each.first == name; })) {
      text.append(line).append("\n");
    }
  }
  for (const auto& [setting, value] : settings) {
    text.append(setting).append(" = ").append(quoted(value)).append("\n");
  }
  return text;
}

}  // namespace pgrecall
