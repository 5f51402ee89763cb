#include "engine/repair/repair_wal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "engine/verify_records.h"
#include "engine/wal/spool.h"
#include "io/fd.h"
#include "io/rate_limiter.h"
#include "postgres/replication.h"
#include "postgres/wal_segment.h"
#include "postgres/wal_stream.h"
#include "repository/catalog.h"
#include "repository/wal_archive.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t copied_at_once = 1U << 20U;  // bytes
constexpr unsigned directory_mode = 0750;
constexpr unsigned file_mode = 0640;
constexpr std::size_t segment_digits = 24;

struct System {
  std::uint64_t identifier = 0;
  std::uint32_t segment_size = 0;
  unsigned major_version = 0;
};

std::optional<System> find_system(const Repository& repository, const ClusterSystem& wanted) {
  const Catalog catalog = read_catalog(repository, wanted.cluster);
  for (auto each = catalog.backups.rbegin(); each != catalog.backups.rend(); ++each) {
    const BackupSummary& summary = each->summary;
    if (summary.system_identifier == wanted.identifier) {
      return System{wanted.identifier, summary.wal_segment_size, summary.server_version / 10'000};
    }
  }
  const auto record = read_system(repository, wanted);
  return record ? std::optional(System{wanted.identifier, record->wal_segment_size, record->server_version / 10'000})
                : std::nullopt;
}

// Where segments lie between being found and being stored: found again by the next repair when this one is broken off. Without a
// spool, a directory of its own that does not outlive it.
class Staging {
 public:
  Staging(const std::string& spool, const std::string& cluster) {
    if (!spool.empty() && fs::is_directory(spool)) {
      directory_ = spool + "/" + cluster + "/repair";
      make_directories(directory_, directory_mode);
      return;
    }
    const char* const place = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody changes it
    directory_ = std::string(place != nullptr && *place != '\0' ? place : "/var/tmp") + "/pgrecall-repair-XXXXXX";
    if (::mkdtemp(directory_.data()) == nullptr) {
      throw io_error("cannot make a directory", directory_, errno);
    }
    passing_ = true;
  }
  ~Staging() {
    std::error_code ignored;
    passing_ ? static_cast<void>(fs::remove_all(directory_, ignored)) : static_cast<void>(fs::remove(directory_, ignored));
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // Segments of several systems may have one name.
  [[nodiscard]] std::string path_of(const System& system, const WalSegment& segment) const {
    return directory_ + "/" + std::to_string(system.identifier) + "-" + segment.file_name();
  }
  [[nodiscard]] std::string growing_path_of(const System& system, const WalSegment& segment) const {
    return path_of(system, segment) + ".new";
  }
  void keep(const System& system, const WalSegment& segment) const {
    const std::string from = growing_path_of(system, segment);
    {
      const Fd file = open_file(from, O_RDONLY);
      sync_file(file, from);
    }
    fs::rename(from, path_of(system, segment));
    sync_directory(directory_);
  }
  void drop(const System& system, const WalSegment& segment) const {
    std::error_code ignored;
    fs::remove(path_of(system, segment), ignored);
    fs::remove(growing_path_of(system, segment), ignored);
  }

 private:
  std::string directory_;
  bool passing_ = false;
};

// Takes the bytes of one segment in order, into its growing file, and judges them.
class SegmentWriter {
 public:
  SegmentWriter(const Staging& staging, const System& system, const WalSegment& segment)
      : segment_(segment),
        path_(staging.growing_path_of(system, segment)),
        file_(open_file(path_, O_WRONLY | O_CREAT | O_TRUNC, file_mode)),
        checker_({.system_identifier = system.identifier, .segment = segment, .major_version = 0}),
        records_(segment) {}

  void add(ByteView bytes) {
    checker_.feed(bytes);
    records_.feed(bytes);
    write_all(file_, bytes, path_);
  }
  // What of the bytes, which stand at `at` of the segment, is not here yet.
  void add_from(std::uint64_t at, ByteView bytes) {
    if (at <= size() && at + bytes.size() > size()) {
      add(bytes.subspan(static_cast<std::size_t>(size() - at)));
    }
  }
  [[nodiscard]] std::uint64_t size() const noexcept { return checker_.offset(); }
  // Error{corruption} when it is, and its records are wrong.
  [[nodiscard]] bool whole() const {
    if (size() == segment_.size) {
      records_.judge(checker_.zero_tail_offset(), SegmentRecords::Behind::unknown);
    }
    return size() == segment_.size;
  }

 private:
  const WalSegment segment_;
  const std::string path_;
  const Fd file_;
  WalPageChecker checker_;
  SegmentRecords records_;
};

class StreamedSegment final : public WalSink {
 public:
  StreamedSegment(SegmentWriter& writer, const WalSegment& segment) : writer_(writer), segment_(segment) {}
  void on_wal(Lsn start, ByteView bytes, Time /*server_time*/) override {
    if (start < segment_.end()) {
      const auto room = static_cast<std::size_t>(segment_.end().value - start.value);
      writer_.add(bytes.first(std::min(bytes.size(), room)));
    }
  }
  void on_keepalive(Lsn /*server_end*/, Time /*server_time*/) override {}
  void on_batch_end() override {}
  [[nodiscard]] Lsn durable_position() const override { return segment_.start(); }

 private:
  SegmentWriter& writer_;
  const WalSegment segment_;
};

class WalRepairs {
 public:
  WalRepairs(const Repository& repository, const WalRepairRequest& request, Progress& progress, const std::stop_token& stop)
      : repository_(repository), request_(request), progress_(progress), stop_(stop), staging_(request.spool, request.cluster) {}

  std::vector<WalRepair> run();

 private:
  [[nodiscard]] ClusterSystem cluster_system() const { return {request_.cluster, system_.identifier}; }
  [[nodiscard]] SegmentRecords::Behind behind(const WalSegment& segment) const;
  [[nodiscard]] bool good_in_repository(const WalSegment& segment) const;
  // The place where it was found; empty when it was not. It is staged then.
  [[nodiscard]] std::string find(const WalSegment& segment);
  [[nodiscard]] bool take_file(const WalSegment& segment, const std::string& path);
  [[nodiscard]] bool take_tails(const WalSegment& segment);
  [[nodiscard]] bool take_from_server(const WalSegment& segment);
  void stream(const WalSegment& segment);
  void store(const WalSegment& segment);
  void repair(const WalSegment& segment, WalRepair& result);
  // Runs `take`; what cannot be used is noted, and false.
  template <typename Take>
  bool trying(const WalSegment& segment, const std::string& where, const Take& take);

  const Repository& repository_;
  const WalRepairRequest& request_;
  Progress& progress_;
  const std::stop_token& stop_;
  const Staging staging_;
  System system_;
  std::optional<ConnectionSettings> server_;
  bool server_gone_ = false;
  std::string tried_;  // what was wrong with each place
};

// As verify judges records at a segment's end.
SegmentRecords::Behind WalRepairs::behind(const WalSegment& segment) const {
  return repository_.store().open(wal_segment_name(cluster_system(), segment.next())) != nullptr
             ? SegmentRecords::Behind::stored
             : SegmentRecords::Behind::unknown;
}

bool WalRepairs::good_in_repository(const WalSegment& segment) const {
  try {
    WalPageChecker checker({.system_identifier = system_.identifier, .segment = segment, .major_version = 0});
    SegmentRecords records(segment);
    const auto found =
        read_wal(repository_, wal_segment_name(cluster_system(), segment), ObjectKind::wal_segment, [&](ByteView bytes) {
          throw_if_stopped(stop_);
          checker.feed(bytes);
          records.feed(bytes);
        });
    if (!found) {
      return false;
    }
    checker.finish();
    records.judge(checker.zero_tail_offset(), behind(segment));
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    return false;
  }
}

template <typename Take>
bool WalRepairs::trying(const WalSegment& segment, const std::string& where, const Take& take) {
  throw_if_stopped(stop_);
  try {
    if (take()) {
      staging_.keep(system_, segment);
      return true;
    }
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled || error.kind() == ErrorKind::store_unreachable) {
      throw;
    }
    tried_ += (tried_.empty() ? "" : "; ") + where + ": " + error.what();
  }
  return false;
}

bool WalRepairs::take_file(const WalSegment& segment, const std::string& path) {
  const Fd file = open_existing(path, O_RDONLY);
  if (!file) {
    return false;
  }
  SegmentWriter writer(staging_, system_, segment);
  Bytes piece(copied_at_once);
  while (const std::size_t got = read_at(file, writer.size(), piece, path)) {
    writer.add(ByteView(piece).first(got));
  }
  return writer.whole();
}

bool WalRepairs::take_tails(const WalSegment& segment) {
  SegmentWriter writer(staging_, system_, segment);
  for (const WalObjects::Tail& tail : find_wal(repository_, cluster_system(), segment).tails) {
    std::uint64_t at = tail.from;
    if (tail.from <= writer.size() && tail.to > writer.size()) {
      static_cast<void>(read_wal(repository_, tail.object_name, ObjectKind::wal_tail, [&](ByteView bytes) {
        writer.add_from(at, bytes);
        at += bytes.size();
      }));
    }
  }
  return writer.whole();
}

void WalRepairs::stream(const WalSegment& segment) {
  Connection connection = connect_replication(*server_, stop_);
  const SystemIdentity identity = identify_system(connection);
  if (identity.system_identifier != system_.identifier) {
    server_gone_ = true;
    throw Error(ErrorKind::failed, "the server is of another system than the repository's WAL")
        .with("expected", system_.identifier)
        .with("found", identity.system_identifier);
  }
  if (identity.timeline < segment.timeline || (identity.timeline == segment.timeline && identity.flushed < segment.end())) {
    throw Error(ErrorKind::failed, "the server has not finished this segment yet; try again later");
  }
  SegmentWriter writer(staging_, system_, segment);
  StreamedSegment sink(writer, segment);
  WalStream stream(connection, {.slot = {}, .start = segment.start(), .timeline = segment.timeline});
  stream.end_at(segment.end());
  static_cast<void>(stream.run(sink));
  if (!writer.whole()) {
    throw Error(ErrorKind::failed, "the server's timeline ends within this segment");
  }
}

bool WalRepairs::take_from_server(const WalSegment& segment) {
  if (server_gone_ || !request_.server) {
    return false;
  }
  if (!server_) {
    server_gone_ = true;  // unless it can be asked for
    server_ = request_.server();
    server_gone_ = false;
  }
  stream(segment);
  return true;
}

std::string WalRepairs::find(const WalSegment& segment) {
  tried_.clear();
  const std::string staged = staging_.path_of(system_, segment);
  if (fs::exists(staged)) {
    if (trying(segment, "an earlier repair", [&] { return take_file(segment, staged); })) {
      return "an earlier repair";
    }
    staging_.drop(system_, segment);
  }
  if (!request_.spool.empty()) {
    const std::string spooled = spool_directory(request_.spool, cluster_system()) + "/";
    if (trying(segment, "the spool", [&] { return take_file(segment, spooled + segment.file_name()); })) {
      return "the spool";
    }
  }
  if (trying(segment, "tails", [&] { return take_tails(segment); })) {
    return "tails in the repository";
  }
  if (trying(segment, "the server", [&] { return take_from_server(segment); })) {
    return "the server";
  }
  staging_.drop(system_, segment);
  return {};
}

void WalRepairs::store(const WalSegment& segment) {
  const std::string path = staging_.path_of(system_, segment);
  const Fd file = open_file(path, O_RDONLY);
  request_.require_lease();
  repository_.store().remove(wal_segment_name(cluster_system(), segment));
  static_cast<void>(put_wal(
      repository_, request_.cluster,
      {.system_identifier = system_.identifier,
       .segment = segment,
       .from = 0,
       .length = segment.size,
       .major_version = system_.major_version,
       .digest = {}},
      [&](std::uint64_t offset, MutableByteView out) {
        if (read_at(file, offset, out, path) != out.size()) {
          throw Error(ErrorKind::failed, "a file with WAL ends too early").with("path", path);
        }
      },
      request_.compression));
}

void WalRepairs::repair(const WalSegment& segment, WalRepair& result) {
  const ParsedName name = parse_object_name(result.object);
  const bool tail = name.kind == NameKind::wal_tail;
  if (good_in_repository(segment)) {
    if (!tail) {
      result.problem = "all of it can be read now; another verify tells whether that lasts";
      return;
    }
    result.from = "the whole segment, which is stored";
  } else {
    result.from = find(segment);
    if (result.from.empty()) {
      result.problem = "the segment is nowhere else" + (tried_.empty() ? std::string() : ": " + tried_);
      return;
    }
    store(segment);
    staging_.drop(system_, segment);
  }
  if (tail) {
    request_.require_lease();
    repository_.store().remove(result.object);
  }
  result.done = true;
}

std::vector<WalRepair> WalRepairs::run() {
  std::vector<WalRepair> results;
  std::map<std::uint64_t, std::optional<System>> systems;                // that were looked for
  std::map<std::pair<std::uint64_t, WalSegment>, std::string> repaired;  // and from where
  for (const std::string& object : std::set<std::string>(request_.objects.begin(), request_.objects.end())) {
    WalRepair& result = results.emplace_back();
    result.object = object;
    const ParsedName name = parse_object_name(object);
    if (name.system && !systems.contains(*name.system)) {
      systems.emplace(*name.system, find_system(repository_, {request_.cluster, *name.system}));
    }
    const std::optional<System> system = name.system ? systems.at(*name.system) : std::nullopt;
    const auto segment = system && valid_segment_size(system->segment_size)
                             ? WalSegment::parse(name.rest.substr(0, segment_digits), system->segment_size)
                             : std::nullopt;
    if (!segment) {
      result.problem = "nobody knows what kind of server it is of";
      continue;
    }
    system_ = *system;
    progress_.enter("repairing WAL " + segment->file_name(), "repairing");
    if (const auto before = repaired.find({system_.identifier, *segment});
        before != repaired.end() && name.kind == NameKind::wal_segment) {
      result.done = true;
      result.from = before->second;
      continue;
    }
    repair(*segment, result);
    if (result.done) {
      repaired[{system_.identifier, *segment}] = result.from;
    }
  }
  return results;
}

}  // namespace

std::vector<WalRepair> repair_wal(const Repository& repository, const WalRepairRequest& request, Progress& progress,
                                  const std::stop_token& stop) {
  return request.objects.empty() ? std::vector<WalRepair>() : WalRepairs(repository, request, progress, stop).run();
}

}  // namespace pgrecall
