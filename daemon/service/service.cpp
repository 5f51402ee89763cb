#include "service/service.h"

#include <fcntl.h>
#include <sys/file.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "alert/book.h"
#include "alert/outbox.h"
#include "alert/routes.h"
#include "base/error.h"
#include "base/host_name.h"
#include "engine/scratch_directory.h"
#include "io/fd.h"
#include "metrics/metrics.h"
#include "service/control_socket.h"
#include "service/deliveries.h"
#include "service/figures.h"
#include "service/supervisor.h"
#include "service/systemd.h"
#include "service/web_listener.h"
#include "version.h"

namespace pgrecall {

namespace {
namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto beat_every = 1s;
constexpr unsigned beats_between_figures = 3;
constexpr unsigned beats_between_web_tries = 5;
constexpr auto longest_extension = 30s;
constexpr auto time_to_stop = 5min;  // for runs that are asked to, and for what was received to be stored

// Two daemons with one state directory would write each other's runs.
Fd lock_state(const std::string& directory) {
  make_directories(directory, 0750);
  const std::string path = directory + "/lock";
  Fd file = open_file(path, O_RDWR | O_CREAT, 0640);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    throw Error(ErrorKind::held, "another daemon has this state directory", "end it first, or name another by daemon.state")
        .with("path", directory);
  }
  return file;
}

class Service {
 public:
  Service(LoadedConfig loaded, const ServiceOptions& options)
      : warnings_(loaded.warnings),
        lock_(lock_state(loaded.config.daemon.state)),
        log_(loaded.config.log),
        clock_(options.clock != nullptr ? *options.clock : system_clock_),
        opened_(Journal::open(loaded.config.daemon.state, clock_.now())),
        outbox_(loaded.config.daemon.state),
        deliveries_(outbox_, system_clock_, log_),
        alerts_(loaded.config.daemon.state, loaded.config.alerts,
                {.figures = board_, .board = alert_board_, .log = log_, .clock = clock_},
                [this](const AlertsConfig& config, const Notification& notification) {
                  outbox_.add(notification, routes_of(config, notification.alert));
                }),
        supervisor_(desk_, loaded.config,
                    {.config_file = loaded.file,
                     .clock = &clock_,
                     .engine_clock = &system_clock_,
                     .clock_speed = options.clock_speed,
                     .on_reload = [this](const Config& config) { return web_.apply(config.metrics); },
                     .heartbeats = &deliveries_.heartbeats()},
                    *opened_.journal, alerts_, log_, [this] { on_all_ended(); }),
        figures_(supervisor_, board_,
                 {.clock = &clock_,
                  .clock_speed = options.clock_speed,
                  .journal_rebuilt = opened_.found == Journal::Found::damaged ? std::optional(clock_.now()) : std::nullopt}),
        signals_(io_, SIGTERM, SIGINT, SIGHUP),
        beat_(io_),
        socket_(io_, {.path = loaded.config.daemon.socket, .group = loaded.config.daemon.socket_group}, answers()),
        web_(io_, loaded.config.metrics, web_sources()) {}

  int run() {
    for (const Problem& warning : warnings_) {
      log_.write(LogLevel::warning, {}, to_string(warning));
    }
    note_journal();
    figures_.add_source([this](ServiceFigures& figures) {
      count_alerts(figures);
      figures.state_problem = alerts_.problem().empty() ? figures.journal_problem : alerts_.problem();
      figures.web_problem = web_.problem();
    });
    watch_signals();
    // A large copy takes a while to be removed; nobody waits for that.
    const std::jthread cleaner([this, scratch = supervisor_.config().scratch] { clean_up(scratch); });
    asio::post(desk_, [this] {
      supervisor_.start();
      deliveries_.configure(supervisor_.config().alerts);
      figures_.add_source([this](ServiceFigures& figures) { deliveries_.add_figures(figures); });
      publish_figures();
      log_.write(LogLevel::info, {}, "pgrecall " + std::string(version) + " started: " + supervisor_.status_line());
      if (!web_.problem().empty()) {
        log_.write(LogLevel::error, {}, "metrics and status page are not served, it is tried again: " + web_.problem());
      }
      // Ready is: configuration read, journal open, control socket listening, receivers started.
      service_manager::tell_ready();
      beat();
    });
    std::jthread desk([this] { run_desk(); });
    io_.run();
    desk_work_.reset();
    desk.join();
    log_.write(LogLevel::info, {}, "ended");
    return exit_done;
  }

