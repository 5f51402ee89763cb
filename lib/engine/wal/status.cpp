#include "engine/wal/status.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>

#include "io/fd.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

ordered_json lsn_json(Lsn lsn) { return lsn.valid() ? ordered_json(lsn.to_string()) : ordered_json(nullptr); }
ordered_json time_json(Time time) { return time == Time{} ? ordered_json(nullptr) : ordered_json(format_time(time)); }
ordered_json text_json(const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); }
}  // namespace

std::string_view name(WalReceiverState state) noexcept {
  switch (state) {
    case WalReceiverState::connecting: return "connecting";
    case WalReceiverState::streaming: return "streaming";
    case WalReceiverState::waiting_for_room: return "waiting_for_room";
    case WalReceiverState::stopped: return "stopped";
  }
  return "unknown";
}

ordered_json to_json(const WalReceiverStatus& status) {
  return {{"cluster", status.cluster},
          {"state", name(status.state)},
          {"updated", format_time(status.updated)},
          {"system_identifier", std::to_string(status.system_identifier)},
          {"slot", status.slot},
          {"host", text_json(status.host)},
          {"timeline", status.timeline},
          {"durable_lsn", lsn_json(status.durable)},
          {"stored_lsn", lsn_json(status.stored)},
          {"server_lsn", lsn_json(status.server_end)},
          {"server_time", time_json(status.server_time)},
          {"durable_time", time_json(status.durable_time)},
          {"spool_bytes", status.spool_bytes},
          {"spool_limit_bytes", status.spool_limit},
          {"waiting_segments", status.waiting_segments},
          {"refused", status.refused},
          {"last_segment", text_json(status.last_segment)},
          {"last_stored_segment", text_json(status.last_stored)},
          {"store_failing", status.store_failing},
          {"last_error", text_json(status.last_error)}};
}

void write_status_file(const std::string& path, const WalReceiverStatus& status) {
  const std::string temporary = path + ".new";
  {
    const Fd file = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    write_all(file, bytes_of(to_json(status).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n"), temporary);
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    throw io_error("cannot rename", temporary, errno);
  }
}

}  // namespace pgrecall
