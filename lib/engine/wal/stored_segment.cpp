#include "engine/wal/stored_segment.h"

#include <fcntl.h>

#include <algorithm>

#include "base/error.h"
#include "engine/wal/spool.h"
#include "io/fd.h"
#include "postgres/wal_segment.h"
#include "repository/names.h"
#include "repository/wal_archive.h"

namespace pgrecall {

namespace {

// Where XLogLongPageHeaderData has them (src/include/access/xlog_internal.h).
constexpr std::size_t segment_size_offset = 32;
constexpr std::size_t spool_piece_size = 1U << 20U;  // bytes
// A file name makes the same object name whatever the segment size, and numbers of the smallest segments hold all names.
constexpr std::uint32_t smallest_segment_size = 1U << 20U;

class SegmentReading {
 public:
  SegmentReading(const WalPlaces& places, std::string_view file_name, const std::function<void(ByteView)>& sink)
      : places_(places), file_name_(file_name), sink_(sink) {}

  std::optional<StoredSegment> read() {
    const auto named = WalSegment::parse(file_name_, smallest_segment_size);
    if (!named) {
      return std::nullopt;
    }
    named_ = *named;
    read_repository();
    if (!places_.spool.empty() && !complete()) {
      read_spool();
      if (held_ == 0) {
        read_repository();  // it may have gone from the spool into the repository while we looked
      }
    }
    if (held_ == 0 || segment_.size == 0) {
      return std::nullopt;
    }
    return StoredSegment{.segment = segment_, .held = held_};
  }

 private:
  [[nodiscard]] bool complete() const { return held_ > 0 && held_ == segment_.size; }
  void read_repository();
  bool read_object(const std::string& object, ObjectKind kind, std::uint64_t from);
  void read_spool();
  void append_spooled(const std::string& path);
  void begin(ByteView first_bytes);
  // The bytes at `at`; those that we have already are passed over.
  void take(ByteView bytes, std::uint64_t at);

  const WalPlaces& places_;
  const std::string file_name_;
  const std::function<void(ByteView)>& sink_;
  WalSegment named_;  // its size stands for none
  WalSegment segment_;
  std::uint64_t held_ = 0;
  std::optional<WalPageChecker> checker_;
};

void SegmentReading::begin(ByteView first_bytes) {
  if (first_bytes.size() < wal_long_header_size) {
    return;  // a tail of less than a header; PostgreSQL itself judges it
  }
  const auto size = load_little<std::uint32_t>(first_bytes.data() + segment_size_offset);
  const auto parsed = valid_segment_size(size) ? WalSegment::parse(file_name_, size) : std::nullopt;
  if (!parsed) {
    throw Error(ErrorKind::corruption, "WAL begins with no page header that makes sense").with("segment", file_name_);
  }
  segment_ = *parsed;
  checker_.emplace(
      WalSegmentExpectation{.system_identifier = places_.system.identifier, .segment = segment_, .major_version = 0});
}

void SegmentReading::take(ByteView bytes, std::uint64_t at) {
  if (at > held_ || at + bytes.size() <= held_) {
    return;
  }
  const ByteView fresh = bytes.subspan(static_cast<std::size_t>(held_ - at));
  if (held_ == 0) {
    begin(fresh);
  }
  if (checker_) {
    checker_->feed(fresh);
  }
  sink_(fresh);
  held_ += fresh.size();
}

bool SegmentReading::read_object(const std::string& object, ObjectKind kind, std::uint64_t from) {
  std::uint64_t at = from;
  const auto description = read_wal(places_.repository, object, kind, [&](ByteView bytes) {
    try {
      take(bytes, at);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corruption) {
        throw;  // of whoever writes them
      }
      throw Error(ErrorKind::corruption, "WAL in the repository is not what its name says",
                  "run pgrecall verify to see what else is damaged")
          .with("object", object)
          .caused_by(error);
    }
    at += bytes.size();
  });
  if (!description) {
    return false;
  }
  if (segment_.size == 0) {
    segment_ = description->segment;
  }
  if (description->segment != segment_) {
    throw Error(ErrorKind::corruption, "WAL in the repository is of another segment than the rest of it").with("object", object);
  }
  return true;
}

void SegmentReading::read_repository() {
  // Opening it is cheaper than listing a directory of a hundred thousand segments, and nearly always enough.
  if (read_object(wal_segment_name(places_.system, named_), ObjectKind::wal_segment, 0)) {
    return;
  }
  for (const WalObjects::Tail& tail : find_wal(places_.repository, places_.system, named_).tails) {
    if (tail.from <= held_ && tail.to > held_) {
      static_cast<void>(read_object(tail.object_name, ObjectKind::wal_tail, tail.from));
    }
  }
}

// <spool>/<cluster>/<system identifier>/<segment>, with ".partial" behind it while it grows.
void SegmentReading::read_spool() {
  const std::string path = spool_directory(places_.spool, places_.system) + "/" + file_name_;
  // The partial one first: it is renamed when it is complete, and found under its new name then.
  append_spooled(path + ".partial");
  append_spooled(path);
}

// What was written last and not synced may be torn after a power loss; PostgreSQL ends at the first record that is not whole.
void SegmentReading::append_spooled(const std::string& path) {
  const Fd fd = open_existing(path, O_RDONLY);
  if (!fd) {
    return;
  }
  Bytes piece(spool_piece_size);
  while (!complete()) {
    const std::size_t got = read_at(fd, held_, piece, path);
    if (got == 0) {
      return;
    }
    if (held_ == 0) {
      begin(ByteView(piece).first(got));
      if (segment_.size == 0) {
        return;
      }
      check_wal_header(ByteView(piece).first(got), {.system_identifier = places_.system.identifier, .segment = segment_});
    }
    sink_(ByteView(piece).first(std::min<std::uint64_t>(got, segment_.size - held_)));
    held_ += std::min<std::uint64_t>(got, segment_.size - held_);
  }
}

}  // namespace

bool is_segment_name(std::string_view file_name) noexcept {
  return WalSegment::parse(file_name, smallest_segment_size).has_value();
}

std::optional<StoredSegment> read_stored_segment(const WalPlaces& places, std::string_view file_name,
                                                 const std::function<void(ByteView)>& sink) {
  return SegmentReading(places, file_name, sink).read();
}

}  // namespace pgrecall
