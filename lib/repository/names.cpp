#include "repository/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/hash.h"

namespace pgrecall {

namespace {

constexpr std::string_view full_suffix = "-full";
constexpr std::string_view incremental_suffix = "-incr";
constexpr std::size_t compact_time_size = 16;  // 20261123T023000Z

std::string backup_prefix(std::string_view cluster, const BackupId& id) {
  return backups_prefix(cluster).append(id.text).append("/");
}

}  // namespace

BackupId BackupId::make(Time start, BackupKind kind) {
  return {format_compact_time(start).append(kind == BackupKind::full ? full_suffix : incremental_suffix)};
}

std::optional<BackupId> BackupId::parse(std::string_view text) {
  const bool shaped = text.size() == compact_time_size + full_suffix.size() &&
                      (text.ends_with(full_suffix) || text.ends_with(incremental_suffix));
  if (!shaped || !parse_time(text.substr(0, compact_time_size))) {
    return std::nullopt;
  }
  return BackupId{std::string(text)};
}

Time BackupId::time() const {
  const auto parsed = parse_time(std::string_view(text).substr(0, std::min(compact_time_size, text.size())));
  if (!parsed) {
    throw Error(ErrorKind::failed, "not a backup id").with("id", text);
  }
  return *parsed;
}

BackupKind BackupId::kind() const { return text.ends_with(full_suffix) ? BackupKind::full : BackupKind::incremental; }

PackId PackId::random() {
  PackId id;
  fill_random(id.bytes);
  return id;
}

std::optional<PackId> PackId::parse(std::string_view text) {
  PackId id;
  return from_hex(text, id.bytes) ? std::optional(id) : std::nullopt;
}

bool valid_cluster_name(std::string_view cluster) noexcept {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !cluster.empty() && cluster.size() <= 63 && plain(cluster.front()) &&
         std::ranges::all_of(cluster, [&](char c) { return plain(c) || c == '_' || c == '-'; });
}

std::string cluster_prefix(std::string_view cluster) {
  if (!valid_cluster_name(cluster)) {
    throw Error(ErrorKind::usage, "not a cluster name",
                "names begin with a letter or digit, and have up to 63 of a-z, 0-9, _ and -")
        .with("cluster", cluster);
  }
  return fmt::format("clusters/{}/", cluster);
}

std::string system_name(std::string_view cluster, std::uint64_t system_identifier) {
  return fmt::format("{}systems/{}", cluster_prefix(cluster), system_identifier);
}

std::string backups_prefix(std::string_view cluster) { return cluster_prefix(cluster).append("backups/"); }

std::string summary_name(std::string_view cluster, const BackupId& id) { return backup_prefix(cluster, id).append("summary"); }

std::string manifest_name(std::string_view cluster, const BackupId& id) { return backup_prefix(cluster, id).append("manifest"); }

std::string mark_name(std::string_view cluster, const BackupId& id, std::string_view mark, Time time) {
  return fmt::format("{}{}-{}", backup_prefix(cluster, id), mark, format_compact_time(time));
}

std::string packs_prefix(std::string_view cluster) { return cluster_prefix(cluster).append("packs/"); }

std::string pack_name(std::string_view cluster, const PackId& id) {
  const std::string digits = id.to_string();
  return fmt::format("{}{}/{}", packs_prefix(cluster), digits.substr(0, 2), digits);
}

std::string relocation_name(std::string_view cluster, const PackId& id) { return pack_name(cluster, id).append(".moved"); }

std::optional<std::uint64_t> parse_system_identifier(std::string_view text) noexcept {
  std::uint64_t identifier = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), identifier);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && !text.starts_with('0');
  return whole ? std::optional(identifier) : std::nullopt;
}

std::string wal_prefix(std::string_view cluster) { return cluster_prefix(cluster).append("wal/"); }

std::string wal_prefix(const ClusterSystem& system) {
  return fmt::format("{}{}/", wal_prefix(std::string_view(system.cluster)), system.identifier);
}

std::string wal_segment_name(const ClusterSystem& system, const WalSegment& segment) {
  return fmt::format("{}{}/{}", wal_prefix(system), timeline_name(segment.timeline), segment.file_name());
}

std::string wal_tail_name(const ClusterSystem& system, const WalSegment& segment, std::uint32_t from, std::uint32_t to) {
  return fmt::format("{}.{:08x}-{:08x}", wal_segment_name(system, segment), from, to);
}

std::string wal_time_name(const ClusterSystem& system, Timeline timeline, Lsn lsn, Time time) {
  return fmt::format("{}{}/{:016X}.time-{}", wal_prefix(system), timeline_name(timeline), lsn.value, format_compact_time(time));
}

std::string history_name(const ClusterSystem& system, Timeline timeline) {
  return fmt::format("{}{}.history", wal_prefix(system), timeline_name(timeline));
}

}  // namespace pgrecall
