#include <array>

#include "config/config.h"
#include "config/conninfo.h"
#include "config/key_problems.h"

namespace pgrecall {

namespace {
using namespace std::chrono_literals;

void elsewhere(const std::string& path, KeyProblems& problems) {
  const std::vector<std::string> keys = problems.keys_within(path + ".supabase");
  if (!keys.empty()) {
    problems.error(keys.front(), "is for a hosted project, and this cluster is none", "add kind: supabase-hosted, or remove it");
  }
}

// Server settings and WAL are the platform's own there.
void meaningless(const std::string& path, KeyProblems& problems) {
  std::vector<std::string> refused = problems.keys_within(path + ".wal");
  if (problems.has(path + ".backup.checkpoint")) {
    refused.push_back(path + ".backup.checkpoint");
  }
  for (const std::string& key : refused) {
    problems.error(key, "means nothing for kind supabase-hosted, which gives no WAL and no physical access", "remove it");
  }
  constexpr std::array<const char*, 7> unused{".drill.budget",         ".drill.libraries",          ".drill.queries",
                                              ".targets.rpo",          ".targets.wal_interruption", ".targets.slot_retained",
                                              ".targets.drill_max_age"};
  for (const char* key : unused) {
    if (problems.has(path + key)) {
      problems.warn(path + key, Complaint{"is not used for kind supabase-hosted", "remove it: docs/supabase-hosted.md"});
    }
  }
}

void check_platform(const std::string& path, const SupabaseConfig& supabase, KeyProblems& problems) {
  if (!problems.has(path + ".project")) {
    problems.error(path, "has no \"project\"", "add supabase: { project: REF }, the 20 letters in the dashboard's address");
  }
  if (problems.has_secret(path, "token")) {
    problems.one_source(path, "token");
    problems.doubtful(path, "token", supabase.token);
  } else {
    problems.warn(path, Complaint{"has no token: the platform's own backups are neither watched nor driven",
                                  "add token_file: FILE with an access token of the Management API"});
  }
  if (supabase.poll_interval < 1s) {
    problems.error(path + ".poll_interval", "is too short", "write at least 1s; the API allows 120 requests a minute");
  }
  if (supabase.promised_window && (*supabase.promised_window < 1h || *supabase.promised_window > 28 * 24h)) {
    problems.error(path + ".promised_window", "is not what the platform can keep", "write 7d, 14d or 28d");
  }
}
}  // namespace

void check_supabase(const std::string& name, const ClusterConfig& cluster, KeyProblems& problems) {
  const std::string path = "clusters." + name;
  if (cluster.kind != ClusterConfig::Kind::supabase_hosted) {
    elsewhere(path, problems);
    return;
  }
  if (!cluster.connection.empty() && conninfo_has_port(cluster.connection.reveal(), "6543")) {
    problems.error(path + ".connection", "names port 6543, the transaction pooler, which keeps no session for a dump",
                   "name the session pooler on port 5432 of the same host, or the direct connection");
  }
  meaningless(path, problems);
  check_platform(problems.has(path + ".supabase") ? path + ".supabase" : path, cluster.supabase, problems);
}

}  // namespace pgrecall
