#include "engine/undo/find_changes.h"

#include <algorithm>

#include "base/error.h"
#include "base/wording.h"
#include "engine/undo/change_names.h"
#include "engine/undo/change_range.h"
#include "engine/undo/wal_read_ahead.h"
#include "engine/wal/window.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

using namespace std::chrono_literals;

constexpr auto commits_out_of_order = 1min;        // times in the WAL do not quite rise with the LSN
constexpr int later_segments = 2;                  // whose transactions all ended after that: no earlier one follows
constexpr std::size_t most_transactions = 100000;  // that are kept

class ChangeFinder {
 public:
  ChangeFinder(const Repository& repository, const ChangeSearch& search, Progress& progress, std::stop_token stop)
      : search_(search),
        progress_(progress),
        stop_(std::move(stop)),
        windows_(compute_windows(repository, search.cluster)),
        window_(windows_[choose_window(windows_, search.to)]),
        places_{.repository = repository, .system = window_.system(), .spool = search.spool},
        history_(choose_history()),
        range_(choose_range(window_, history_, search)),
        names_(repository, window_, range_.backup, findings_.warnings) {}

  ChangeFindings execute();

 private:
  [[nodiscard]] const TimelineHistory& choose_history() const;
  void scan(Lsn from);
  // False when no more is needed.
  bool take(const WalReadAhead::Piece& piece);
  void begin_segment(std::uint64_t number);
  bool end_segment(const WalReadAhead::Piece& piece);
  void feed(ByteView bytes);
  void keep(TransactionChanges changes);
  [[nodiscard]] bool counts(const WalChange& change) const;
  [[nodiscard]] bool recoverable(Lsn before) const;
  [[nodiscard]] std::optional<BackupId> newest_backup(Lsn before) const;
  void name_schemas();
  void note_what_is_not_covered();
  void finish();
  [[nodiscard]] Lsn start_of(std::uint64_t number) const { return Lsn{number * window_.segment_size}; }

  const ChangeSearch& search_;
  Progress& progress_;
  const std::stop_token stop_;
  const std::vector<RecoveryWindow> windows_;
  const RecoveryWindow& window_;  // of the system that is looked through
  const WalPlaces places_;
  const TimelineHistory& history_;
  ChangeRange range_;
  ChangeFindings findings_;
  ChangeNames names_;
  std::optional<WalChangeCollector> collector_;
  std::optional<WalRecordReader> reader_;
  std::optional<std::uint64_t> segment_;  // the one in work, or the last one
  std::uint64_t segment_bytes_ = 0;
  bool from_first_segment_ = false;  // that is kept
  bool unreadable_ = false;          // the rest of the segment
  std::vector<Lsn> broken_;          // where WAL ends that does not go on
  bool any_later_ = false;           // a transaction of the segment ended after what is asked for
  bool any_earlier_ = false;
  int later_segments_ = 0;
  std::uint64_t left_out_ = 0;
};

const TimelineHistory& ChangeFinder::choose_history() const {
  const auto found = search_.timeline            ? window_.histories.find(*search_.timeline)
                     : window_.histories.empty() ? window_.histories.end()
                                                 : std::prev(window_.histories.end());
  if (found == window_.histories.end()) {
    throw Error(
        ErrorKind::target_unreachable,
        search_.timeline ? "the repository knows nothing of this timeline" : "the repository holds no WAL of this cluster",
        "pgrecall wal status " + search_.cluster + " tells what there is")
        .with("cluster", search_.cluster);
  }
  return found->second;
}

ChangeFindings ChangeFinder::execute() {
  progress_.enter("looking for where to begin");
  if (search_.from && !search_.from_lsn) {
    range_.from = narrow_to_time(places_, history_, range_, *search_.from, window_.segment_size, stop_);
  }
  const Lsn from = checkpoint_before(places_, history_, range_, window_.segment_size, stop_);
  const unsigned major = range_.backup != nullptr ? range_.backup->summary.server_version / 10000 : 0;
  if (major == 0) {
    throw Error(ErrorKind::target_unreachable,
                "the repository has no backup of this cluster, without which nothing can be undone",
                "pgrecall backup " + search_.cluster)
        .with("cluster", search_.cluster);
  }
  collector_.emplace(WalChangeCollector::Options{.major_version = major,
                                                 .page_size = range_.backup->summary.page_size,
                                                 .least_rows = search_.least_rows.value_or(some_rows)},
                     [this](TransactionChanges changes) { keep(std::move(changes)); });
  if (const BackupCatalog* catalog = names_.nearest()) {
    for (const auto& [database, map] : catalog->maps()) {
      collector_->catalog().set_map(database, map);
    }
  }
  progress_.enter("reading WAL");
  scan(from);
  progress_.enter("looking up names");
  finish();
  return std::move(findings_);
}

