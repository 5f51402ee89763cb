#include "engine/undo/wal_read_ahead.h"

#include "base/error.h"

namespace pgrecall {

namespace {

constexpr std::size_t pieces_ahead = 17;  // of 1 MiB: a segment of the usual size and its end

// Ends the reading of a segment that nobody waits for any more.
struct NobodyWaits {};

}  // namespace

std::optional<StoredSegment> read_segment_of(const WalPlaces& places, const TimelineHistory& history, std::uint64_t number,
                                             std::uint32_t segment_size, const std::function<void(ByteView)>& sink) {
  const auto read_of = [&](Timeline timeline) {
    return read_stored_segment(places, WalSegment{timeline, number, segment_size}.file_name(), sink);
  };
  const Timeline newest = history.timeline_at(Lsn{(number + 1) * segment_size - 1});
  const Timeline oldest = history.timeline_at(Lsn{number * segment_size});
  auto found = read_of(newest);
  return found || oldest == newest ? found : read_of(oldest);
}

WalReadAhead::Fetch::Fetch(std::uint64_t segment_number) : number(segment_number), pieces(pieces_ahead) {}

WalReadAhead::WalReadAhead(Source source) : source_(std::move(source)), waiting_(source_.workers + 1) {
  for (unsigned i = 0; i < source_.workers; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

WalReadAhead::~WalReadAhead() {
  waiting_.cancel();
  for (const auto& job : in_order_) {
    job->pieces.cancel();
  }
  threads_.clear();
}

void WalReadAhead::start_fetches() {
  while (in_order_.size() < source_.workers + 1) {
    const auto number = source_.next_number();
    if (!number) {
      return;
    }
    in_order_.push_back(std::make_shared<Fetch>(*number));
    static_cast<void>(waiting_.push(in_order_.back()));  // there is room for all that are in order
  }
}

std::optional<WalReadAhead::Piece> WalReadAhead::next() {
  start_fetches();
  if (in_order_.empty()) {
    return std::nullopt;
  }
  auto fetched = in_order_.front()->pieces.pop();
  if (!fetched) {
    throw Error(ErrorKind::failed, "reading WAL ahead ended early");
  }
  if (fetched->failure) {
    std::rethrow_exception(fetched->failure);
  }
  if (fetched->piece.what != What::bytes) {
    in_order_.pop_front();
  }
  return std::move(fetched->piece);
}

void WalReadAhead::work() {
  while (const auto job = waiting_.pop()) {
    fetch(**job);
  }
}

void WalReadAhead::fetch(Fetch& job) const {
  const auto give = [&job](Fetched fetched) { return job.pieces.push(std::move(fetched)); };
  Fetched last{.piece = {.segment = job.number, .what = What::end, .bytes = {}, .problem = {}}, .failure = {}};
  try {
    const auto found = read_segment_of(source_.places, source_.history, job.number, source_.segment_size, [&](ByteView bytes) {
      Piece piece{.segment = job.number, .what = What::bytes, .bytes = Bytes(bytes.begin(), bytes.end()), .problem = {}};
      if (!give({.piece = std::move(piece), .failure = {}})) {
        throw NobodyWaits{};
      }
    });
    last.piece.what = found ? What::end : What::missing;
  } catch (const NobodyWaits&) {
    return;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::corruption) {
      last.piece.what = What::damaged;
      last.piece.problem = error.what();
    } else {
      last.failure = std::current_exception();
    }
  } catch (...) {
    last.failure = std::current_exception();
  }
  static_cast<void>(give(std::move(last)));
}

}  // namespace pgrecall
