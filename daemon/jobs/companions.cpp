#include "jobs/companions.h"

#include <algorithm>

#include "base/units.h"
#include "output/text.h"

namespace pgrecall {

namespace {
using State = CheckItem::State;

std::string in_the_clear(const SummaryCompanion& companion) {
  std::string text = companion.secrets.front();
  if (companion.secrets.size() > 1) {
    text += " and " + format_count(companion.secrets.size() - 1, "more that looks secret", "more that look secret");
  }
  return "these are stored in the clear, as the repository is not sealed: " + text;
}

void check_one(const GatheredCompanion& gathered, const SummaryCompanion& companion, Storage storage,
               std::vector<CheckItem>& items) {
  const std::string what = "companion " + companion.name;
  if (!companion.problem.empty()) {
    items.push_back({State::warning, what, companion.problem, "backups are taken without it until this is mended"});
    return;
  }
  items.push_back({State::good, what, amount_text(companion), {}});
  for (const std::string& warning : gathered.warnings) {
    items.push_back({State::warning, what, warning, "leave it out of what is named, or live with this"});
  }
  if (storage == Storage::in_the_clear && !companion.secrets.empty()) {
    items.push_back({State::warning, what, in_the_clear(companion),
                     "make a new repository with key_file, which seals it, and back up into that"});
  }
}
}  // namespace

std::vector<CompanionSource> companion_sources(const ClusterConfig& configured) {
  std::vector<CompanionSource> sources;
  for (const auto& [name, companion] : configured.companions) {
    sources.push_back({.name = name,
                       .path = companion.path.value_or(""),
                       .command = companion.command,
                       .format = companion.format == CompanionConfig::Format::tar ? CompanionSource::Format::tar
                                                                                  : CompanionSource::Format::file,
                       .file = companion.file.value_or(""),
                       .max_size = companion.max_size,
                       .time_limit = companion.time_limit});
  }
  return sources;
}

bool expects_vault_key(const ClusterConfig& configured) noexcept {
  // A hosted project gives nobody its key.
  return configured.flavor == ClusterConfig::Flavor::supabase && configured.kind != ClusterConfig::Kind::supabase_hosted;
}

std::string amount_text(const SummaryCompanion& companion) {
  return format_count(companion.files, "file", "files") + ", " + format_size(companion.bytes);
}

std::vector<CheckItem> check_companions(const ClusterConfig& configured, Storage storage, const std::string& spool,
                                        const Clock& clock, const std::stop_token& stop) {
  std::vector<CheckItem> items;
  bool vault_key = false;
  for (const CompanionSource& source : companion_sources(configured)) {
    const GatheredCompanion gathered = gather_companion(source, spool, clock, stop);
    const SummaryCompanion companion = gathered.summary();
    check_one(gathered, companion, storage, items);
    vault_key = vault_key || holds_vault_key(companion);
  }
  if (expects_vault_key(configured) && !vault_key) {
    items.push_back({State::warning, "Vault key",
                     "no companion has " + std::string(vault_key_file) +
                         ": from the backups alone, nothing that Supabase's Vault holds can be decrypted",
                     "name it under companions: docs/operations.md, \"Companion files\""});
  }
  return items;
}

}  // namespace pgrecall
