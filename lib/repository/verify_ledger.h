#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "repository/names.h"
#include "repository/repository.h"

// When each pack and each WAL segment was last read whole and found good: docs/repository-format.md, "Verification ledgers".

namespace pgrecall {

struct VerifyLedger {
  struct Pack {
    PackId id;
    Time verified;

    auto operator<=>(const Pack&) const = default;
  };
  // By system and the three groups of digits of the segment's name.
  struct Segment {
    std::uint64_t system_identifier = 0;
    Timeline timeline = 0;
    std::uint32_t high = 0;
    std::uint32_t low = 0;
    Time verified;

    auto operator<=>(const Segment&) const = default;
  };
  std::vector<Pack> packs;        // by id, each once
  std::vector<Segment> segments;  // by name, each once

  bool operator==(const VerifyLedger&) const = default;
};

[[nodiscard]] std::string ledgers_prefix(std::string_view cluster);
// `time` is rounded down to whole seconds.
[[nodiscard]] std::string ledger_name(std::string_view cluster, Time time);

// The payloads of a ledger's frames, none of which is large.
[[nodiscard]] std::vector<Bytes> encode_ledger(const VerifyLedger& ledger);
// Appends what one payload holds. Error{corruption} naming the object, also where it does not go on in strictly rising order.
void decode_ledger(ByteView payload, VerifyLedger& ledger, std::string_view object_name);

// Under the first second from `time` on that is free.
void put_ledger(const Repository& repository, const std::string& cluster, const VerifyLedger& ledger, Time time);
// Nothing when there is no such object. Error{corruption}.
[[nodiscard]] std::optional<VerifyLedger> read_ledger(const Repository& repository, const std::string& object_name);

// The newest ledger's name; nothing when there is none.
[[nodiscard]] std::optional<std::string> newest_ledger(const Repository& repository, std::string_view cluster);
[[nodiscard]] Time ledger_time(std::string_view object_name);

}  // namespace pgrecall
