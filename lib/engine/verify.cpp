#include "engine/verify.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/error.h"
#include "base/units.h"
#include "engine/failure.h"
#include "engine/verify_backup.h"
#include "engine/verify_continuity.h"
#include "engine/verify_inventory.h"
#include "engine/verify_wal.h"
#include "io/rate_limiter.h"
#include "postgres/page.h"
#include "repository/catalog.h"
#include "repository/checked_json.h"
#include "repository/drill_record.h"
#include "repository/key_ring.h"
#include "repository/lease_record.h"
#include "repository/marks.h"
#include "repository/relocation.h"
#include "repository/verify_ledger.h"

namespace pgrecall {

namespace {

constexpr std::uint64_t max_json_object = 64U << 10U;  // bytes
constexpr std::size_t max_orphans_named = 20;
constexpr std::size_t chunks_in_a_job = 64;

constexpr std::chrono::hours read_within{24 * 30};  // everything, at the latest

// What is read for the budget is chosen by it; a sample would read more.
VerifyRequest effective(const VerifyRequest& given) {
  VerifyRequest request = given;
  if (request.budget && (request.backup || request.data_fraction < 1)) {
    throw Error(ErrorKind::usage, "a budget is for a verify of everything", "leave out the backup and the sample");
  }
  request.data_fraction = request.budget ? 0 : request.data_fraction;
  return request;
}

class VerifyRun {
 public:
  // The catalog is read before the inventory is taken: all that a listed backup needs was stored before it was listed, so it is
  // in the inventory, whatever is stored meanwhile.
  VerifyRun(const Repository& repository, const VerifyRequest& request, const Clock& clock, Progress& progress,
            const std::stop_token& stop)
      : repository_(repository),
        request_(effective(request)),
        clock_(clock),
        started_(clock.now()),
        on_stop_(stop, [this] { failure_.request_stop(); }),
        catalog_(read_catalog(repository, request.cluster)),
        inventory_(take_inventory(repository, request.cluster)),
        packs_(repository, request.cluster, inventory_.packs, findings_),
        ledger_(repository, request.cluster, inventory_, findings_),
        context_{repository, request_, progress, failure_.token(), inventory_, findings_, packs_, pool_, counters_, ledger_},
        wal_(context_),
        pool_(repository, request.cluster, std::max(1U, request.workers), failure_) {}

  VerifyReport execute();

 private:
  void choose_backups();
  void report_catalog();
  void check_metadata();
  void check_json(const std::string& object, const std::function<void(ByteView)>& parse);
  [[nodiscard]] bool plausible(const BackupSummary& summary);
  void check_system_of(const BackupSummary& summary);
  void check_backup(const ListedBackup& backup);
  void set_total();
  void check_rest_of_packs();
  void report_orphans(const std::vector<std::size_t>& orphans);
  void report_unknown();
  [[nodiscard]] bool of_everything() const { return !request_.backup && (request_.budget || request_.data_fraction >= 1); }
  void read_within_budget();
  void read_pack(std::size_t pack);
  void note_reading(const VerifyReading& reading);
  void store_ledger();
  void judge_coverage(const VerifyCoverage& coverage);
  void mark_by_ledger(const ListedBackup& backup);
  void put_marks();
  void notice(const char* kind, const std::string& object, std::string problem, std::vector<std::string> backups = {});

