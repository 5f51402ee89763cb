#include "repository/verify_ledger.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/error.h"
#include "repository/varint.h"

namespace pgrecall {

namespace {

constexpr std::uint8_t packs_tag = 1;
constexpr std::uint8_t segments_tag = 2;
constexpr std::size_t entries_in_a_frame = 16U << 10U;
constexpr unsigned most_tries = 1000;

void append_integer(Bytes& out, auto value) {
  std::array<std::byte, sizeof(value)> bytes;
  store_little(bytes.data(), value);
  append_bytes(out, bytes);
}

void append_time(Bytes& out, Time time) { append_integer(out, static_cast<std::uint64_t>(time.time_since_epoch().count())); }

template <typename Integer>
Integer take_integer(PayloadReader& reader) {
  return load_little<Integer>(reader.take(sizeof(Integer)).data());
}

Time take_time(PayloadReader& reader) {
  return Time(std::chrono::microseconds(static_cast<std::int64_t>(take_integer<std::uint64_t>(reader))));
}

auto key_of(const VerifyLedger::Pack& pack) { return pack.id; }
auto key_of(const VerifyLedger::Segment& segment) {
  return std::tuple(segment.system_identifier, segment.timeline, segment.high, segment.low);
}

template <typename Entry>
void append_in_order(std::vector<Entry>& entries, const Entry& entry, const PayloadReader& reader) {
  if (!entries.empty() && key_of(entry) <= key_of(entries.back())) {
    reader.fail("a verification ledger is not sorted");
  }
  entries.push_back(entry);
}

template <typename Entry, typename Append>
void encode_entries(const std::vector<Entry>& entries, std::uint8_t tag, std::vector<Bytes>& payloads, const Append& append) {
  for (std::size_t at = 0; at < entries.size(); at += entries_in_a_frame) {
    Bytes& payload = payloads.emplace_back();
    append_byte(payload, tag);
    for (std::size_t i = at; i < std::min(entries.size(), at + entries_in_a_frame); ++i) {
      append(payload, entries[i]);
      append_time(payload, entries[i].verified);
    }
  }
}

}  // namespace

std::string ledgers_prefix(std::string_view cluster) { return cluster_prefix(cluster).append("verified/"); }

std::string ledger_name(std::string_view cluster, Time time) { return ledgers_prefix(cluster).append(format_compact_time(time)); }

std::vector<Bytes> encode_ledger(const VerifyLedger& ledger) {
  std::vector<Bytes> payloads;
  encode_entries(ledger.packs, packs_tag, payloads,
                 [](Bytes& out, const VerifyLedger::Pack& pack) { append_bytes(out, pack.id.bytes); });
  encode_entries(ledger.segments, segments_tag, payloads, [](Bytes& out, const VerifyLedger::Segment& segment) {
    append_integer(out, segment.system_identifier);
    append_integer(out, segment.timeline);
    append_integer(out, segment.high);
    append_integer(out, segment.low);
  });
  if (payloads.empty()) {
    payloads.push_back({static_cast<std::byte>(packs_tag)});
  }
  return payloads;
}

void decode_ledger(ByteView payload, VerifyLedger& ledger, std::string_view object_name) {
  PayloadReader reader(payload, object_name);
  const std::uint8_t tag = reader.byte();
  if (tag != packs_tag && tag != segments_tag) {
    reader.fail("a verification ledger has a part of no known kind");
  }
  while (!reader.done()) {
    if (tag == packs_tag) {
      VerifyLedger::Pack pack;
      const ByteView id = reader.take(pack.id.bytes.size());
      std::ranges::copy(id, pack.id.bytes.begin());
      pack.verified = take_time(reader);
      append_in_order(ledger.packs, pack, reader);
    } else {
      VerifyLedger::Segment segment;
      segment.system_identifier = take_integer<std::uint64_t>(reader);
      segment.timeline = take_integer<Timeline>(reader);
      segment.high = take_integer<std::uint32_t>(reader);
      segment.low = take_integer<std::uint32_t>(reader);
      segment.verified = take_time(reader);
      append_in_order(ledger.segments, segment, reader);
    }
  }
}

void put_ledger(const Repository& repository, const std::string& cluster, const VerifyLedger& ledger, Time time) {
  const std::vector<Bytes> payloads = encode_ledger(ledger);
  for (unsigned i = 0; i < most_tries; ++i) {
    const std::string object_name = ledger_name(cluster, time + std::chrono::seconds(i));
    Bytes object;
    ObjectFramesWriter writer(repository, ObjectKind::verify_ledger, object_name, Compression{},
                              [&](ByteView bytes) { object.insert(object.end(), bytes.begin(), bytes.end()); });
    for (const Bytes& payload : payloads) {
      writer.add(payload, &payload == &payloads.back() ? FrameWriter::Position::last : FrameWriter::Position::inside);
    }
    if (repository.store().put(object_name, MemoryBody(object)) == PutResult::created) {
      return;
    }
  }
  throw Error(ErrorKind::failed, "no name is free for a verification ledger").with("object", ledger_name(cluster, time));
}

std::optional<VerifyLedger> read_ledger(const Repository& repository, const std::string& object_name) {
  auto frames = ObjectFrames::open(repository, ObjectKind::verify_ledger, object_name);
  if (!frames) {
    return std::nullopt;
  }
  VerifyLedger ledger;
  while (const auto payload = frames->next()) {
    decode_ledger(*payload, ledger, object_name);
  }
  return ledger;
}

std::optional<std::string> newest_ledger(const Repository& repository, std::string_view cluster) {
  std::optional<std::string> newest;
  repository.store().list(ledgers_prefix(cluster), [&](const ObjectInfo& object) {
    if (parse_object_name(object.name).kind == NameKind::verify_ledger && (!newest || object.name > *newest)) {
      newest = object.name;
    }
  });
  return newest;
}

Time ledger_time(std::string_view object_name) {
  const auto time = parse_time(object_name.substr(object_name.rfind('/') + 1));
  if (!time) {
    throw Error(ErrorKind::failed, "not the name of a verification ledger").with("object", object_name);
  }
  return *time;
}

}  // namespace pgrecall
