#include "engine/wal/segment_uploader.h"

#include <fcntl.h>

#include <algorithm>

#include "base/error.h"
#include "engine/wal/backoff.h"
#include "io/fd.h"
#include "repository/names.h"
#include "repository/wal_archive.h"

namespace pgrecall {

namespace {

constexpr std::uint64_t max_history_size = 1U << 20U;  // bytes

std::string shown(const SpoolItem& item) {
  return item.kind == SpoolItem::Kind::history ? timeline_name(item.timeline) + ".history" : item.segment.file_name();
}

}  // namespace

void require_repository(const Repository& repository) {
  if (!repository.in_place()) {
    throw Error(ErrorKind::store_unreachable, "the repository is not at its address any more",
                "is its file system mounted, and is it this one?")
        .with("repository", repository.store().address());
  }
}

void require_stored(const Repository& repository, const std::string& object_name) {
  require_repository(repository);
  if (repository.store().open(object_name) == nullptr) {
    throw Error(ErrorKind::store_unreachable, "what was just stored is not in the repository",
                "was its file system mounted meanwhile?")
        .with("object", object_name);
  }
}

Lsn stored_tail_end(const Repository& repository, const ClusterSystem& system, const WalSegment& segment) {
  const WalObjects found = find_wal(repository, system, segment);
  if (found.whole) {
    return segment.end();
  }
  std::uint32_t end = 0;
  for (const WalObjects::Tail& tail : found.tails) {
    if (tail.from <= end) {
      end = std::max(end, tail.to);
    }
  }
  return Lsn{segment.start().value + end};
}

SegmentUploader::SegmentUploader(const Repository& repository, WalStoring storing, WalSpool& spool, ReceivedWal& received,
                                 StoreHealth& health, WalEvents& events, unsigned threads)
    : repository_(repository),
      storing_(std::move(storing)),
      spool_(spool),
      received_(received),
      health_(health),
      events_(events) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

SegmentUploader::~SegmentUploader() {
  stop_.request_stop();
  received_.cancel();
}

void SegmentUploader::finish() { threads_.clear(); }

void SegmentUploader::run() {
  while (const std::optional<SpoolItem> item = received_.take()) {
    if (!store(*item) && stop_.stop_requested()) {
      return;
    }
  }
}

bool SegmentUploader::store(const SpoolItem& item) {
  Backoff backoff(std::chrono::seconds(5));
  while (true) {
    try {
      put(item);
      health_.worked();
      received_.stored(item);
      return true;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::corruption) {
        refuse(item, error);
        return false;
      }
      health_.failed(error);
    } catch (const std::exception& error) {
      health_.failed(Error(ErrorKind::failed, error.what()));
    }
    if (received_.finishing()) {
      stop_.request_stop();
      received_.cancel();
      return false;
    }
    try {
      wait_unless_stopped(backoff.next(), stop_.get_token());
    } catch (const Error& stopped) {
      return false;
    }
  }
}

void SegmentUploader::put(const SpoolItem& item) {
  require_repository(repository_);
  switch (item.kind) {
    case SpoolItem::Kind::segment:
      put_file(item, spool_.path_of(item.segment), 0);
      spool_.remove(spool_.path_of(item.segment));
      break;
    case SpoolItem::Kind::rest: put_rest(item); break;
    case SpoolItem::Kind::history: put_history_file(item); break;
  }
}

void SegmentUploader::put_rest(const SpoolItem& item) {
  const std::string path = spool_.partial_path_of(item.segment);
  const std::uint64_t from = stored_tail_end(repository_, storing_.system, item.segment).value - item.segment.start().value;
  if (from < item.length) {
    put_file(item, path, static_cast<std::uint32_t>(from));
  }
  spool_.remove(path);
}

void SegmentUploader::put_file(const SpoolItem& item, const std::string& path, std::uint32_t from) {
  const Fd file = open_file(path, O_RDONLY);
  const WalDescription description{.system_identifier = storing_.system.identifier,
                                   .segment = item.segment,
                                   .from = from,
                                   .length = item.length - from,
                                   .major_version = storing_.major_version,
                                   .digest = {}};
  static_cast<void>(put_wal(
      repository_, storing_.system.cluster, description,
      [&](std::uint64_t offset, MutableByteView out) {
        if (read_at(file, from + offset, out, path) != out.size()) {
          throw Error(ErrorKind::corruption, "the spool's file is shorter than what was received", "look at the spool's disk")
              .with("path", path);
        }
      },
      storing_.compression));
  require_stored(repository_, item.length - from == item.segment.size
                                  ? wal_segment_name(storing_.system, item.segment)
                                  : wal_tail_name(storing_.system, item.segment, from, static_cast<std::uint32_t>(item.length)));
}

void SegmentUploader::put_history_file(const SpoolItem& item) {
  const std::string path = spool_.history_path_of(item.timeline);
  static_cast<void>(put_history(repository_, storing_.system, item.timeline, read_file(path, max_history_size)));
  require_stored(repository_, history_name(storing_.system, item.timeline));
  spool_.remove(path);
}

void SegmentUploader::refuse(const SpoolItem& item, const Error& error) {
  received_.give_up_storing(item);
  events_.on_event({.kind = WalEventKind::refused,
                    .text = shown(item) + " cannot be stored and stays in the spool: " + error.what(),
                    .hint = error.hint(),
                    .timeline = item.kind == SpoolItem::Kind::history ? item.timeline : item.segment.timeline,
                    .from = item.segment.start(),
                    .until = item.segment.end()});
}

}  // namespace pgrecall
