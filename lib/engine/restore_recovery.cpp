#include "engine/restore_recovery.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/error.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t settings_file_mode = 0600;
constexpr std::uint64_t max_settings_size = 16U << 20U;  // bytes
constexpr const char* settings_file = "postgresql.auto.conf";
constexpr const char* recovery_signal = "recovery.signal";
constexpr const char* standby_signal = "standby.signal";

}  // namespace

void write_recovery_settings(const RestorePlan& plan, const RestoreTarget& target, PathSet& keep) {
  const std::string& into = plan.request.into;
  const std::string settings = into + "/" + settings_file;
  std::string text;
  if (fs::exists(settings)) {
    const Bytes bytes = read_file(settings, max_settings_size);
    text = text_of(bytes);
  }
  text = with_recovery_settings(text, plan.recovery->settings);
  target.replace_file(settings, settings_file_mode, bytes_of(text));
  // A backup of a standby has this, and it would go before recovery.signal: the server would follow its primary for ever.
  const std::string standby = into + "/" + standby_signal;
  if (::unlink(standby.c_str()) != 0 && errno != ENOENT) {
    throw system_error("cannot remove the file", standby, errno);
  }
  target.replace_file(into + "/" + recovery_signal, settings_file_mode, ByteView());
  keep.add(settings_file);
  keep.add(recovery_signal);
}

}  // namespace pgrecall
