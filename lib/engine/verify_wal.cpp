#include "engine/verify_wal.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "engine/verify_records.h"
#include "io/rate_limiter.h"
#include "postgres/timeline_history.h"
#include "postgres/wal_segment.h"
#include "repository/wal_archive.h"
#include "repository/wal_times.h"

namespace pgrecall {

namespace {

// Where XLogLongPageHeaderData has the system identifier (src/include/access/xlog_internal.h).
constexpr std::size_t system_identifier_offset = 24;
constexpr std::size_t segment_size_offset = 32;
constexpr std::uint32_t default_segment_size = 16U << 20U;

[[noreturn]] void refuse_pages(const std::string& object, const Error& error) {
  throw Error(ErrorKind::corruption, "a WAL segment in the repository is not what its name says")
      .with("object", object)
      .caused_by(error);
}

// Runs a step of the page check; its errors do not know the object.
template <typename Step>
void of_object(const std::string& object, const Step& step) {
  try {
    step();
  } catch (const Error& error) {
    refuse_pages(object, error);
  }
}

WalSegmentExpectation expectation_of(const BackupSummary& summary, const WalSegment& segment) {
  return {.system_identifier = summary.system_identifier, .segment = segment, .major_version = summary.server_version / 10'000};
}

SegmentRecords::Behind behind(const VerifyContext& context, const WalSegmentExpectation& expectation) {
  const bool stored = std::ranges::binary_search(
      context.inventory.segments, VerifyInventory::Segment::of(expectation.system_identifier, expectation.segment.next()));
  return stored ? SegmentRecords::Behind::stored : SegmentRecords::Behind::unknown;
}

void judge_records(const VerifyContext& context, const std::string& object, const WalSegmentExpectation& expectation,
                   const SegmentRecords& records, const WalPageChecker& pages) {
  try {
    records.judge(pages.zero_tail_offset(), behind(context, expectation));
  } catch (Error& error) {
    throw std::move(error).with("object", object);
  }
}

// A whole segment: bytes as stored, pages and records as expected.
void read_segment(const VerifyContext& context, const std::string& object, const WalSegmentExpectation& expectation) {
  WalPageChecker checker(expectation);
  SegmentRecords records(expectation.segment);
  const auto description = read_wal(context.repository, object, ObjectKind::wal_segment, [&](ByteView bytes) {
    throw_if_stopped(context.stop);
    of_object(object, [&] { checker.feed(bytes); });
    records.feed(bytes);
  });
  if (!description) {
    throw Error(ErrorKind::corruption, "WAL vanished while it was verified").with("object", object);
  }
  of_object(object, [&] { checker.finish(); });
  if (description->system_identifier != expectation.system_identifier || description->segment != expectation.segment) {
    throw Error(ErrorKind::corruption, "WAL is of another cluster")
        .with("object", object)
        .with("expected", expectation.system_identifier)
        .with("found", description->system_identifier);
  }
  judge_records(context, object, expectation, records, checker);
}

// One that no backup tells about: system and segment size are as its own first page says, which the description must confirm.
void read_stray_segment(const VerifyContext& context, const std::string& object, const VerifyInventory::Segment& name) {
  std::optional<WalPageChecker> checker;
  std::optional<SegmentRecords> records;
  WalSegmentExpectation expectation;
  const auto description = read_wal(context.repository, object, ObjectKind::wal_segment, [&](ByteView bytes) {
    throw_if_stopped(context.stop);
    of_object(object, [&] {
      if (!checker && bytes.size() >= wal_long_header_size) {
        const auto size = load_little<std::uint32_t>(bytes.data() + segment_size_offset);
        expectation.system_identifier = load_little<std::uint64_t>(bytes.data() + system_identifier_offset);
        expectation.segment = name.of_size(valid_segment_size(size) ? size : default_segment_size);
        checker.emplace(expectation);
        records.emplace(expectation.segment);
      }
      if (checker) {
        checker->feed(bytes);
        records->feed(bytes);
      }
    });
  });
  if (!description || !checker) {
    throw Error(ErrorKind::corruption, "WAL vanished while it was verified").with("object", object);
  }
  of_object(object, [&] { checker->finish(); });
  if (description->system_identifier != expectation.system_identifier || description->segment != expectation.segment) {
    throw Error(ErrorKind::corruption, "WAL and its description are of different clusters").with("object", object);
  }
  judge_records(context, object, expectation, *records, *checker);
}

}  // namespace

VerifyWal::VerifyWal(const VerifyContext& context) : context_(context), claimed_(context.inventory.segments.size()) {}

ClusterSystem VerifyWal::system_of(const BackupSummary& summary) const {
  return {context_.request.cluster, summary.system_identifier};
}

void VerifyWal::check_backup(const BackupSummary& summary) {
  WalSegment segment = WalSegment::containing(summary.timeline, summary.start_lsn, summary.wal_segment_size);
  const WalSegment last = WalSegment::containing(summary.timeline, Lsn{summary.stop_lsn.value - 1}, summary.wal_segment_size);
  for (; segment.number <= last.number; segment = segment.next()) {
    throw_if_stopped(context_.stop);
    check_needed(summary, segment);
  }
  if (summary.timeline > 1) {
    const std::string object = history_name(system_of(summary), summary.timeline);
    if (std::ranges::find(context_.inventory.histories, object) == context_.inventory.histories.end()) {
      context_.findings.add({.severity = FindingSeverity::notice,
                             .kind = finding_kind::missing_object,
                             .object = object,
                             .backups = {summary.id.text},
                             .file = {},
                             .block = {},
                             .problem = "the history of the backup's timeline is not stored; recovery reaches this timeline "
                                        "without it, but no older one"});
    } else {
      check_history(object, summary.id.text);
    }
  }
}

void VerifyWal::check_needed(const BackupSummary& summary, const WalSegment& segment) {
  const auto wanted = VerifyInventory::Segment::of(summary.system_identifier, segment);
  const auto at = std::ranges::lower_bound(context_.inventory.segments, wanted);
  if (at == context_.inventory.segments.end() || *at != wanted) {
    check_tails(summary, segment);
    return;
  }
  const auto number = static_cast<std::size_t>(at - context_.inventory.segments.begin());
  const std::string object = wal_segment_name(system_of(summary), segment);
  if (claimed_[number]) {
    // Read for another backup; the pool was idle since.
    context_.findings.also_hits_if_found(finding_kind::corrupt_object, object, {}, summary.id.text);
    return;
  }
  if (context_.request.budget) {
    return;  // its turn comes
  }
  claimed_[number] = true;
  ++context_.counters.wal_segments;
  context_.pool.submit([this, object, expectation = expectation_of(summary, segment), id = summary.id.text](VerifyWorker&) {
    static_cast<void>(context_.noting_damage(object, id, [&] { read_segment(context_, object, expectation); }));
  });
}

// As restore puts a segment together: tails in order, each from where the one before ended, and zeros behind them.
void VerifyWal::check_tails(const BackupSummary& summary, const WalSegment& segment) {
  const std::string whole = wal_segment_name(system_of(summary), segment);
  const std::string& id = summary.id.text;
  std::uint64_t covered = 0;
  ++context_.counters.wal_segments;
  WalPageChecker checker(expectation_of(summary, segment));
  SegmentRecords records(segment);
  for (const WalObjects::Tail& tail : find_wal(context_.repository, system_of(summary), segment).tails) {
    if (tail.from > covered || tail.to <= covered) {
      continue;
    }
    claimed_tails_.insert(tail.object_name);
    std::uint64_t at = tail.from;
    const bool good = context_.noting_damage(tail.object_name, id, [&] {
      static_cast<void>(read_wal(context_.repository, tail.object_name, ObjectKind::wal_tail, [&](ByteView bytes) {
        throw_if_stopped(context_.stop);
        const std::uint64_t known = std::min<std::uint64_t>(covered > at ? covered - at : 0, bytes.size());
        const ByteView more = bytes.subspan(static_cast<std::size_t>(known));
        of_object(tail.object_name, [&] { checker.feed(more); });
        records.feed(more);
        at += bytes.size();
      }));
    });
    if (!good) {
      return;
    }
    covered = tail.to;
  }
  if (segment.start().value + covered < std::min(summary.stop_lsn.value, segment.end().value)) {
    context_.findings.add({.severity = FindingSeverity::damage,
                           .kind = finding_kind::missing_wal,
                           .object = whole,
                           .backups = {id},
                           .file = {},
                           .block = {},
                           .problem = covered == 0 ? "WAL between the backup's start and stop is missing"
                                                   : "WAL before the backup's stop is missing from " +
                                                         Lsn{segment.start().value + covered}.to_string()});
    return;
  }
  const Bytes zeros(static_cast<std::size_t>(segment.size - covered));
  static_cast<void>(context_.noting_damage(whole, id, [&] {
    of_object(whole, [&] {
      checker.feed(zeros);
      checker.finish();
    });
    judge_records(context_, whole, expectation_of(summary, segment), records, checker);
  }));
}

void VerifyWal::check_history(const std::string& object, const std::string& backup) {
  if (!claimed_histories_.insert(object).second) {
    context_.findings.also_hits_if_found(finding_kind::corrupt_object, object, {}, backup);
    return;
  }
  static_cast<void>(context_.noting_damage(object, backup, [&] {
    const ParsedName name = parse_object_name(object);
    const auto timeline = static_cast<Timeline>(std::stoul(name.rest.substr(0, 8), nullptr, 16));
    const auto contents = read_history(context_.repository, {name.cluster, *name.system}, timeline);
    if (!contents) {
      throw Error(ErrorKind::corruption, "a timeline's history vanished while it was verified").with("object", object);
    }
    of_object(object, [&] { static_cast<void>(parse_timeline_history(timeline, text_of(*contents))); });
  }));
}

// The segment size is not known; the digits are those of the name for any.
std::string VerifyWal::name_of(const VerifyInventory::Segment& segment) const {
  return wal_prefix(ClusterSystem{context_.request.cluster, segment.system_identifier}) + timeline_name(segment.timeline) + "/" +
         segment.file_name();
}

void VerifyWal::read(std::size_t segment) {
  claimed_[segment] = true;
  ++context_.counters.wal_segments;
  const VerifyInventory::Segment name = context_.inventory.segments[segment];
  context_.pool.submit([this, name](VerifyWorker&) {
    const std::string object = name_of(name);
    context_.noting_damage_of_stray(object, [&] { read_stray_segment(context_, object, name); });
  });
}

bool VerifyWal::damaged(std::size_t segment) const {
  return context_.findings.found(finding_kind::corrupt_object, name_of(context_.inventory.segments[segment]));
}

void VerifyWal::check_rest() {
  const VerifyInventory& inventory = context_.inventory;
  for (std::size_t i = 0; i < claimed_.size(); ++i) {
    if (!claimed_[i] && !context_.request.budget) {
      read(i);
    }
  }
  for (const std::string& object : inventory.tails) {
    if (!claimed_tails_.contains(object)) {
      context_.pool.submit([this, object](VerifyWorker&) {
        context_.noting_damage_of_stray(
            object, [&] { static_cast<void>(read_wal(context_.repository, object, ObjectKind::wal_tail, [](ByteView) {})); });
      });
    }
  }
  for (const std::string& object : inventory.wal_times) {
    static_cast<void>(context_.noting_damage(object, {}, [&] { static_cast<void>(read_wal_time(context_.repository, object)); }));
  }
  for (const std::string& object : inventory.histories) {
    check_history(object, {});
  }
}

}  // namespace pgrecall
