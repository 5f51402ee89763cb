#include "postgres/control_file.h"

#include <array>
#include <bit>
#include <string>

#include "base/error.h"
#include "postgres/crc32c.h"
#include "postgres/page.h"

namespace pgrecall {

namespace {

// Offsets of ControlFileData's members on 64-bit machines, equal in 13 to 18. Up to here also the embedded CheckPoint: 18 put
// wal_level into what was padding before.
namespace at {
constexpr std::size_t system_identifier = 0;
constexpr std::size_t control_version = 8;
constexpr std::size_t catalog_version = 12;
constexpr std::size_t state = 16;
constexpr std::size_t time = 24;
constexpr std::size_t checkpoint = 32;
constexpr std::size_t redo = 40;  // checkPointCopy begins here
constexpr std::size_t timeline = 48;
constexpr std::size_t previous_timeline = 52;
constexpr std::size_t checkpoint_time = 104;
constexpr std::size_t min_recovery_point = 136;
constexpr std::size_t min_recovery_timeline = 144;
constexpr std::size_t backup_start = 152;
constexpr std::size_t backup_end = 160;
constexpr std::size_t backup_end_required = 168;
constexpr std::size_t max_connections = 180;
constexpr std::size_t max_worker_processes = 184;
constexpr std::size_t max_wal_senders = 188;
constexpr std::size_t max_prepared_transactions = 192;
constexpr std::size_t max_locks_per_transaction = 196;
constexpr std::size_t block_size = 216;
constexpr std::size_t blocks_per_segment = 220;
constexpr std::size_t wal_block_size = 224;
constexpr std::size_t wal_segment_size = 228;
constexpr std::size_t data_checksum_version = 252;
// Behind the 32 bytes of mock_authentication_nonce. 18 added default_char_signedness before them.
constexpr std::size_t crc_before_18 = 288;
constexpr std::size_t crc_since_18 = 292;
}  // namespace at

// PG_CONTROL_VERSION.
constexpr std::uint32_t control_version_13_to_16 = 1300;
constexpr std::uint32_t control_version_17 = 1700;
constexpr std::uint32_t control_version_18 = 1800;

bool known_control_version(std::uint32_t version) noexcept {
  return version == control_version_13_to_16 || version == control_version_17 || version == control_version_18;
}

struct Release {
  std::uint32_t catalog_version;
  unsigned major;
};
constexpr std::array<Release, 6> releases = {
    {{202007201, 13}, {202107181, 14}, {202209061, 15}, {202307071, 16}, {202406281, 17}, {202506291, 18}}};

// Where the CRC stands, and thereby how many bytes it covers.
std::size_t crc_offset(ByteView bytes) {
  if (bytes.size() < at::catalog_version) {
    throw Error(ErrorKind::corruption, "pg_control is too short").with("size", bytes.size());
  }
  const auto version = load_little<std::uint32_t>(bytes.data() + at::control_version);
  if (known_control_version(version)) {
    return version == control_version_18 ? at::crc_since_18 : at::crc_before_18;
  }
  if (known_control_version(load_big<std::uint32_t>(bytes.data() + at::control_version))) {
    throw Error(ErrorKind::corruption, "pg_control was written by a machine of the other byte order",
                "pgrecall serves little-endian servers only");
  }
  throw Error(ErrorKind::corruption, "unknown version of pg_control", "PostgreSQL 13 to 18 are supported").with("found", version);
}

void verify_crc(ByteView bytes) {
  const std::size_t offset = crc_offset(bytes);
  if (bytes.size() < offset + sizeof(std::uint32_t)) {
    throw Error(ErrorKind::corruption, "pg_control is too short").with("size", bytes.size());
  }
  const auto found = load_little<std::uint32_t>(bytes.data() + offset);
  const std::uint32_t expected = crc32c(bytes.first(offset));
  if (found != expected) {
    throw Error(ErrorKind::corruption, "wrong checksum of pg_control").with("expected", expected).with("found", found);
  }
}

void require(bool holds, std::string_view field, std::uint64_t found) {
  if (!holds) {
    throw Error(ErrorKind::corruption, "impossible value in pg_control").with("field", field).with("found", found);
  }
}

// What later arithmetic divides by or allocates must be sane even where the CRC is right (a forged or foreign file).
void verify_values(const ControlFile& control) {
  require(control.state <= ClusterState::in_production, "state", static_cast<std::uint32_t>(control.state));
  require(valid_page_size(control.block_size), "block_size", control.block_size);
  require(control.blocks_per_segment != 0, "blocks_per_segment", control.blocks_per_segment);
  const bool wal_page_valid = std::has_single_bit(control.wal_block_size) && control.wal_block_size >= 1024;
  require(wal_page_valid && control.wal_block_size <= 65536, "wal_block_size", control.wal_block_size);
  require(valid_segment_size(control.wal_segment_size), "wal_segment_size", control.wal_segment_size);
}

class Fields {
 public:
  explicit Fields(ByteView bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint32_t u32(std::size_t offset) const { return load_little<std::uint32_t>(bytes_.data() + offset); }
  [[nodiscard]] std::uint64_t u64(std::size_t offset) const { return load_little<std::uint64_t>(bytes_.data() + offset); }
  [[nodiscard]] Lsn lsn(std::size_t offset) const { return Lsn{u64(offset)}; }
  [[nodiscard]] bool flag(std::size_t offset) const { return bytes_[offset] != std::byte{0}; }
  [[nodiscard]] std::chrono::sys_seconds time(std::size_t offset) const {
    return std::chrono::sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(u64(offset))));
  }

