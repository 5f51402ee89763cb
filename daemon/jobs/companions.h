#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "engine/check.h"
#include "engine/companions/companion.h"

namespace pgrecall {

// As the configuration says it.
[[nodiscard]] std::vector<CompanionSource> companion_sources(const ClusterConfig& configured);

// Whether backups are not whole without the key of Supabase's Vault.
[[nodiscard]] bool expects_vault_key(const ClusterConfig& configured) noexcept;

// How much of a companion there is: "3 files, 1.20 kB".
[[nodiscard]] std::string amount_text(const SummaryCompanion& companion);

// Whether what is stored can be read by whoever has the repository.
enum class Storage { sealed, in_the_clear, unknown };

// Gathers each of them as a backup would, and keeps nothing. Errors: cancelled.
[[nodiscard]] std::vector<CheckItem> check_companions(const ClusterConfig& configured, Storage storage, const std::string& spool,
                                                      const Clock& clock, const std::stop_token& stop);

}  // namespace pgrecall