void ChangeFinder::scan(Lsn from) {
  const std::uint64_t first = from.value / window_.segment_size;
  from_first_segment_ = !range_.segments.empty() && first <= range_.segments.front().first;
  std::uint64_t next = first;
  auto run = range_.segments.begin();
  const auto next_number = [&]() -> std::optional<std::uint64_t> {
    while (run != range_.segments.end() && run->second < next) {
      ++run;
    }
    next = run == range_.segments.end() ? next : std::max(next, run->first);  // behind the last, the spool may have more
    return next++;
  };
  WalReadAhead ahead({.places = places_,
                      .history = history_,
                      .segment_size = window_.segment_size,
                      .next_number = next_number,
                      .workers = search_.workers});
  findings_.timeline = history_.timeline;
  findings_.from = std::max(range_.from, start_of(first));
  while (const auto piece = ahead.next()) {
    throw_if_stopped(stop_);
    if (!take(*piece)) {
      break;
    }
  }
}

bool ChangeFinder::take(const WalReadAhead::Piece& piece) {
  if (!segment_ || *segment_ != piece.segment) {
    if ((range_.until && start_of(piece.segment) >= *range_.until) || later_segments_ >= later_segments ||
        (piece.what == WalReadAhead::What::missing && piece.segment > range_.last_segment())) {
      return false;
    }
    begin_segment(piece.segment);
  }
  if (piece.what != WalReadAhead::What::bytes) {
    return end_segment(piece);
  }
  segment_bytes_ += piece.bytes.size();
  findings_.wal_bytes += piece.bytes.size();
  progress_.add_done(piece.bytes.size());
  feed(piece.bytes);
  return true;
}

void ChangeFinder::begin_segment(std::uint64_t number) {
  if (segment_ && number != *segment_ + 1) {
    findings_.warnings.push_back("WAL is missing from " + start_of(*segment_ + 1).to_string() + " to " +
                                 start_of(number).to_string() + ": what ended there is not listed");
    reader_.reset();
    broken_.push_back(start_of(*segment_ + 1));
  }
  if (!reader_) {
    reader_.emplace(WalRecordStart{.at = start_of(number), .segment_size = window_.segment_size}, WalRecordCrc::check,
                    *collector_);
  }
  segment_ = number;
  segment_bytes_ = 0;
  unreadable_ = false;
  any_later_ = false;
  any_earlier_ = false;
}

void ChangeFinder::feed(ByteView bytes) {
  if (unreadable_) {
    return;
  }
  const auto before = collector_->last_end();
  try {
    reader_->feed(bytes);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corruption) {
      throw;
    }
    unreadable_ = true;
    broken_.push_back(reader_->position());
    if (*segment_ <= range_.last_segment()) {  // else the end of what a receiver is writing
      findings_.warnings.push_back(std::string("WAL cannot be read from here to the end of its segment: ") + error.what());
    }
  }
  findings_.until = std::max(findings_.until, reader_->position());
  if (const auto now = collector_->last_end(); search_.to && now && now != before) {
    (*now > *search_.to + commits_out_of_order ? any_later_ : any_earlier_) = true;
  }
}

bool ChangeFinder::end_segment(const WalReadAhead::Piece& piece) {
  if (piece.what == WalReadAhead::What::damaged) {
    findings_.warnings.push_back("WAL cannot be read: " + piece.problem);
  } else if (piece.what == WalReadAhead::What::missing) {
    findings_.warnings.push_back("WAL is missing: segment " +
                                 WalSegment{history_.timeline, piece.segment, window_.segment_size}.file_name());
  }
  if (piece.what != WalReadAhead::What::end) {
    broken_.push_back(reader_->position());
  }
  if (unreadable_ || reader_->ended() || segment_bytes_ < window_.segment_size) {
    reader_.reset();  // the next segment's records begin anew
  }
  later_segments_ = any_earlier_ ? 0 : later_segments_ + (any_later_ ? 1 : 0);
  return true;
}

void ChangeFinder::keep(TransactionChanges changes) {
  const bool in_time = (!search_.from || changes.time >= *search_.from) && (!search_.to || changes.time <= *search_.to);
  const bool in_range =
      changes.start >= search_.from_lsn.value_or(Lsn{}) && (!search_.to_lsn || changes.start <= *search_.to_lsn);
  if (!in_time || !in_range) {
    return;
  }
  if (findings_.transactions.size() >= most_transactions) {
    ++left_out_;
    return;
  }
  findings_.transactions.push_back({.what = std::move(changes), .recoverable = false, .backup = {}});
}

bool ChangeFinder::counts(const WalChange& change) const {
  if ((change.kind != WalChangeKind::deleted && change.kind != WalChangeKind::updated) || search_.least_rows) {
    return true;
  }
  const auto rows = static_cast<double>(change.rows);
  return change.rows >= many_rows || (change.estimated && *change.estimated > 0 && rows * 2 >= *change.estimated);
}

