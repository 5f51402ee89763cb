#include "repository/wal_times.h"

#include <array>
#include <charconv>

#include "base/error.h"

namespace pgrecall {

namespace {

constexpr std::size_t payload_size = 32;

template <typename Integer>
Integer hexadecimal(std::string_view digits) {
  Integer value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

Error not_a_time(std::string_view object_name, const char* what) {
  return Error(ErrorKind::corruption, what, "run pgrecall verify to see what else is damaged").with("object", object_name);
}

}  // namespace

void put_wal_time(const Repository& repository, const std::string& cluster, std::uint64_t system_identifier, const WalTime& at) {
  std::array<std::byte, payload_size> payload{};
  store_little(payload.data(), system_identifier);
  store_little(payload.data() + 8, at.timeline);
  store_little(payload.data() + 16, at.lsn.value);
  store_little(payload.data() + 24, static_cast<std::uint64_t>(at.time.time_since_epoch().count()));
  const std::string object_name = wal_time_name({cluster, system_identifier}, at.timeline, at.lsn, at.time);
  Bytes object;
  ObjectFramesWriter writer(repository, ObjectKind::wal_time, object_name, Compression{.method = CompressionMethod::none},
                            [&](ByteView bytes) { object.insert(object.end(), bytes.begin(), bytes.end()); });
  writer.add(payload, FrameWriter::Position::last);
  (void)repository.store().put(object_name, MemoryBody(object));
}

std::optional<StoredWalTime> read_wal_time(const Repository& repository, const std::string& object_name) {
  auto frames = ObjectFrames::open(repository, ObjectKind::wal_time, object_name);
  if (!frames) {
    return std::nullopt;
  }
  const ByteView payload = frames->next().value_or(ByteView());
  if (payload.size() != payload_size || load_little<std::uint32_t>(payload.data() + 12) != 0) {
    throw not_a_time(object_name, "a WAL time is not made as one");
  }
  const StoredWalTime stored{
      .system_identifier = load_little<std::uint64_t>(payload.data()),
      .at = {
          .timeline = load_little<std::uint32_t>(payload.data() + 8),
          .lsn = Lsn{load_little<std::uint64_t>(payload.data() + 16)},
          .time = Time(std::chrono::microseconds(static_cast<std::int64_t>(load_little<std::uint64_t>(payload.data() + 24))))}};
  if (frames->next()) {
    throw not_a_time(object_name, "object has more frames than one");
  }
  const WalTime named = wal_time_of(object_name);
  if (parse_object_name(object_name).system != stored.system_identifier || named.timeline != stored.at.timeline ||
      named.lsn != stored.at.lsn || named.time != std::chrono::floor<std::chrono::seconds>(stored.at.time)) {
    throw not_a_time(object_name, "a WAL time says something else than its name");
  }
  return stored;
}

WalTime wal_time_of(std::string_view object_name) {
  constexpr std::size_t timeline_digits = 8;
  constexpr std::size_t lsn_digits = 16;
  constexpr std::size_t name_size = lsn_digits + 6 + 16;  // <lsn>.time-<time>
  if (object_name.size() > name_size + timeline_digits + 1) {
    const std::string_view name = object_name.substr(object_name.size() - name_size);
    const std::string_view folder = object_name.substr(object_name.size() - name_size - timeline_digits - 1, timeline_digits);
    if (const auto time = parse_time(name.substr(lsn_digits + 6))) {
      return {.timeline = hexadecimal<Timeline>(folder),
              .lsn = Lsn{hexadecimal<std::uint64_t>(name.substr(0, lsn_digits))},
              .time = *time};
    }
  }
  throw Error(ErrorKind::failed, "not the name of a WAL time").with("object", object_name);
}

}  // namespace pgrecall
