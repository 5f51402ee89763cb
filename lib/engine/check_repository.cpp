#include "base/hash.h"
#include "base/units.h"
#include "engine/check_list.h"
#include "repository/catalog.h"
#include "repository/lease_record.h"

namespace pgrecall {

namespace {

// A lease that nobody waits for: the only kind of object that may go again, and verify knows it.
class ProbeObject {
 public:
  ProbeObject(ObjectStore& store, const Clock& clock) : store_(store), name_("leases/check-" + random_hex(8)) {
    LeaseRecord record;
    record.holder = {describe_this_process(), clock.now(), clock.now(), "pgrecall check"};
    record.process = ProcessIdentity::self();
    record.token = random_hex(16);
    text_ = format_lease(record);
  }

  void write() {
    if (store_.put(name_, MemoryBody(bytes_of(text_))) == PutResult::already_exists) {
      throw Error(ErrorKind::failed, "an object of a random name is there already", "try again").with("object", name_);
    }
  }
  void compare() {
    const auto stored = read_object(store_, name_, max_lease_size);
    if (!stored || text_of(*stored) != text_) {
      throw Error(ErrorKind::corruption,
                  stored ? "the store returns other bytes than were put" : "what was just put is not there",
                  "check the store's disks and memory")
          .with("object", name_);
    }
  }
  void remove() {
    if (!store_.remove(name_)) {
      throw Error(ErrorKind::failed, "what was just put is not there", "check whether something else deletes in the repository")
          .with("object", name_);
    }
  }

 private:
  ObjectStore& store_;
  const std::string name_;
  std::string text_;
};

void check_store(CheckList& list, const Repository& repository, const Clock& clock) {
  ProbeObject probe(repository.store(), clock);
  if (!list.look_at("store: write", [&] { probe.write(); })) {
    return;
  }
  list.good("store: write", repository.store().address());
  if (list.look_at("store: read", [&] { probe.compare(); })) {
    list.good("store: read", "the same bytes came back");
  }
  if (list.look_at("store: delete", [&] { probe.remove(); })) {
    list.good("store: delete", "done");
  }
}

void check_space(CheckList& list, const Repository& repository, const std::optional<BackupSummary>& newest) {
  const auto space = repository.store().space();
  if (!space) {
    return;
  }
  const std::uint64_t last = newest ? newest->stored_bytes : 0;
  const std::string detail = format_size(space->available) + " free of " + format_size(space->total) +
                             (newest ? "; the last backup stored " + format_size(last) : "");
  const std::string hint = "free space, or give the repository more";
  if (space->available < last) {
    list.bad("store: space", detail, hint);
  } else if (space->available / 4 < last || space->available < space->total / 20) {
    list.warning("store: space", detail, hint);
  } else {
    list.good("store: space", detail);
  }
}

constexpr std::chrono::minutes tolerated_clock_error{1};

void check_backups(CheckList& list, const Catalog& catalog, const Clock& clock) {
  for (const DamagedBackup& each : catalog.damaged) {
    list.bad("backup " + each.id.text, each.problem, "run pgrecall verify; take a new backup");
  }
  if (catalog.backups.empty()) {
    list.warning("newest backup", "there is none of this cluster yet", "take one: pgrecall backup");
    return;
  }
  const ListedBackup& newest = catalog.backups.back();
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - newest.summary.finished);
  const std::string detail =
      newest.summary.id.text + ", " + format_duration(std::max(age, std::chrono::milliseconds(0))) + " old";
  if (newest.damaged && (!newest.verified || *newest.verified < *newest.damaged)) {
    list.bad("newest backup", detail + ", and damaged", "take a new backup now; pgrecall verify tells what is damaged");
  } else if (age < -tolerated_clock_error) {
    list.warning("newest backup", newest.summary.id.text + " ended " + format_duration(-age) + " from now by this host's clock",
                 "set the clock right: until that time comes, no backup can be taken");
  } else {
    list.good("newest backup", detail + (newest.verified ? ", verified" : ", not verified yet"));
  }
}

}  // namespace

std::vector<CheckItem> check_repository(const Repository& repository, const std::string& cluster, const Clock& clock) {
  CheckList list;
  list.good("repository", "id " + repository.identity().id +
                              (repository.sealed() ? ", sealed" : ", not sealed: whoever can read the store can read the data"));
  check_store(list, repository, clock);
  std::optional<Catalog> catalog;
  list.look_at("backups", [&] { catalog = read_catalog(repository, cluster); });
  std::optional<BackupSummary> newest;
  if (catalog) {
    check_backups(list, *catalog, clock);
    if (!catalog->backups.empty()) {
      newest = catalog->backups.back().summary;
    }
  }
  list.look_at("store: space", [&] { check_space(list, repository, newest); });
  return list.take();
}

}  // namespace pgrecall