 private:
  ByteView bytes_;
};

}  // namespace

ControlFile parse_control_file(ByteView bytes) {
  verify_crc(bytes);
  const Fields fields(bytes);
  ControlFile control;
  control.system_identifier = fields.u64(at::system_identifier);
  control.control_version = fields.u32(at::control_version);
  control.catalog_version = fields.u32(at::catalog_version);
  control.state = static_cast<ClusterState>(fields.u32(at::state));
  control.time = fields.time(at::time);
  control.checkpoint = fields.lsn(at::checkpoint);
  control.redo = fields.lsn(at::redo);
  control.timeline = fields.u32(at::timeline);
  control.previous_timeline = fields.u32(at::previous_timeline);
  control.checkpoint_time = fields.time(at::checkpoint_time);
  control.min_recovery_point = fields.lsn(at::min_recovery_point);
  control.min_recovery_timeline = fields.u32(at::min_recovery_timeline);
  control.backup_start = fields.lsn(at::backup_start);
  control.backup_end = fields.lsn(at::backup_end);
  control.backup_end_required = fields.flag(at::backup_end_required);
  control.max_connections = fields.u32(at::max_connections);
  control.max_worker_processes = fields.u32(at::max_worker_processes);
  control.max_wal_senders = fields.u32(at::max_wal_senders);
  control.max_prepared_transactions = fields.u32(at::max_prepared_transactions);
  control.max_locks_per_transaction = fields.u32(at::max_locks_per_transaction);
  control.block_size = fields.u32(at::block_size);
  control.blocks_per_segment = fields.u32(at::blocks_per_segment);
  control.wal_block_size = fields.u32(at::wal_block_size);
  control.wal_segment_size = fields.u32(at::wal_segment_size);
  control.data_checksum_version = fields.u32(at::data_checksum_version);
  verify_values(control);
  return control;
}

std::optional<unsigned> major_for_catalog_version(std::uint32_t catalog_version) noexcept {
  for (const Release& release : releases) {
    if (release.catalog_version == catalog_version) {
      return release.major;
    }
  }
  return std::nullopt;
}

std::optional<unsigned> ControlFile::major_version() const noexcept { return major_for_catalog_version(catalog_version); }

std::string_view name(ClusterState state) noexcept {
  switch (state) {
    case ClusterState::starting_up: return "starting up";
    case ClusterState::shut_down: return "shut down";
    case ClusterState::shut_down_in_recovery: return "shut down in recovery";
    case ClusterState::shutting_down: return "shutting down";
    case ClusterState::in_crash_recovery: return "in crash recovery";
    case ClusterState::in_archive_recovery: return "in archive recovery";
    case ClusterState::in_production: return "in production";
  }
  return "unknown";
}

}  // namespace pgrecall
