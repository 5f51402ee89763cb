#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/companions/companion_content.h"
#include "repository/manifest.h"
#include "repository/summary.h"

namespace pgrecall {

// Files that a database needs and that lie outside of it (keys, configuration, functions), kept with each of its backups:
// docs/operations.md, "Companion files".

// Where one companion's files come from.
struct CompanionSource {
  std::string name;                  // as valid_config_name(); the folder in the backup and in what is restored
  std::string path;                  // absolute, of a file or directory; empty: they come by the command
  std::vector<std::string> command;  // the program, looked for in $PATH, and its arguments; no shell
  // What the command writes to its standard output.
  enum class Format { file, tar } format = Format::file;
  std::string file;                        // what that file is called; empty: as the companion
  std::uint64_t max_size = 256ULL << 20U;  // bytes of all files
  std::chrono::milliseconds time_limit{120'000};
};

// One directory, file or link; its path is relative to the companion's folder, and empty for that folder itself.
struct CompanionEntry {
  EntryType type = EntryType::file;
  std::string path;
  std::uint32_t mode = 0;  // permission bits
  std::int64_t mtime = 0;  // seconds since 1970
  std::string target;      // of a link
  std::uint64_t size = 0;  // of a file
  std::uint64_t at = 0;    // where its bytes begin in the content
};

// What was gathered: all of a companion or, where there is a problem, nothing.
struct GatheredCompanion {
  std::string name;
  Time gathered;
  std::string problem;                  // why it could not be gathered; empty when it was
  std::vector<std::string> warnings;    // what was left out, or may be torn
  std::vector<CompanionEntry> entries;  // the folder first, directories before what they hold, no path twice
  CompanionContent content;

  // As the backup's summary tells it.
  [[nodiscard]] SummaryCompanion summary() const;
  // The entry as the manifest has it; its content is not known yet.
  [[nodiscard]] ManifestEntry manifest_entry(const CompanionEntry& entry) const;
};

// Reads it. What fails is `problem`, and costs nobody else anything; only Error{cancelled} is thrown: the command and whatever it
// started are gone then. Up to 1 MiB is held in memory, more lies in a temporary file in `spool_directory`.
[[nodiscard]] GatheredCompanion gather_companion(const CompanionSource& source, const std::string& spool_directory,
                                                 const Clock& clock, const std::stop_token& stop);

// The file with which Supabase's Vault decrypts its secrets; there is no other way to.
inline constexpr std::string_view vault_key_file = "pgsodium_root.key";
[[nodiscard]] bool holds_vault_key(const SummaryCompanion& companion);

// Whether the name of a file says that nobody else should read it: keys, certificates' keys, .env, password files.
[[nodiscard]] bool looks_secret(std::string_view path);

}  // namespace pgrecall
