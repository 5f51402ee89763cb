#include "postgres/wal_record_data.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace pgrecall {

namespace {

// The ids that begin a part; lower ones are block references.
constexpr std::uint8_t max_block_id = 32;
constexpr std::uint8_t top_level_transaction_id = 252;
constexpr std::uint8_t origin_id = 253;
constexpr std::uint8_t long_data_id = 254;
constexpr std::uint8_t short_data_id = 255;

// Flags of a block reference and of its image.
constexpr std::uint8_t block_has_image = 0x10;
constexpr std::uint8_t block_same_relation = 0x80;
constexpr std::uint8_t image_has_hole = 0x01;
constexpr std::uint8_t image_compressed_until_14 = 0x02;
constexpr std::uint8_t image_compressed_from_15 = 0x04 | 0x08 | 0x10;  // PGLZ, LZ4, ZSTD

constexpr std::size_t relation_size = 12;
constexpr std::size_t block_number_size = 4;

Error malformed(std::string_view what) { return Error(ErrorKind::corruption, "WAL record with " + std::string(what)); }

// Fields one after the other, never read beyond the end.
class Fields {
 public:
  explicit Fields(ByteView bytes) : bytes_(bytes) {}

  template <typename T>
  T next() {
    const std::size_t at = at_;
    skip(sizeof(T));
    return load_little<T>(bytes_.data() + at);
  }
  void skip(std::size_t count) {
    if (count > bytes_.size() - at_) {
      throw malformed("block references that run over its end");
    }
    at_ += count;
  }
  [[nodiscard]] std::size_t offset() const { return at_; }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
};

// Bytes of data that the block reference announces; its id was read.
std::uint64_t pass_block_reference(Fields& fields, unsigned major_version) {
  const auto flags = fields.next<std::uint8_t>();
  std::uint64_t announced = fields.next<std::uint16_t>();
  if ((flags & block_has_image) != 0) {
    announced += fields.next<std::uint16_t>();
    fields.skip(2);  // the hole's offset
    const auto image = fields.next<std::uint8_t>();
    const std::uint8_t compressed = major_version < 15 ? image_compressed_until_14 : image_compressed_from_15;
    if ((image & image_has_hole) != 0 && (image & compressed) != 0) {
      fields.skip(2);  // the hole's length
    }
  }
  fields.skip((flags & block_same_relation) != 0 ? block_number_size : relation_size + block_number_size);
  return announced;
}

// The length of the main data of a body of `length` bytes that begins with `references`.
std::uint32_t main_data_length(ByteView references, std::uint32_t length, unsigned major_version) {
  Fields fields(references);
  std::uint64_t announced = 0;  // bytes of data behind the references
  std::uint32_t main_length = 0;
  int last_block = -1;
  bool main_seen = false;
  while (!main_seen && length - fields.offset() > announced) {
    const auto id = fields.next<std::uint8_t>();
    if (id == short_data_id || id == long_data_id) {
      main_length = id == short_data_id ? fields.next<std::uint8_t>() : fields.next<std::uint32_t>();
      announced += main_length;
      main_seen = true;
    } else if (id == origin_id) {
      fields.skip(2);
    } else if (id == top_level_transaction_id) {
      fields.skip(4);
    } else if (id <= max_block_id && int{id} > last_block) {
      last_block = id;
      announced += pass_block_reference(fields, major_version);
    } else {
      throw malformed("a part that is none");
    }
  }
  if (length - fields.offset() != announced) {
    throw malformed("parts that are not as long as it");
  }
  return main_length;
}

// What xinfo may announce, in the order in which it follows: a count and that many items, or something fixed.
struct TransactionPart {
  std::uint32_t flag;
  std::uint32_t fixed_size;
  std::uint32_t item_size;
};
constexpr std::uint32_t statistics_flag = 0x100;
constexpr std::uint32_t prepared_flag = 0x10;
constexpr std::array<TransactionPart, 6> transaction_parts = {{
    {0x01, 8, 0},              // database and its tablespace
    {0x02, 4, 4},              // subtransactions
    {0x04, 4, 12},             // relations that go
    {statistics_flag, 4, 12},  // statistics that go, from 15; 16 bytes an item from 18
    {0x08, 4, 16},             // invalidation messages
    {prepared_flag, 4, 0},
}};
constexpr std::uint32_t statistics_item_size_from_18 = 16;
constexpr std::uint64_t xinfo_at = 8;  // behind the time

}  // namespace

