#include "postgres/replication_messages.h"

#include <charconv>
#include <chrono>
#include <limits>

#include "base/error.h"

namespace pgrecall {
namespace {

constexpr std::size_t wal_header_size = 1 + 8 + 8 + 8;
constexpr std::size_t keepalive_size = 1 + 8 + 8 + 1;
// 2000-01-01 in microseconds since 1970-01-01.
constexpr std::int64_t server_epoch_microseconds = 946'684'800LL * 1'000'000LL;

[[noreturn]] void refuse_answer(std::string what) {
  throw Error(ErrorKind::database_unreachable, "the server broke the replication protocol: " + std::move(what),
              "check that the address is PostgreSQL 13 to 18 itself and no pooler or proxy");
}

template <typename T>
std::optional<T> parse_number(std::string_view text) noexcept {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return value;
}

std::string_view field(RowView row, std::size_t column, std::string_view name) {
  if (column >= row.size() || !row[column]) {
    refuse_answer("no " + std::string(name) + " in its answer");
  }
  return *row[column];
}

Lsn lsn_field(RowView row, std::size_t column, std::string_view name) {
  const auto lsn = Lsn::parse(field(row, column, name));
  if (!lsn) {
    refuse_answer(std::string(name) + " is no LSN");
  }
  return *lsn;
}

template <typename T>
T number_field(RowView row, std::size_t column, std::string_view name) {
  const auto number = parse_number<T>(field(row, column, name));
  if (!number) {
    refuse_answer(std::string(name) + " is no number in range");
  }
  return *number;
}

Timeline timeline_field(RowView row, std::size_t column) {
  const auto timeline = number_field<Timeline>(row, column, "timeline");
  if (timeline == 0) {
    refuse_answer("timeline 0");
  }
  return timeline;
}

// A string with a terminating zero byte; moves `rest` behind it.
std::string_view take_string(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) {
    refuse_answer("an archive message without its end");
  }
  const std::string_view text = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return text;
}

// "base.tar" or "<oid>.tar", with another suffix where the server compresses.
std::uint32_t tablespace_of(std::string_view archive) {
  const std::string_view stem = archive.substr(0, archive.find('.'));
  if (stem == "base") {
    return 0;
  }
  const auto oid = parse_number<std::uint32_t>(stem);
  if (!oid || *oid == 0) {
    refuse_answer("an archive of unknown name");
  }
  return *oid;
}

ArchiveBegin decode_archive_begin(ByteView body) {
  std::string_view rest = text_of(body);
  ArchiveBegin begin;
  begin.name = take_string(rest);
  begin.location = take_string(rest);
  if (!rest.empty()) {
    refuse_answer("an archive message with trailing bytes");
  }
  begin.tablespace_oid = tablespace_of(begin.name);
  return begin;
}

WalBytes decode_wal_bytes(ByteView message) {
  if (message.size() < wal_header_size) {
    refuse_answer("a WAL message shorter than its header");
  }
  WalBytes wal;
  wal.start = Lsn{load_big<std::uint64_t>(message.data() + 1)};
  wal.server_end = Lsn{load_big<std::uint64_t>(message.data() + 9)};
  wal.server_time = time_of_server(static_cast<std::int64_t>(load_big<std::uint64_t>(message.data() + 17)));
  wal.bytes = message.subspan(wal_header_size);
  if (wal.bytes.size() > std::numeric_limits<std::uint64_t>::max() - wal.start.value) {
    refuse_answer("a WAL message that runs past the last LSN");
  }
  return wal;
}

Keepalive decode_keepalive(ByteView message) {
  if (message.size() != keepalive_size) {
    refuse_answer("a keepalive of wrong length");
  }
  return {.server_end = Lsn{load_big<std::uint64_t>(message.data() + 1)},
          .server_time = time_of_server(static_cast<std::int64_t>(load_big<std::uint64_t>(message.data() + 9))),
          .reply_requested = message[17] != std::byte{0}};
}

}  // namespace

BackupMessage decode_backup_message(ByteView message) {
  if (message.empty()) {
    refuse_answer("an empty backup message");
  }
  const ByteView body = message.subspan(1);
  switch (std::to_integer<char>(message.front())) {
    case 'd': return ArchiveBytes{body};
    case 'n': return decode_archive_begin(body);
    case 'm':
      if (!body.empty()) {
        refuse_answer("a manifest message with trailing bytes");
      }
      return ManifestBegin{};
    case 'p':
      if (body.size() != 8) {
        refuse_answer("a progress message of wrong length");
      }
      return BackupProgress{load_big<std::uint64_t>(body.data())};
    default: refuse_answer("a backup message of unknown type");
  }
}