  const Repository& repository_;
  const VerifyRequest request_;
  const Clock& clock_;
  const Time started_;
  Failure failure_;
  std::stop_callback<std::function<void()>> on_stop_;
  const Catalog catalog_;
  const VerifyInventory inventory_;
  VerifyFindings findings_;
  VerifyCounters counters_;
  VerifyPacks packs_;
  VerifyLedgerState ledger_;
  const VerifyContext context_;
  VerifyWal wal_;
  std::vector<const ListedBackup*> chosen_;  // newest first
  std::map<std::string, Time> readings_;     // by backup: of its chunks the one that was not read for longest
  VerifyReport report_;
  VerifyPool pool_;  // last, so that its threads end before what their jobs use
};

VerifyReport VerifyRun::execute() {
  const auto begin = clock_.steady_now();
  choose_backups();
  set_total();
  try {
    if (of_everything()) {
      ledger_.load();
    }
    context_.progress.enter("verifying metadata");
    report_catalog();
    check_metadata();
    read_within_budget();
    for (const ListedBackup* backup : chosen_) {
      context_.progress.enter("verifying " + backup->summary.id.text, "verifying backups");
      check_backup(*backup);
    }
    if (!request_.backup) {
      context_.progress.enter("verifying WAL");
      wal_.check_rest();
      pool_.wait_until_idle();
      context_.progress.enter("verifying the rest");
      check_rest_of_packs();
      report_unknown();
      check_continuity(context_);
    }
    if (of_everything()) {
      store_ledger();
    }
    put_marks();
  } catch (...) {
    failure_.set(std::current_exception());
    failure_.rethrow();
  }
  report_.objects = counters_.objects + packs_.packs_read();
  report_.chunks = counters_.chunks;
  report_.bytes = counters_.bytes;
  report_.pages = counters_.pages;
  report_.wal_segments = counters_.wal_segments;
  report_.findings = findings_.take();
  report_.duration = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady_now() - begin);
  return report_;
}

void VerifyRun::notice(const char* kind, const std::string& object, std::string problem, std::vector<std::string> backups) {
  findings_.add({.severity = FindingSeverity::notice,
                 .kind = kind,
                 .object = object,
                 .backups = std::move(backups),
                 .file = {},
                 .block = {},
                 .problem = std::move(problem)});
}

void VerifyRun::choose_backups() {
  for (auto each = catalog_.backups.rbegin(); each != catalog_.backups.rend(); ++each) {
    if (!request_.backup || each->summary.id == *request_.backup) {
      chosen_.push_back(&*each);
    }
  }
  const bool damaged = std::ranges::any_of(
      catalog_.damaged, [&](const DamagedBackup& each) { return request_.backup && each.id == *request_.backup; });
  if (request_.backup && chosen_.empty() && !damaged) {
    throw Error(ErrorKind::target_unreachable, "there is no such backup", "pgrecall list shows the backups that there are")
        .with("cluster", request_.cluster)
        .with("backup", request_.backup->text);
  }
}

// Known for everything; of one backup it is what it stored itself, as far as its summary tells.
void VerifyRun::set_total() {
  const std::uint64_t data =
      request_.backup ? (chosen_.empty() ? 0 : chosen_.front()->summary.stored_bytes) : inventory_.pack_bytes;
  if (request_.budget) {
    context_.progress.set_total(std::min(inventory_.pack_bytes, request_.budget->bytes.value_or(inventory_.pack_bytes)));
    return;
  }
  context_.progress.set_total(static_cast<std::uint64_t>(static_cast<double>(data) * std::min(1.0, request_.data_fraction)));
}

void VerifyRun::report_catalog() {
  for (const DamagedBackup& each : catalog_.damaged) {
    if (!request_.backup || each.id == *request_.backup) {
      findings_.add({.severity = FindingSeverity::damage,
                     .kind = finding_kind::corrupt_object,
                     .object = each.object,
                     .backups = {each.id.text},
                     .file = {},
                     .block = {},
                     .problem = each.problem});
    }
  }
  for (const BackupId& each : catalog_.unfinished) {
    if (!request_.backup) {
      notice(finding_kind::orphan, backups_prefix(request_.cluster) + each.text + "/",
             "left by an interrupted backup, or by one that is running; the next backup reuses what it can");
    }
  }
}

void VerifyRun::check_json(const std::string& object, const std::function<void(ByteView)>& parse) {
  static_cast<void>(context_.noting_damage(object, {}, [&] {
    const auto bytes = read_object(repository_.store(), object, max_json_object);
    // A lease that was given back meanwhile is none.
    if (bytes) {
      parse(*bytes);
    }
  }));
}

void VerifyRun::check_metadata() {
  counters_.objects += inventory_.summaries.size();
  if (request_.backup) {
    return;
  }
  std::vector<std::string> names;
  const auto gather = [&](const ObjectInfo& object) { names.push_back(object.name); };
  repository_.store().list("keys/", gather);
  repository_.store().list("leases/", gather);
  for (const std::string& each : names) {
    switch (parse_object_name(each).kind) {
      case NameKind::key: check_json(each, [&](ByteView bytes) { static_cast<void>(parse_wrapped_key(bytes, each)); }); break;
      case NameKind::lease: check_json(each, [&](ByteView bytes) { static_cast<void>(parse_lease(bytes, each)); }); break;
      default: notice(finding_kind::unknown_object, each, "an object of a name that this version does not know");
    }
  }
  for (const VerifyInventory::Object& mark : inventory_.marks) {
    static_cast<void>(context_.noting_damage(mark.name, {}, [&] { static_cast<void>(read_mark_note(repository_, mark.name)); }));
  }
  for (const VerifyInventory::Object& system : inventory_.systems) {
    static_cast<void>(context_.noting_damage(
        system.name, {}, [&] { static_cast<void>(read_json(repository_, ObjectKind::system, system.name)); }));
  }
  for (const std::string& ledger : inventory_.ledgers) {
    static_cast<void>(context_.noting_damage(ledger, {}, [&] { static_cast<void>(read_ledger(repository_, ledger)); }));
  }
  for (const std::string& drill : inventory_.drills) {
    static_cast<void>(context_.noting_damage(drill, {}, [&] {
      if (const auto text = read_json(repository_, ObjectKind::drill, drill)) {
        static_cast<void>(parse_drill(*text, drill));
      }
    }));
  }
  for (const PackId& pack : inventory_.relocated) {
    static_cast<void>(context_.noting_damage(relocation_name(request_.cluster, pack), {},
                                             [&] { static_cast<void>(read_relocations(repository_, request_.cluster, pack)); }));
  }
}

void VerifyRun::check_system_of(const BackupSummary& summary) {
  const std::string object = system_name(request_.cluster, summary.system_identifier);
  if (std::ranges::none_of(inventory_.systems, [&](const auto& each) { return each.name == object; })) {
    findings_.add({.severity = FindingSeverity::damage,
                   .kind = finding_kind::missing_object,
                   .object = object,
                   .backups = {summary.id.text},
                   .file = {},
                   .block = {},
                   .problem = "what the backup's cluster is was recorded, and is missing"});
  }
}

// Whole, and yet of no use: sizes that nothing can have.
bool VerifyRun::plausible(const BackupSummary& summary) {
  if (valid_page_size(summary.page_size) && valid_segment_size(summary.wal_segment_size) &&
      summary.stop_lsn > summary.start_lsn) {
    return true;
  }
  findings_.add({.severity = FindingSeverity::damage,
                 .kind = finding_kind::inconsistent,
                 .object = summary_name(request_.cluster, summary.id),
                 .backups = {summary.id.text},
                 .file = {},
                 .block = {},
                 .problem = "the summary has a page size, segment size or range of WAL that cannot be"});
  return false;
}

void VerifyRun::check_backup(const ListedBackup& backup) {
  if (!plausible(backup.summary)) {
    return;
  }
  check_system_of(backup.summary);
  VerifyBackup contents(context_, backup.summary);
  wal_.check_backup(backup.summary);
  if (contents.check_manifest()) {
    contents.check_contents();
    readings_[backup.summary.id.text] = contents.oldest_reading();
  }
  pool_.wait_until_idle();
  ++report_.backups;
}

// The chunks of packs that no backup read; without them the packs were not read whole.
void VerifyRun::check_rest_of_packs() {
  std::vector<std::size_t> orphans;
  for (std::size_t pack = 0; pack < packs_.count(); ++pack) {
    throw_if_stopped(context_.stop);
    if (!packs_.needed(pack)) {
      orphans.push_back(pack);
    }
    if (request_.data_fraction < 1) {
      continue;
    }
    read_pack(pack);
  }
  pool_.wait_until_idle();
  report_orphans(orphans);
}

// The chunks that nobody claimed.
void VerifyRun::read_pack(std::size_t pack) {
  std::vector<VerifyPacks::Place> rest = packs_.claim_rest(pack);
  for (std::size_t at = 0; at < rest.size(); at += chunks_in_a_job) {
    const std::size_t end = std::min(rest.size(), at + chunks_in_a_job);
    pool_.submit(
        [this, some = std::vector<VerifyPacks::Place>(rest.begin() + static_cast<std::ptrdiff_t>(at),
                                                      rest.begin() + static_cast<std::ptrdiff_t>(end))](VerifyWorker& worker) {
          for (const VerifyPacks::Place& each : some) {
            verify_chunk(context_, worker, each, nullptr, {});
          }
        });
  }
}

// Before the manifests are walked: what is bad is known by then, and each backup that needs it is named.
void VerifyRun::read_within_budget() {
  if (!request_.budget) {
    return;
  }
  context_.progress.enter("verifying what was not read for longest");
  const VerifyBudget& budget = *request_.budget;
  const auto begin = clock_.steady_now();
  const std::vector<VerifyReading> readings = ledger_.in_order();
  std::uint64_t used = 0;
  std::size_t count = 0;
  for (; count < readings.size(); ++count) {
    throw_if_stopped(context_.stop);
    const bool in_time = !budget.time || count == 0 || clock_.steady_now() - begin < *budget.time;
    if (!in_time || (budget.bytes && used >= *budget.bytes)) {
      break;
    }
    const VerifyReading& each = readings[count];
    used += each.bytes;
    each.of == VerifyReading::Of::pack ? read_pack(each.number) : wal_.read(each.number);
  }
  pool_.wait_until_idle();
  std::for_each_n(readings.begin(), count, [this](const VerifyReading& each) { note_reading(each); });
}

void VerifyRun::note_reading(const VerifyReading& reading) {
  const bool damaged = reading.of == VerifyReading::Of::pack ? packs_.damaged(reading.number) : wal_.damaged(reading.number);
  ledger_.note(reading, damaged ? VerifyLedgerState::Outcome::damaged : VerifyLedgerState::Outcome::good, started_);
}

void VerifyRun::store_ledger() {
  if (!request_.budget) {
    for (const VerifyReading& each : ledger_.in_order()) {
      note_reading(each);
    }
  }
  report_.coverage = ledger_.coverage();
  judge_coverage(*report_.coverage);
  try {
    ledger_.store(started_);
  } catch (const Error& error) {
    notice(finding_kind::mark_not_stored, ledgers_prefix(request_.cluster),
           std::string("what this verify has read could not be noted: ") + error.what());
  }
}

void VerifyRun::judge_coverage(const VerifyCoverage& coverage) {
  if (!request_.budget) {
    return;
  }
  const std::string advice = "; a larger budget, or a verify more often, mends that";
  if (coverage.oldest && started_ - *coverage.oldest > read_within) {
    notice(finding_kind::not_read, cluster_prefix(request_.cluster),
           "some of the data was last read on " + format_time(*coverage.oldest) + ", over 30 days ago" + advice);
    return;
  }
  if (coverage.read == 0 || coverage.read >= coverage.total || !ledger_.last() || *ledger_.last() >= started_) {
    return;
  }
  const double runs = static_cast<double>(coverage.total) / static_cast<double>(coverage.read);
  const std::chrono::duration<double> needed = runs * std::chrono::duration<double>(started_ - *ledger_.last());
  if (needed > read_within) {
    notice(finding_kind::not_read, cluster_prefix(request_.cluster),
           "at this budget, and as often as now, it takes " +
               format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(needed)) +
               " to read everything, which is more than 30 days" + advice);
  }
}

