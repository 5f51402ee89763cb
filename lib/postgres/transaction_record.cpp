#include "postgres/transaction_record.h"

#include <algorithm>

#include "postgres/wal_record_kinds.h"

namespace pgrecall {

namespace {

constexpr std::size_t transaction_time_size = 8;
constexpr std::uint32_t has_database = 0x01;
constexpr std::uint32_t has_subtransactions = 0x02;
constexpr std::uint32_t has_dropped = 0x04;
constexpr std::size_t dropped_size = 12;

// Numbers one after the other, up to the end.
class Numbers {
 public:
  explicit Numbers(ByteView bytes) : bytes_(bytes) {}

  // 0 behind the end.
  std::uint32_t next() {
    if (bytes_.size() < sizeof(std::uint32_t)) {
      short_ = true;
      return 0;
    }
    const auto value = load_little<std::uint32_t>(bytes_.data());
    bytes_ = bytes_.subspan(sizeof value);
    return value;
  }
  // How many of `count` items are there.
  [[nodiscard]] std::uint32_t there(std::uint32_t count, std::size_t item_size) {
    const std::size_t most = bytes_.size() / item_size;
    short_ = short_ || count > most;
    return count > most ? static_cast<std::uint32_t>(most) : count;
  }
  [[nodiscard]] bool ran_short() const { return short_; }

 private:
  ByteView bytes_;
  bool short_ = false;
};

}  // namespace

TransactionParts parse_transaction_parts(ByteView main_data, std::uint8_t info) {
  TransactionParts parts;
  if ((info & wal_kind::transaction_has_xinfo) == 0) {
    return parts;
  }
  Numbers numbers(main_data.subspan(std::min(transaction_time_size, main_data.size())));
  const std::uint32_t present = numbers.next();
  if ((present & has_database) != 0) {
    parts.database = numbers.next();
    numbers.next();  // its tablespace
  }
  if ((present & has_subtransactions) != 0) {
    const std::uint32_t count = numbers.there(numbers.next(), sizeof(std::uint32_t));
    for (std::uint32_t i = 0; i < count; ++i) {
      parts.subtransactions.push_back(numbers.next());
    }
  }
  if ((present & has_dropped) != 0) {
    const std::uint32_t count = numbers.there(numbers.next(), dropped_size);
    for (std::uint32_t i = 0; i < count; ++i) {
      RelationNode& relation = parts.dropped.emplace_back();
      relation.tablespace = numbers.next();
      relation.database = numbers.next();
      relation.node = numbers.next();
    }
  }
  parts.whole = !numbers.ran_short();
  return parts;
}

}  // namespace pgrecall
