#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace pgrecall {

// Runs a program that the user named, `words` being it (looked for in $PATH) and its arguments; no shell. It gets no input, none
// of our variables (PG..., those of systemd), and a process group of its own, which is ended when this returns by an error. What
// it writes to its standard output goes to `on_output` as it comes, whose errors end it too. Error{failed} when it cannot be
// started, takes longer than `time_limit`, or ends by anything but exit status 0: with the end of what it wrote to its standard
// error. Error{cancelled} when asked to stop.
void run_companion_command(const std::vector<std::string>& words, std::chrono::milliseconds time_limit,
                           const std::function<void(ByteView)>& on_output, const std::stop_token& stop);

}  // namespace pgrecall
