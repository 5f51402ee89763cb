#include "jobs/platform.h"

namespace pgrecall {

Platform platform_of(const std::string& cluster, const ClusterConfig& config) {
  if (config.kind != ClusterConfig::Kind::supabase_hosted || !config.supabase.project) {
    throw Error(ErrorKind::usage, "cluster " + cluster + " is no hosted Supabase project",
                "kind: supabase-hosted and supabase.project say so in the configuration");
  }
  const SupabaseConfig& supabase = config.supabase;
  if (!supabase.token.configured()) {
    throw Error(ErrorKind::configuration, "cluster " + cluster + " has no access token of the Management API",
                "make one in the dashboard under Account, Access Tokens, and name its file as supabase.token_file");
  }
  ManagementApi::Options options;
  options.address = supabase.api;
  options.token = read_secret(supabase.token, "access token of cluster " + cluster);
  options.ca_file = supabase.ca_file;
  return {*supabase.project, std::make_unique<ManagementApi>(std::move(options))};
}

Error error_of(const ApiTrouble& trouble) {
  const bool away = trouble.status == 0 || trouble.status == 429 || trouble.status >= 500;
  Error error(trouble.reason == "cancelled" ? ErrorKind::cancelled
              : away                        ? ErrorKind::database_unreachable
                                            : ErrorKind::failed,
              trouble.text, trouble.hint);
  return error;
}

}  // namespace pgrecall