StreamMessage decode_stream_message(ByteView message) {
  if (message.empty()) {
    refuse_answer("an empty stream message");
  }
  switch (std::to_integer<char>(message.front())) {
    case 'w': return decode_wal_bytes(message);
    case 'k': return decode_keepalive(message);
    default: refuse_answer("a stream message of unknown type");
  }
}

std::array<std::byte, status_update_size> encode_status_update(Lsn durable, Time now, Reply reply) {
  std::array<std::byte, status_update_size> message{};
  message[0] = std::byte{'r'};
  store_big<std::uint64_t>(message.data() + 1, durable.value);
  store_big<std::uint64_t>(message.data() + 9, durable.value);
  store_big<std::uint64_t>(message.data() + 17, durable.value);
  store_big<std::uint64_t>(message.data() + 25, static_cast<std::uint64_t>(server_time_of(now)));
  message[33] = static_cast<std::byte>(reply == Reply::requested ? 1 : 0);
  return message;
}

Time time_of_server(std::int64_t microseconds) noexcept {
  constexpr std::int64_t latest = std::numeric_limits<std::int64_t>::max() - server_epoch_microseconds;
  return Time(std::chrono::microseconds(std::min(microseconds, latest) + server_epoch_microseconds));
}

std::int64_t server_time_of(Time time) noexcept {
  constexpr std::int64_t earliest = std::numeric_limits<std::int64_t>::min() + server_epoch_microseconds;
  return std::max(static_cast<std::int64_t>(time.time_since_epoch().count()), earliest) - server_epoch_microseconds;
}

SystemIdentity decode_system_identity(RowView row) {
  SystemIdentity identity;
  identity.system_identifier = number_field<std::uint64_t>(row, 0, "system identifier");
  identity.timeline = timeline_field(row, 1);
  identity.flushed = lsn_field(row, 2, "WAL position");
  if (row.size() > 3 && row[3]) {
    identity.database = std::string(*row[3]);
  }
  return identity;
}

TimelinePosition decode_backup_position(RowView row) {
  return {.lsn = lsn_field(row, 0, "backup position"), .timeline = timeline_field(row, 1)};
}

TimelinePosition decode_next_timeline(RowView row) {
  return {.lsn = lsn_field(row, 1, "switch position"), .timeline = timeline_field(row, 0)};
}

BackupTablespace decode_tablespace(RowView row) {
  BackupTablespace tablespace;
  if (row.size() < 3) {
    refuse_answer("a tablespace list with too few columns");
  }
  if (row[0]) {
    tablespace.oid = number_field<std::uint32_t>(row, 0, "tablespace oid");
    tablespace.location = std::string(field(row, 1, "tablespace location"));
    if (tablespace.oid == 0 || tablespace.location.empty()) {
      refuse_answer("a tablespace without oid or location");
    }
  }
  if (row[2]) {
    const auto kilobytes = number_field<std::uint64_t>(row, 2, "tablespace size");
    if (kilobytes > std::numeric_limits<std::uint64_t>::max() / 1024) {
      refuse_answer("a tablespace size out of range");
    }
    tablespace.size_bytes = kilobytes * 1024;
  }
  return tablespace;
}

std::optional<std::uint64_t> decode_shown_size(std::string_view text) noexcept {
  const std::size_t unit_at = text.find_first_not_of("0123456789");
  const auto number = parse_number<std::uint64_t>(text.substr(0, unit_at));
  if (!number) {
    return std::nullopt;
  }
  const std::string_view unit = unit_at == std::string_view::npos ? "B" : text.substr(unit_at);
  unsigned shift = 0;
  if (unit == "kB") {
    shift = 10;
  } else if (unit == "MB") {
    shift = 20;
  } else if (unit == "GB") {
    shift = 30;
  } else if (unit == "TB") {
    shift = 40;
  } else if (unit != "B") {
    return std::nullopt;
  }
  if (*number > (std::numeric_limits<std::uint64_t>::max() >> shift)) {
    return std::nullopt;
  }
  return *number << shift;
}

}  // namespace pgrecall