bool ChangeFinder::recoverable(Lsn before) const {
  const auto spans = window_.spans_to(history_.timeline);
  const auto holds = [&](const RecoverySpan& span) { return before >= span.from_lsn && before <= span.until_lsn; };
  // What the spool holds behind the last one counts too.
  if (spans.empty() || std::ranges::any_of(spans, holds)) {
    return !spans.empty();
  }
  const auto breaks = [&](Lsn end) { return end >= spans.back().until_lsn && end <= before; };
  return before >= spans.back().from_lsn && std::ranges::none_of(broken_, breaks);
}

std::optional<BackupId> ChangeFinder::newest_backup(Lsn before) const {
  std::optional<BackupId> newest;
  for (const RecoverySpan& span : window_.spans_to(history_.timeline)) {
    for (const ListedBackup* backup : span.backups) {
      newest = backup->summary.stop_lsn <= before ? backup->summary.id : newest;
    }
  }
  return newest;
}

// Its page may have come into the WAL only behind what is about it.
void ChangeFinder::name_schemas() {
  for (FoundChanges& found : findings_.transactions) {
    for (WalChange& change : found.what.changes) {
      const std::string* schema =
          change.schema.empty() ? collector_->catalog().schema(found.what.database, change.schema_oid) : nullptr;
      change.schema = schema != nullptr ? *schema : change.schema;
    }
  }
}

// "Nothing was dropped" must not be said of what was not looked at.
void ChangeFinder::note_what_is_not_covered() {
  if (findings_.until < findings_.from) {
    findings_.until = findings_.from;
  }
  const std::string elsewhere = ": see pgrecall wal status " + search_.cluster;
  for (const RecoveryWindow& window : windows_) {
    const bool asked = &window < &window_ && search_.from && std::ranges::any_of(window.spans, [&](const RecoverySpan& span) {
      return span.until_time >= *search_.from;
    });
    if (asked) {
      findings_.warnings.push_back("the cluster was another one before, " + describe_system(window) +
                                   ", whose WAL is looked through with --to and a time at which it was");
    }
  }
  if (search_.from_lsn && findings_.until <= *search_.from_lsn) {
    findings_.warnings.push_back("no WAL is kept from " + search_.from_lsn->to_string() + " on" + elsewhere);
  }
  if (search_.to_lsn && from_first_segment_ && findings_.from > *search_.to_lsn) {
    findings_.warnings.push_back("no WAL is kept of before " + findings_.from.to_string() + elsewhere);
  }
  if (search_.to && from_first_segment_ && findings_.first_end && *findings_.first_end > *search_.to + commits_out_of_order) {
    findings_.warnings.push_back("the WAL that is kept begins later: the first transaction in it ended at " +
                                 format_time(*findings_.first_end) + elsewhere);
  }
  const BackupCatalog* backup = names_.nearest();
  const bool number = search_.database.find_first_not_of("0123456789") == std::string::npos;
  if (!number && !collector_->catalog().knows_database(search_.database) &&
      (backup == nullptr || !backup->knows_database(search_.database))) {
    findings_.warnings.push_back("no database " + in_quotes(search_.database) +
                                 " is known to the backup or the WAL that was looked through: is the name right?");
  }
}

void ChangeFinder::finish() {
  auto& transactions = findings_.transactions;
  findings_.first_end = collector_->first_end();
  findings_.last_end = collector_->last_end();
  name_schemas();
  names_.fill(transactions);
  note_what_is_not_covered();
  for (FoundChanges& found : transactions) {
    std::erase_if(found.what.changes, [&](const WalChange& change) { return !counts(change); });
    found.recoverable = recoverable(found.what.undone_before);
    found.backup = &window_ == &windows_.back() ? std::nullopt : newest_backup(found.what.undone_before);
  }
  std::erase_if(transactions, [&](const FoundChanges& found) {
    const bool other = !search_.database.empty() && found.what.database_name != search_.database &&
                       std::to_string(found.what.database) != search_.database;
    return other || found.what.changes.empty();
  });
  if (left_out_ > 0) {
    findings_.warnings.push_back(std::to_string(left_out_) +
                                 " more transactions are not listed: choose a shorter time, or more rows");
  }
  if (collector_->not_understood() > 0) {
    findings_.warnings.push_back(std::to_string(collector_->not_understood()) +
                                 " WAL records are of a form that is not known here");
  }
}

}  // namespace

ChangeFindings find_changes(const Repository& repository, const ChangeSearch& search, Progress& progress,
                            const std::stop_token& stop) {
  return ChangeFinder(repository, search, progress, stop).execute();
}

}  // namespace pgrecall
