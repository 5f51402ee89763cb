#include "version.h"

#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <zstd.h>

#include "commands/commands.h"
#include "postgres/postgres_version.h"

namespace pgrecall {

namespace {
int run_version(Session& session) {
  Console& console = session.console();
  const std::string libpq = format_version_num(static_cast<unsigned>(PQlibVersion()));
  if (console.json()) {
    nlohmann::ordered_json json{{"version", version}, {"libpq", libpq}, {"zstd", ZSTD_versionString()}};
    json["openssl"] = OpenSSL_version(OPENSSL_VERSION_STRING);
    json["postgresql"] = {{"oldest", oldest_supported_major}, {"newest", newest_supported_major}};
    console.json_data(json);
  } else {
    console.data("pgrecall " + std::string(version) + " (libpq " + libpq + ", OpenSSL " +
                 OpenSSL_version(OPENSSL_VERSION_STRING) + ", zstd " + ZSTD_versionString() + ")\nbacks up PostgreSQL " +
                 std::to_string(oldest_supported_major) + " to " + std::to_string(newest_supported_major) + "\n");
  }
  return exit_done;
}
}  // namespace

void add_version(CommandLine& line) {
  CLI::App& verb = add_verb(line.app, "version", "The version of pgrecall and of what it is built with");
  on_chosen(line, verb, [](Session& session) { return run_version(session); });
}

}  // namespace pgrecall