 private:
  // Copies of drills that a daemon before this one could not remove.
  void clean_up(const std::string& scratch) {
    try {
      for (const std::string& removed : clean_scratch(scratch)) {
        log_.write(LogLevel::info, {}, "removed " + removed + ", the copy of a drill that was broken off");
      }
    } catch (const std::exception& error) {
      log_.write(LogLevel::warning, {}, std::string("the copy of a drill that was broken off is left: ") + error.what());
    }
  }

  // A call that throws ends the call, not the desk.
  void run_desk() {
    while (true) {
      try {
        desk_.run();
        return;
      } catch (const std::exception& error) {
        log_.write(LogLevel::error, {}, std::string("unexpected: ") + error.what());
      }
    }
  }

  void note_journal() {
    if (opened_.found == Journal::Found::damaged) {
      const std::string text = "the journal was damaged and is rebuilt from the repository; the old one is " + opened_.set_aside;
      log_.write(LogLevel::error, {}, text + ": " + opened_.problem);
      Alert alert;
      alert.name = condition::journal_rebuilt;
      alert.summary =
          "The daemon's state was damaged and is rebuilt from the repository; the old one is " + opened_.set_aside + ".";
      alert.action =
          "Look after the disk of daemon.state. Runs before now are known as far as they left a backup; no backup is lost.";
      alerts_.happen(std::move(alert));
    }
  }

  ControlSocket::Answers answers() {
    return {
        .answer =
            [this](ApiRequest request, std::function<void(ApiResponse)> done) {
              asio::post(desk_, [this, asked = std::move(request), told = std::move(done)] { told(answer(asked, supervisor_)); });
            },
        .follow =
            [this](std::shared_ptr<FollowCursor> cursor, std::function<void(FollowLines)> done) {
              asio::post(desk_,
                         [this, followed = std::move(cursor), told = std::move(done)] { told(follow(*followed, supervisor_)); });
            }};
  }

  WebSources web_sources() {
    return {.figures = [this] { return board_.read(); },
            .alerts = [this] { return alert_board_.read(); },
            .metrics = [this] { return metrics_text(board_); },
            .now = [this] { return clock_.now(); },
            .trouble = [this](const std::string& text) { log_.write(LogLevel::error, {}, text); },
            .started = clock_.now(),
            .host = host_name()};
  }

  void watch_signals() {
    signals_.async_wait([this](const boost::system::error_code& problem, int signal) {
      if (problem) {
        return;
      }
      if (signal == SIGHUP) {
        asio::post(desk_, [this] { reload(); });
      } else if (!same_request()) {
        service_manager::tell_stopping();
        asio::post(desk_, [this] { supervisor_.drain(); });
      }
      watch_signals();
    });
  }

  // timeout(1) and some service managers signal the process and its group: one request to end, though it comes twice. Another
  // that comes later insists.
  bool same_request() {
    const auto now = std::chrono::steady_clock::now();
    return now - std::exchange(asked_to_end_, now) < std::chrono::milliseconds(500);
  }

  void reload() {
    service_manager::tell_reloading();
    if (reload_supervisor()) {
      try {
        deliveries_.configure(supervisor_.config().alerts);
      } catch (const std::exception& error) {
        log_.write(LogLevel::error, {},
                   std::string("receivers of alerts are not all as configured; reload again: ") + error.what());
      }
    }
    service_manager::tell_ready();
  }

  // The supervisor logs and records what is wrong; the old configuration holds then.
  bool reload_supervisor() {
    try {
      supervisor_.reload();
      return true;
    } catch (const std::exception& told_already) {
      return false;
    }
  }

