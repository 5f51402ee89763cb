#include "engine/server_files.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.h"
#include "postgres/relation_file.h"

namespace pgrecall {

namespace {
constexpr std::size_t max_reread_pages = 1000;
constexpr std::string_view insufficient_privilege = "42501";

std::string sql_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') {
      out += c;
    }
  }
  return out + "'";
}

// The bytes of a file or a part of it; `refused` when the role may not, or the server cannot. Only the SQLSTATE class of the
// answer is kept: a connection that is lost is thrown.
struct FileAnswer {
  std::optional<Bytes> bytes;  // nothing when there is no such file
  std::string refused;
};

FileAnswer read_server_file(Connection& connection, const std::string& call) {
  FileAnswer answer;
  try {
    const Result result = connection.exec("SELECT pg_catalog.translate(pg_catalog.encode(" + call + ", 'base64'), E'\\n', '')");
    if (result.rows() == 1 && !result.is_null(0, 0)) {
      Bytes bytes;
      if (!from_base64(result.text(0, 0), bytes)) {
        throw Error(ErrorKind::database_unreachable, "the server sent something that is not base64");
      }
      answer.bytes = std::move(bytes);
    }
  } catch (const Error& error) {
    const std::string_view sqlstate = error.context("sqlstate");
    if (sqlstate.empty() || sqlstate.starts_with("57") || sqlstate.starts_with("08")) {
      throw;
    }
    answer.refused = sqlstate == insufficient_privilege ? "not permitted" : fmt::format("refused ({})", sqlstate);
  }
  return answer;
}

// Visible to pg_read_all_settings and superusers only; empty otherwise.
std::set<std::string> configuration_paths(Connection& connection, std::string& data_directory) {
  std::set<std::string> paths;
  const Result own = connection.exec(
      "SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ('config_file', 'hba_file', 'ident_file', "
      "'data_directory')");
  for (int row = 0; row < own.rows(); ++row) {
    if (own.text(row, 0) == "data_directory") {
      data_directory = own.text(row, 1);
    } else if (!own.text(row, 1).empty()) {
      paths.emplace(own.text(row, 1));
    }
  }
  const Result included = connection.exec("SELECT DISTINCT sourcefile FROM pg_catalog.pg_settings WHERE sourcefile IS NOT NULL");
  for (int row = 0; row < included.rows(); ++row) {
    paths.emplace(included.text(row, 0));
  }
  return paths;
}

std::string settings_as_json(Connection& connection) {
  const Result rows = connection.exec(
      "SELECT name, setting, unit, source FROM pg_catalog.pg_settings WHERE source NOT IN ('default', 'override', 'client', "
      "'session') ORDER BY name");
  nlohmann::ordered_json settings = nlohmann::ordered_json::array();
  for (int row = 0; row < rows.rows(); ++row) {
    const auto unit = rows.optional_text(row, 2);
    settings.push_back({{"name", rows.text(row, 0)},
                        {"setting", rows.text(row, 1)},
                        {"unit", unit ? nlohmann::ordered_json(*unit) : nlohmann::ordered_json()},
                        {"source", rows.text(row, 3)}});
  }
  return settings.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}
bool within(Lsn lsn, ReplayRange replay) { return lsn >= replay.start && lsn <= replay.stop; }
}  // namespace

ConfigurationFiles read_configuration_files(Connection& connection) {
  ConfigurationFiles found;
  if (connection.mode() == ReplicationMode::physical) {
    found.problem = "the session is replication=true, which has no SQL";
    return found;
  }
  found.files.push_back({"settings.json", settings_as_json(connection)});
  std::string data_directory;
  const auto paths = configuration_paths(connection, data_directory);
  if (paths.empty()) {
    found.problem = "the role may not see where they are";
  }
  for (const std::string& path : paths) {
    if (!data_directory.empty() && path.starts_with(data_directory + "/")) {
      continue;
    }
    FileAnswer answer = read_server_file(connection, "pg_catalog.pg_read_binary_file(" + sql_literal(path) + ")");
    if (answer.bytes) {
      found.files.push_back({path.substr(path.find_first_not_of('/')), std::string(text_of(*answer.bytes))});
    } else {
      found.problem = path + ": " + (answer.refused.empty() ? "is not there" : answer.refused);
    }
  }
  return found;
}

JudgedPages reread_pages(Connection& connection, const std::vector<BackupPipeline::FileFailure>& failures, PageLayout layout,
                         ReplayRange replay) {
  JudgedPages judged;
  for (const auto& [path, page] : failures) {
    if (within(page.lsn, replay)) {
      continue;
    }
    std::string reread = "not read again";
    if (connection.mode() == ReplicationMode::physical) {
      reread = "not possible with replication=true";
    } else if (judged.failures.size() < max_reread_pages) {
      const std::uint64_t offset = std::uint64_t{block_in_segment(page.block, layout.blocks_per_segment)} * layout.page_size;
      const FileAnswer answer = read_server_file(connection, fmt::format("pg_catalog.pg_read_binary_file({}, {}, {}, true)",
                                                                         sql_literal(path), offset, layout.page_size));
      if (answer.refused.empty()) {
        if (!answer.bytes || answer.bytes->size() < layout.page_size) {
          judged.torn.push_back({path, page.block});
          continue;  // dropped or truncated since: WAL replay does the same
        }
        std::vector<BadPage> still;
        check_pages(*answer.bytes, layout.page_size, page.block, Lsn{}, still);
        // Written since the copy: whatever is there now, WAL of the backup or later WAL brought it.
        if (still.empty() || still.front().lsn != page.lsn) {
          judged.torn.push_back({path, page.block});
          continue;
        }
      }
      reread = answer.refused.empty() ? "same" : answer.refused;
    }
    judged.failures.push_back(
        {.file = path, .block = page.block, .expected = page.expected, .found = page.found, .reread = reread});
  }
  return judged;
}

}  // namespace pgrecall
