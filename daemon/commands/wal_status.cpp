#include <algorithm>
#include <filesystem>

#include "base/units.h"
#include "commands/backup_choice.h"
#include "commands/wal.h"
#include "commands/wal_status_report.h"
#include "engine/expire/window_needs.h"
#include "engine/wal/spool.h"
#include "jobs/retention.h"
#include "postgres/replication.h"

namespace pgrecall {

namespace {
namespace fs = std::filesystem;

struct WalStatusOptions {
  std::string cluster;
  std::string connection;
};

std::vector<std::string> clusters_of(const WalStatusOptions& options, Session& session) {
  if (!options.cluster.empty()) {
    const Config* config = session.config();
    if (config == nullptr || !config->clusters.contains(options.cluster)) {
      require_cluster(session.repository_of(options.cluster), options.cluster);
    }
    return {options.cluster};
  }
  std::vector<std::string> names;
  if (const Config* config = session.config()) {
    for (const auto& [name, cluster] : config->clusters) {
      names.push_back(name);
    }
    return names;
  }
  for (const OpenRepository* open : session.repositories()) {
    const auto there = list_clusters(*open->repository);
    names.insert(names.end(), there.begin(), there.end());
  }
  return names;
}

std::string slot_of(const std::string& cluster, Session& session) {
  const ClusterConfig* configured = session.config() != nullptr ? session.cluster(cluster) : nullptr;
  return configured != nullptr && configured->wal.slot ? *configured->wal.slot : default_slot(cluster);
}

void ask_server(WalStatus& status, const WalStatusOptions& options, Session& session, const std::stop_token& stop) {
  if (options.connection.empty() && session.config() == nullptr) {
    return;  // nobody said where it is
  }
  status.asked_server = true;
  try {
    Connection connection = connect_replication(session.connection(status.cluster, options.connection), stop);
    if (connection.mode() != ReplicationMode::database) {
      status.server_problem = "this session takes no SQL: pg_hba.conf has a line for `replication` alone";
      return;
    }
    status.server = read_server_wal(connection, status.slot);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::database_unreachable) {
      throw;
    }
    status.server_problem = error.what();
  }
}

// What waits on this host. A directory that may not be looked into is none.
void look_into_spool(WalStatus& status, Session& session) {
  const Config* config = session.config();
  if (config == nullptr || status.window.system_identifier == 0) {
    return;
  }
  std::error_code missing;
  if (const fs::path report = fs::path(config->spool) / status.cluster / "status.json"; fs::is_regular_file(report, missing)) {
    constexpr std::uint64_t max_report_size = 1U << 20U;  // bytes
    const Bytes text = read_file(report.string(), max_report_size);
    status.receiver = nlohmann::ordered_json::parse(text_of(text), nullptr, false);
  }
  const fs::path directory = spool_directory(config->spool, status.window.system());
  if (!fs::is_directory(directory, missing)) {
    return;
  }
  SpoolFiles& spool = status.spool.emplace();
  spool.directory = directory.string();
  for (const auto& file : fs::directory_iterator(directory, missing)) {
    const std::string name = file.path().filename().string();
    if (is_segment_name(name.substr(0, 24)) && file.is_regular_file(missing)) {
      ++spool.files;
      spool.segments.insert(name.substr(0, 24));
      spool.bytes += file.file_size(missing);
    }
  }
}

// Between backups that are kept for longer than the window, WAL is missing because expire removed it.
std::vector<WalGap> gaps_to_tell(const WalStatus& status, const std::vector<RecoveryWindow>& windows, Session& session) {
  const Config* config = session.config();
  const bool configured = config != nullptr && config->clusters.contains(status.cluster);
  const RetentionPolicy policy = retention_policy(configured ? config->clusters.at(status.cluster) : ClusterConfig{});
  std::vector<PolicyBackup> views;
  for (const RecoveryWindow& window : windows) {
    for (const ListedBackup& backup : window.backups) {
      views.push_back(policy_view(backup));
    }
  }
  std::ranges::sort(views, {}, &PolicyBackup::id);
  return gaps_within(windows.back(), window_needs(windows, views, policy, status.now).back());
}

void look_at_ends(WalStatus& status, RecoveryWindow& window, const Repository& repository, const std::stop_token& stop) {
  const WalPlaces places{.repository = repository, .system = window.system(), .spool = {}};
  for (RecoverySpan& span : window.spans) {
    try {
      span.until_time = covered_until(places, window, span, stop);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;
      }
      status.warnings.push_back(std::string("WAL in the repository is damaged: ") + error.what());
    }
  }
}

WalStatus status_of(const std::string& cluster, const WalStatusOptions& options, Session& session, const std::stop_token& stop) {
  const Repository& repository = session.repository_of(cluster);
  WalStatus status;
  status.cluster = cluster;
  status.slot = slot_of(cluster, session);
  status.now = session.clock().now();
  std::vector<RecoveryWindow> windows = compute_windows(repository, cluster);
  windows.back().gaps = gaps_to_tell(status, windows, session);
  for (RecoveryWindow& window : windows) {
    look_at_ends(status, window, repository, stop);
  }
  status.window = std::move(windows.back());
  windows.pop_back();
  std::erase_if(windows, [](const RecoveryWindow& window) { return window.spans.empty(); });
  status.earlier = std::move(windows);
  ask_server(status, options, session, stop);
  look_into_spool(status, session);
  judge(status);
  return status;
}

int run_wal_status(const WalStatusOptions& options, Session& session) {
  const std::stop_token stop = session.stop();
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::string text;
  bool doubtful = false;
  Console& console = session.console();
  for (const std::string& cluster : clusters_of(options, session)) {
    const WalStatus status = status_of(cluster, options, session, stop);
    doubtful = doubtful || !status.warnings.empty();
    all.push_back(wal_status_json(status));
    text += (text.empty() ? "" : "\n") + wal_status_text(status, console.style());
  }
  if (console.json()) {
    console.json_data(nlohmann::ordered_json{{"clusters", all}});
  } else {
    console.data(text);
  }
  return doubtful ? exit_done_with_warnings : exit_done;
}
}  // namespace

void add_wal_status(CommandLine& line, CLI::App& wal) {
  CLI::App& verb = add_verb(wal, "status", "From when to when recovery is possible, and how far the repository is behind");
  const auto options = std::make_shared<WalStatusOptions>();
  verb.add_option("CLUSTER", options->cluster, "One cluster only");
  verb.add_option("--connection", options->connection, "How to reach the server, where no configuration says so")
      ->type_name("CONNINFO");
  on_chosen(line, verb, [options](Session& session) { return run_wal_status(*options, session); });
}

}  // namespace pgrecall
