#include "engine/restore_wal.h"

#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "io/rate_limiter.h"
#include "postgres/wal_segment.h"
#include "repository/wal_archive.h"

namespace pgrecall {

namespace {

constexpr std::uint32_t wal_file_mode = 0600;

// One file in pg_wal, filled from a segment object or from tails.
class SegmentFile {
 public:
  SegmentFile(const RestorePlan& plan, const RestoreTarget& target, const WalSegment& segment)
      : path_(plan.request.into + "/pg_wal/" + segment.file_name()), fd_(target.open_for_writing(path_, wal_file_mode)) {
    if (::ftruncate(fd_.get(), 0) != 0 || ::ftruncate(fd_.get(), segment.size) != 0) {
      throw system_error("cannot set the size", path_, errno);
    }
  }

  void write(ByteView bytes, std::uint64_t offset) { write_all_at(fd_, bytes, offset, path_); }

  void check(const WalSegmentExpectation& expectation, const std::string& object) const {
    constexpr std::size_t piece_size = 1U << 20U;
    WalPageChecker checker(expectation);
    Bytes piece(piece_size);
    try {
      for (std::uint64_t at = 0; at < expectation.segment.size; at += piece_size) {
        checker.feed(ByteView(piece).first(read_at(fd_, at, piece, path_)));
      }
      checker.finish();
    } catch (const Error& error) {
      throw Error(ErrorKind::corruption, "a WAL segment in the repository is not what its name says")
          .with("object", object)
          .caused_by(error);
    }
  }

 private:
  std::string path_;
  Fd fd_;
};

void restore_segment(const Repository& repository, const RestorePlan& plan, const RestoreTarget& target,
                     const WalSegment& segment) {
  const ClusterSystem system(plan.request.cluster, plan.backup.summary.system_identifier);
  SegmentFile file(plan, target, segment);
  const WalObjects objects = find_wal(repository, system, segment);
  const auto fill = [&](const std::string& object, ObjectKind kind, std::uint64_t offset) {
    const auto description = read_wal(repository, object, kind, [&](ByteView bytes) {
      file.write(bytes, offset);
      offset += bytes.size();
    });
    if (!description) {
      throw Error(ErrorKind::corruption, "WAL that this backup needs is missing",
                  "choose another backup with --backup; run pgrecall verify")
          .with("object", object);
    }
  };
  const std::string whole = wal_segment_name(system, segment);
  if (objects.whole) {
    fill(whole, ObjectKind::wal_segment, 0);
  }
  std::uint64_t covered = objects.whole ? segment.size : 0;
  for (const WalObjects::Tail& tail : objects.tails) {
    if (!objects.whole && tail.from <= covered && tail.to > covered) {
      fill(tail.object_name, ObjectKind::wal_tail, tail.from);
      covered = tail.to;
    }
  }
  const Lsn stop = plan.backup.summary.stop_lsn;
  if (segment.start().value + covered < std::min(stop.value, segment.end().value)) {
    throw Error(ErrorKind::corruption, "WAL that this backup needs is missing",
                "choose another backup with --backup; run pgrecall verify")
        .with("object", whole);
  }
  file.check({.system_identifier = plan.backup.summary.system_identifier,
              .segment = segment,
              .major_version = plan.backup.summary.server_version / 10'000},
             whole);
}

}  // namespace

std::uint64_t restore_wal(const Repository& repository, const RestorePlan& plan, const RestoreTarget& target, PathSet& keep,
                          const std::stop_token& stop) {
  std::uint64_t segments = 0;
  for (WalSegment segment = plan.first_wal; segment.number <= plan.last_wal.number; segment = segment.next()) {
    throw_if_stopped(stop);
    restore_segment(repository, plan, target, segment);
    keep.add("pg_wal/" + segment.file_name());
    ++segments;
  }
  const Timeline timeline = plan.backup.summary.timeline;
  if (const auto history = read_history(repository, {plan.request.cluster, plan.backup.summary.system_identifier}, timeline)) {
    const std::string name = timeline_name(timeline) + ".history";
    target.replace_file(plan.request.into + "/pg_wal/" + name, wal_file_mode, *history);
    keep.add("pg_wal/" + name);
  }
  return segments;
}

}  // namespace pgrecall