void VerifyRun::report_orphans(const std::vector<std::size_t>& orphans) {
  constexpr const char* problem =
      "no backup that can be read needs it: left by a removed or an interrupted backup, or being written by one that is running";
  if (orphans.size() <= max_orphans_named) {
    for (const std::size_t pack : orphans) {
      notice(finding_kind::orphan, pack_name(request_.cluster, packs_.stored(pack).id),
             std::string(problem) + " (" + format_size(packs_.stored(pack).size) + ")");
    }
    return;
  }
  std::uint64_t bytes = 0;
  for (const std::size_t pack : orphans) {
    bytes += packs_.stored(pack).size;
  }
  notice(finding_kind::orphan, packs_prefix(request_.cluster),
         std::to_string(orphans.size()) + " packs, " + format_size(bytes) + ": " + problem);
}

void VerifyRun::report_unknown() {
  for (const std::string& each : inventory_.unknown) {
    notice(finding_kind::unknown_object, each, "an object of a name that this version does not know");
  }
  if (inventory_.unknown_count > inventory_.unknown.size()) {
    notice(finding_kind::unknown_object, cluster_prefix(request_.cluster),
           std::to_string(inventory_.unknown_count - inventory_.unknown.size()) + " more objects of unknown names");
  }
}

// All of it was read, if not today.
void VerifyRun::mark_by_ledger(const ListedBackup& backup) {
  const auto reading = readings_.find(backup.summary.id.text);
  const Time known = std::max(backup.verified.value_or(Time{}), backup.damaged.value_or(Time{}));
  if (reading != readings_.end() && reading->second > known) {
    put_mark(repository_, request_.cluster, backup.summary.id, "verified", reading->second, "");
  }
}

