#include "engine/wal/spool_writer.h"

#include <fcntl.h>

#include <algorithm>

#include "base/error.h"
#include "postgres/wal_records.h"

namespace pgrecall {

namespace {
constexpr std::size_t piece_size = std::size_t{256} << 10U;
}

SpoolWriter::SpoolWriter(WalSpool& spool, ReceivedWal& received, std::uint64_t system_identifier, unsigned major_version)
    : spool_(spool), received_(received), system_identifier_(system_identifier), major_version_(major_version) {}

WalSegmentExpectation SpoolWriter::expect(const WalSegment& segment) const {
  return {.system_identifier = system_identifier_, .segment = segment, .major_version = major_version_};
}

void SpoolWriter::recover() {
  SpoolContents found = spool_.contents();
  set_damaged_aside(found);
  adopt_whole_partials(found);
  for (const Timeline timeline : found.histories) {
    received_.add_history(timeline);
  }
  for (const WalSegment& segment : found.complete) {
    received_.complete(segment);
    position_ = Position{.timeline = segment.timeline, .lsn = segment.end()};
  }
  for (const SpooledPartial& partial : found.partials) {
    take_partial(partial);
  }
}

void SpoolWriter::retire() {
  if (file_) {
    give_up(file_->segment(), file_->written());
    file_.reset();
    checker_.reset();
  }
}

// What is no WAL of this system at its place harms nobody beside the rest; where it tells of WAL that was received, the server is
// asked for that again.
void SpoolWriter::set_damaged_aside(SpoolContents& found) {
  std::erase_if(found.complete, [this](const WalSegment& segment) {
    return set_aside_if_damaged(segment, spool_.path_of(segment), segment.size);
  });
  std::erase_if(found.partials, [this](const SpooledPartial& partial) {
    return set_aside_if_damaged(partial.segment, spool_.partial_path_of(partial.segment), std::nullopt);
  });
}

bool SpoolWriter::set_aside_if_damaged(const WalSegment& segment, const std::string& path,
                                       std::optional<std::uint64_t> expected_size) {
  const Fd file = open_file(path, O_RDONLY);
  const std::uint64_t size = file_size(file, path);
  Bytes header(std::min<std::uint64_t>(wal_long_header_size, size));
  header.resize(read_at(file, 0, header, path));
  try {
    if (expected_size && size != *expected_size) {
      throw Error(ErrorKind::corruption, "it is not as long as a segment").with("expected", *expected_size).with("found", size);
    }
    const bool empty = std::ranges::all_of(header, [](std::byte byte) { return byte == std::byte{0}; });
    if (expected_size || !empty) {  // a power loss may leave a partial file in which nothing is
      header.resize(wal_long_header_size);
      check_wal_header(header, expect(segment));
    }
  } catch (const Error& error) {
    set_aside_.push_back({.path = spool_.set_aside(path, expected_size.value_or(size)), .why = error.what()});
    return true;
  }
  return false;
}

// The next segment is begun only behind one that is whole; its name may still be the old one.
void SpoolWriter::adopt_whole_partials(SpoolContents& found) {
  const auto begun = [&found](const WalSegment& segment) {
    return std::ranges::binary_search(found.complete, segment) ||
           std::ranges::binary_search(found.partials, segment, {}, &SpooledPartial::segment);
  };
  std::vector<WalSegment> whole;
  for (const SpooledPartial& partial : found.partials) {
    if (partial.size == partial.segment.size && begun(partial.segment.next())) {
      whole.push_back(partial.segment);
    }
  }
  for (const WalSegment& segment : whole) {
    spool_.complete(segment);
    std::erase_if(found.partials, [&](const SpooledPartial& partial) { return partial.segment == segment; });
    found.complete.insert(std::ranges::upper_bound(found.complete, segment), segment);
  }
}

// Behind a kill -9 a partial file ends where it was written to; behind a power loss it may end in bytes that were never written,
// so its end is where its last good record ends. What was acknowledged lies before that, but for the first part of a record,
// which the server has still, since it keeps what it has not finished.
void SpoolWriter::take_partial(const SpooledPartial& partial) {
  const WalSegment& segment = partial.segment;
  const std::string path = spool_.partial_path_of(segment);
  const Fd file = open_file(path, O_RDONLY);
  const Lsn end = valid_wal_end([&](std::uint64_t offset, MutableByteView buffer) { return read_at(file, offset, buffer, path); },
                                expect(segment));
  const std::uint64_t length = end.value - segment.start().value;
  const bool newest = !position_ || std::pair(segment.timeline, segment.end()) > std::pair(position_->timeline, position_->lsn);
  if (!newest) {
    give_up(segment, length);
    return;
  }
  if (file_) {
    give_up(file_->segment(), file_->written());
    file_.reset();
  }
  begin(segment, length, ReceivedWal::Tails::to_be_asked);
  position_ = Position{.timeline = segment.timeline, .lsn = end};
  if (length == segment.size) {
    end_segment();
  }
}

void SpoolWriter::give_up(const WalSegment& segment, std::uint64_t length) {
  if (length > 0) {
    received_.give_up(segment, length);
  } else {
    spool_.remove(spool_.partial_path_of(segment));
  }
}

void SpoolWriter::begin(const WalSegment& segment, std::uint64_t length, ReceivedWal::Tails tails) {
  file_.emplace(spool_, segment, length);
  checker_.emplace(expect(segment));
  Bytes piece(std::min<std::uint64_t>(piece_size, length));
  for (std::uint64_t at = 0; at < length; at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(piece.size(), length - at));
    file_->read(at, piece);
    checker_->feed(piece);
  }
  received_.begin(segment, tails);
  if (length > 0) {
    durable_ = Lsn{segment.start().value + length};
    received_.set_durable(durable_);
  }
}

