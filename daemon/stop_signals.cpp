#include "stop_signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/error.h"

namespace pgrecall {

namespace {
sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}
}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = stop_set();
  if (const int failure = pthread_sigmask(SIG_BLOCK, &set, nullptr); failure != 0) {
    throw system_error("cannot block signals", "sigmask", failure);
  }
  signals_ = Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals_ || !wake_) {
    throw system_error("cannot watch for signals", "signalfd", errno);
  }
  thread_ = std::jthread([this](const std::stop_token& ended) { run(ended); });
}

StopSignals::~StopSignals() {
  thread_.request_stop();
  static_cast<void>(eventfd_write(wake_.get(), 1));  // cannot fail: the counter was 0
}

void StopSignals::run(const std::stop_token& ended) {
  std::array<pollfd, 2> watched{{{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  while (!ended.stop_requested()) {
    if (poll(watched.data(), watched.size(), -1) < 0) {
      continue;
    }
    signalfd_siginfo signal{};
    while (read(signals_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
      if (!source_.request_stop()) {
        _exit(exit_code(ErrorKind::cancelled));  // asked twice: now, without cleaning up
      }
    }
  }
}

}  // namespace pgrecall