// What was found stays found when it cannot be noted down.
void VerifyRun::put_marks() {
  for (const ListedBackup* backup : chosen_) {
    const BackupId& id = backup->summary.id;
    const auto damage = findings_.damage_of(id.text);
    if (!damage && request_.data_fraction < 1 && !request_.budget) {
      continue;
    }
    try {
      if (!damage && request_.budget) {
        mark_by_ledger(*backup);
        continue;
      }
      put_mark(repository_, request_.cluster, id, damage ? "damaged" : "verified", clock_.now(), damage.value_or(""));
    } catch (const Error& error) {
      notice(finding_kind::mark_not_stored, backups_prefix(request_.cluster) + id.text + "/",
             std::string("the result of this verify could not be noted: ") + error.what(), {id.text});
    }
  }
}

}  // namespace

std::optional<VerifyBudget> parse_verify_budget(std::string_view text) {
  if (const auto bytes = parse_size(text)) {
    return *bytes > 0 ? std::optional(VerifyBudget{.bytes = bytes, .time = {}}) : std::nullopt;
  }
  const auto time = parse_duration(text);
  return time && time->count() > 0 ? std::optional(VerifyBudget{.bytes = {}, .time = time}) : std::nullopt;
}

bool VerifyReport::damaged() const noexcept {
  return std::ranges::any_of(findings,
                             [](const Finding& each) { return each.severity == FindingSeverity::damage && !each.repaired; });
}

VerifyReport verify(const Repository& repository, const VerifyRequest& request, const Clock& clock, Progress& progress,
                    const std::stop_token& stop) {
  return VerifyRun(repository, request, clock, progress, stop).execute();
}

}  // namespace pgrecall