void SpoolWriter::go_on_at(const Position& at) {
  const WalSegment segment = WalSegment::containing(at.timeline, at.lsn, spool_.segment_size());
  const bool goes_on = position_ && position_->timeline == at.timeline && position_->lsn == at.lsn;
  if (!goes_on && file_) {
    const SpoolFile& file = *file_;
    if (file.segment() != segment) {
      sync();
      give_up(file.segment(), file.written());
      file_.reset();
    } else if (at.lsn < position_->lsn) {
      // Received again: the same bytes over the same bytes.
      file_.reset();
      begin(segment, at.lsn.value - segment.start().value, ReceivedWal::Tails::to_be_asked);
    }
  }
  if (!file_ && at.lsn != segment.start()) {
    begin(segment, at.lsn.value - segment.start().value, ReceivedWal::Tails::to_be_asked);
  }
  if (!goes_on) {
    durable_ = file_ ? durable_ : Lsn{};
    tails_ = ReceivedWal::Tails::to_be_asked;
  }
  position_ = at;
}

void SpoolWriter::compare(Lsn start, ByteView bytes) const {
  Bytes held(bytes.size());
  file_->read(start.value - file_->segment().start().value, held);
  const auto [ours, theirs] = std::ranges::mismatch(held, bytes);
  if (ours != held.end()) {
    throw Error(ErrorKind::failed,
                "the server sends other WAL than before at the same place: it was taken back to an earlier state",
                another_history_hint)
        .with("timeline", file_->segment().timeline)
        .with("lsn", Lsn{start.value + static_cast<std::uint64_t>(ours - held.begin())}.to_string());
  }
}

void SpoolWriter::write(Lsn start, ByteView bytes) {
  while (!bytes.empty()) {
    if (!file_) {
      const WalSegment segment = WalSegment::containing(position_->timeline, start, spool_.segment_size());
      if (received_.holds_rest_of(segment)) {
        throw Error(ErrorKind::failed, "an earlier part of this segment is still being stored").mark_passing();
      }
      begin(segment, 0, tails_);
    }
    const WalSegment& segment = file_->segment();
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), segment.end().value - start.value));
    checker_->feed(bytes.first(part));
    file_->append(bytes.first(part));
    start.value += part;
    position_->lsn = start;
    bytes = bytes.subspan(part);
    if (start == segment.end()) {
      end_segment();
    }
  }
}

// The end of a segment is acknowledged only once its name says that it is whole: the server drops the segment then, and the first
// part of a record that goes on in the next one cannot be told from garbage in a partial file.
void SpoolWriter::end_segment() {
  const WalSegment segment = file_->segment();
  file_->sync();
  spool_.complete(segment);
  file_.reset();
  checker_.reset();
  durable_ = segment.end();
  received_.set_durable(durable_);
  tails_ = ReceivedWal::Tails::none_yet;
  received_.complete(segment);
}

void SpoolWriter::sync() {
  if (file_ && file_->written() > file_->synced()) {
    file_->sync();
    durable_ = Lsn{file_->segment().start().value + file_->synced()};
    received_.set_durable(durable_);
  }
}

void SpoolWriter::fall_back() {
  if (!file_) {
    return;
  }
  const WalSegment segment = file_->segment();
  file_->drop_unsynced();
  position_->lsn = Lsn{segment.start().value + file_->written()};
  if (file_->written() == segment.size) {
    end_segment();  // its last step failed
    return;
  }
  file_.reset();  // go_on_at() opens it again, and checks its pages from the start
}

}  // namespace pgrecall