  // Not for ever: what does not end within its limit and some time to stop is for the service manager to kill.
  void extend_while_ending() {
    const auto now = std::chrono::steady_clock::now();
    if (!ending_until_) {
      ending_until_ = now + supervisor_.config().daemon.drain_limit + time_to_stop;
    }
    if (now < *ending_until_) {
      service_manager::extend_timeout(longest_extension);
    }
  }

  // Figures that cannot be worked out must not end the beat; whoever reads them sees by their time that they are old.
  void publish_figures() {
    try {
      figures_.publish();
    } catch (const std::exception& error) {
      log_.write(LogLevel::error, {}, std::string("how everything stands cannot be worked out: ") + error.what());
    }
    alerts_.round();
    tell_health();
  }

  void count_alerts(ServiceFigures& figures) const {
    figures.alerts_open = {{std::string(name(Severity::critical)), 0}, {std::string(name(Severity::warning)), 0}};
    const auto entries = alert_board_.read();
    for (const AlertEntry& entry : entries ? *entries : std::vector<AlertEntry>()) {
      if (entry.state == AlertState::firing || entry.state == AlertState::settling) {
        ++figures.alerts_open[std::string(name(entry.alert.severity))];
      }
    }
  }

  // Heartbeats go on while all is well; figures that are no longer worked out end them, too.
  void tell_health() {
    const auto figures = board_.read();
    const auto open = alert_board_.read();
    if (!figures || !open) {
      return;
    }
    std::set<std::string> critical;
    for (const AlertEntry& entry : *open) {
      const bool fires = entry.state == AlertState::firing || entry.state == AlertState::settling;
      if (fires && entry.alert.severity == Severity::critical) {
        critical.insert(entry.alert.cluster);
      }
    }
    deliveries_.heartbeats().health(health_of(*figures, critical, figures->taken));
  }

  // From the desk, so that the service manager hears nothing when it hangs.
  void beat() {
    service_manager::feed_watchdog();
    if (++beats_ % beats_between_figures == 0) {
      publish_figures();
    }
    if (beats_ % beats_between_web_tries == 0 && web_.try_again()) {
      log_.write(LogLevel::info, {}, "metrics and status page are as configured now: " + supervisor_.config().metrics.listen);
    }
    const std::string line = supervisor_.status_line();
    if (line != told_line_) {
      told_line_ = line;
      service_manager::tell_status(line);
    }
    if (supervisor_.state() == Supervisor::State::draining) {
      extend_while_ending();
    }
    asio::post(io_, [this] {
      beat_.expires_after(beat_every);
      beat_.async_wait([this](const boost::system::error_code& problem) {
        if (!problem) {
          asio::post(desk_, [this] { beat(); });
        }
      });
    });
  }

  void on_all_ended() {
    asio::post(io_, [this] {
      socket_.close();
      web_.close();
      signals_.cancel();
      io_.stop();
    });
  }

  const std::vector<Problem> warnings_;
  const Fd lock_;
  ServiceLog log_;
  SystemClock system_clock_;
  const Clock& clock_;
  Journal::Opened opened_;
  Outbox outbox_;
  ServiceDeliveries deliveries_;
  asio::io_context io_;
  asio::io_context desk_;
  asio::executor_work_guard<asio::io_context::executor_type> desk_work_{desk_.get_executor()};
  FiguresBoard board_;
  AlertBoard alert_board_;
  Alerts alerts_;
  Supervisor supervisor_;
  Figures figures_;
  unsigned beats_ = 0;
  std::chrono::steady_clock::time_point asked_to_end_;
  std::string told_line_;
  std::optional<std::chrono::steady_clock::time_point> ending_until_;
  asio::signal_set signals_;
  asio::steady_timer beat_;
  ControlSocket socket_;
  WebListener web_;
};
}  // namespace

int run_service(LoadedConfig loaded, const ServiceOptions& options) {
  Service service(std::move(loaded), options);
  return service.run();
}

}  // namespace pgrecall
