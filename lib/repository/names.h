#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/lsn.h"

// Names of objects: docs/repository-format.md, "Names".

namespace pgrecall {

enum class BackupKind { full, incremental };

// "20261123T023000Z-full". Sorts by time.
struct BackupId {
  std::string text;

  auto operator<=>(const BackupId&) const = default;
  [[nodiscard]] static BackupId make(Time start, BackupKind kind);
  [[nodiscard]] static std::optional<BackupId> parse(std::string_view text);
  [[nodiscard]] Time time() const;
  [[nodiscard]] BackupKind kind() const;
};

struct PackId {
  std::array<std::byte, 16> bytes{};

  auto operator<=>(const PackId&) const = default;
  [[nodiscard]] static PackId random();
  [[nodiscard]] static std::optional<PackId> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const { return to_hex(bytes); }
};

[[nodiscard]] bool valid_cluster_name(std::string_view cluster) noexcept;

// One PostgreSQL system under a cluster's name: whose WAL. A cluster that was upgraded or rebuilt has several, one after another,
// and their WAL has the same names. There is no default: who names WAL says whose it is.
struct ClusterSystem {
  ClusterSystem(std::string cluster_name, std::uint64_t system_identifier)
      : cluster(std::move(cluster_name)), identifier(system_identifier) {}

  std::string cluster;
  std::uint64_t identifier;

  auto operator<=>(const ClusterSystem&) const = default;
};
// Decimal, in its shortest form, as it stands in names; nothing for anything else.
[[nodiscard]] std::optional<std::uint64_t> parse_system_identifier(std::string_view text) noexcept;

[[nodiscard]] std::string cluster_prefix(std::string_view cluster);  // ends with '/'
[[nodiscard]] std::string system_name(std::string_view cluster, std::uint64_t system_identifier);
[[nodiscard]] std::string backups_prefix(std::string_view cluster);
[[nodiscard]] std::string summary_name(std::string_view cluster, const BackupId& id);
[[nodiscard]] std::string manifest_name(std::string_view cluster, const BackupId& id);
[[nodiscard]] std::string mark_name(std::string_view cluster, const BackupId& id, std::string_view mark, Time time);
[[nodiscard]] std::string packs_prefix(std::string_view cluster);
[[nodiscard]] std::string pack_name(std::string_view cluster, const PackId& id);
[[nodiscard]] std::string relocation_name(std::string_view cluster, const PackId& id);
[[nodiscard]] std::string wal_prefix(std::string_view cluster);  // of all systems
[[nodiscard]] std::string wal_prefix(const ClusterSystem& system);
[[nodiscard]] std::string wal_segment_name(const ClusterSystem& system, const WalSegment& segment);
// Offsets in bytes from the start of the segment.
[[nodiscard]] std::string wal_tail_name(const ClusterSystem& system, const WalSegment& segment, std::uint32_t from,
                                        std::uint32_t to);
// `time` is rounded down to whole seconds.
[[nodiscard]] std::string wal_time_name(const ClusterSystem& system, Timeline timeline, Lsn lsn, Time time);
[[nodiscard]] std::string history_name(const ClusterSystem& system, Timeline timeline);

// What an object's name says it is, for verify and for people. `other` for names that this version does not know.
enum class NameKind {
  repository,
  key,
  lease,
  system,
  manifest,
  summary,
  mark,
  pack,
  relocation,
  wal_segment,
  wal_tail,
  wal_time,
  history,
  drill,
  verify_ledger,
  other
};
struct ParsedName {
  NameKind kind = NameKind::other;
  std::string cluster;
  std::optional<BackupId> backup;
  std::optional<PackId> pack;
  std::optional<std::uint64_t> system;  // of WAL, histories and systems: the system identifier
  std::string rest;  // mark name with its time, segment, tail or time name, system identifier, drill, ledger, lease or key id
};
[[nodiscard]] ParsedName parse_object_name(std::string_view name);

}  // namespace pgrecall
