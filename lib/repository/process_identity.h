#pragma once

#include <cstdint>
#include <string>

namespace pgrecall {

// Which process on which host, so that another process can tell whether it still lives.
struct ProcessIdentity {
  std::string host;  // hash of machine id, boot id and PID namespace; empty where the system does not tell
  std::uint64_t pid = 0;
  std::uint64_t pid_started = 0;  // clock ticks since boot: /proc/<pid>/stat, field 22 (proc(5)); 0 where not known

  auto operator<=>(const ProcessIdentity&) const = default;
  [[nodiscard]] static ProcessIdentity self();
  // True only when it is certain that the process is gone: it ran on this host since its last boot, and its PID is free, taken by
  // another process, or a zombie's.
  [[nodiscard]] bool certainly_dead() const;
};

// "db1 pid 4711", for people.
[[nodiscard]] std::string describe_this_process();

}  // namespace pgrecall