void PreparedTransactionFinder::begin(unsigned major_version) noexcept {
  *this = {};
  major_version_ = major_version;
  field_at_ = xinfo_at;
}

void PreparedTransactionFinder::feed(ByteView main_data) noexcept {
  while (!main_data.empty() && field_at_ != nowhere) {
    std::size_t taken = 0;
    if (seen_ < field_at_) {
      taken = static_cast<std::size_t>(std::min<std::uint64_t>(field_at_ - seen_, main_data.size()));
    } else {
      taken = std::min(field_.size() - filled_, main_data.size());
      std::memcpy(field_.data() + filled_, main_data.data(), taken);
      filled_ += taken;
    }
    seen_ += taken;
    main_data = main_data.subspan(taken);
    if (filled_ == field_.size()) {
      filled_ = 0;
      take_field(load_little<std::uint32_t>(field_.data()));
    }
  }
}

void PreparedTransactionFinder::take_field(std::uint32_t value) noexcept {
  if (part_ == 0) {
    present_ = value;
    field_at_ += sizeof value;
  } else {
    const TransactionPart& part = transaction_parts[part_ - 1];
    if (part.flag == prepared_flag) {
      transaction_ = value;
      field_at_ = nowhere;
      return;
    }
    const bool wide = part.flag == statistics_flag && major_version_ >= 18;
    field_at_ += part.fixed_size + std::uint64_t{value} * (wide ? statistics_item_size_from_18 : part.item_size);
  }
  for (++part_; part_ <= transaction_parts.size(); ++part_) {
    const TransactionPart& part = transaction_parts[part_ - 1];
    if ((present_ & part.flag) == 0) {
      continue;
    }
    if (part.item_size != 0 || part.flag == prepared_flag) {
      return;
    }
    field_at_ += part.fixed_size;
  }
  field_at_ = nowhere;
}

void WalRecordData::begin(std::uint32_t length, unsigned major_version, PreparedTransaction prepared) {
  length_ = length;
  major_version_ = major_version;
  seen_ = 0;
  main_at_.reset();
  references_filled_ = 0;
  main_head_filled_ = 0;
  finder_ = {};
  if (prepared == PreparedTransaction::sought) {
    finder_.begin(major_version);
  }
  if (length == 0) {
    main_at_ = 0;
  }
}

void WalRecordData::take(ByteView part) {
  if (!main_at_) {
    const std::size_t wanted = std::min<std::size_t>(references_.size(), length_);
    if (references_filled_ == 0 && part.size() >= wanted) {
      find_main_data(part.first(wanted));
    } else {
      const std::size_t taken = std::min(wanted - references_filled_, part.size());
      std::memcpy(references_.data() + references_filled_, part.data(), taken);
      references_filled_ += taken;
      seen_ += taken;
      part = part.subspan(taken);
      if (references_filled_ < wanted) {
        return;
      }
      find_main_data(ByteView(references_).first(wanted));
      take_main_data(0, ByteView(references_).first(wanted));
    }
  }
  take_main_data(seen_, part);
  seen_ += part.size();
}

void WalRecordData::find_main_data(ByteView references) {
  main_at_ = length_ - main_data_length(references, length_, major_version_);
}

void WalRecordData::take_main_data(std::uint64_t offset, ByteView part) {
  if (offset + part.size() <= *main_at_) {
    return;
  }
  if (offset < *main_at_) {
    part = part.subspan(static_cast<std::size_t>(*main_at_ - offset));
  }
  finder_.feed(part);
  const std::size_t kept = std::min(main_head_.size() - main_head_filled_, part.size());
  std::memcpy(main_head_.data() + main_head_filled_, part.data(), kept);
  main_head_filled_ += kept;
}

}  // namespace pgrecall
