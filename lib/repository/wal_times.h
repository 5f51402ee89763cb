#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/lsn.h"
#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

// docs/repository-format.md, "WAL": at `time` (the server's clock), the server had written no WAL behind `lsn`. With all WAL up
// to `lsn`, a cluster can be recovered to any moment up to `time`.
struct WalTime {
  Timeline timeline = 0;
  Lsn lsn;
  Time time;

  auto operator<=>(const WalTime&) const = default;
};

// Already there is as good as created: a name holds all but fractions of a second.
void put_wal_time(const Repository& repository, const std::string& cluster, std::uint64_t system_identifier, const WalTime& at);

struct StoredWalTime {
  std::uint64_t system_identifier = 0;
  WalTime at;
};
// Nothing when absent. Error{corruption} when it is damaged, or does not say what its name does.
[[nodiscard]] std::optional<StoredWalTime> read_wal_time(const Repository& repository, const std::string& object_name);

// What the name of an object of kind NameKind::wal_time says.
[[nodiscard]] WalTime wal_time_of(std::string_view object_name);

}  // namespace pgrecall
