// store_faults CONNINFO SPOOL_DIRECTORY
//
// A backup makes some dozens of calls to its store. This program takes one backup for each of them, with that call failing, and
// then demands what must hold whatever fails: the backup that was there before is still listed; nothing else is listed unless it
// is whole; verify finds no damage. Prints one line for each way of failing; exits with 1, and says where, when a demand is not
// met.

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>

#include "base/error.h"
#include "engine/backup.h"
#include "engine/verify.h"
#include "repository/catalog.h"
#include "store/fault_store.h"
#include "store/memory_store.h"

namespace pgrecall {
namespace {

constexpr const char* cluster = "prod";

BackupRequest request_for(const char* conninfo, const char* spool) {
  BackupRequest request;
  request.cluster = cluster;
  request.connection.conninfo = conninfo;
  request.pack_size = 1U << 20U;
  request.spool_directory = spool;
  request.tool = "store_faults";
  return request;
}

void copy(ObjectStore& from, ObjectStore& to) {
  std::vector<std::string> names;
  from.list("", [&](const ObjectInfo& object) { names.push_back(object.name); });
  for (const std::string& name : names) {
    const auto bytes = read_object(from, name, UINT64_MAX);
    if (!bytes || to.put(name, MemoryBody(*bytes)) != PutResult::created) {
      throw Error(ErrorKind::failed, "cannot copy the repository").with("object", name);
    }
  }
}

bool stores(StoreOperationKind kind) {
  return kind == StoreOperationKind::put || kind == StoreOperationKind::replace || kind == StoreOperationKind::remove ||
         kind == StoreOperationKind::remove_version;
}

struct Way {
  const char* name;
  FaultEffect effect;
  bool (*fits)(StoreOperationKind);
};

constexpr Way ways[] = {
    {"error before", FaultEffect::error_before, [](StoreOperationKind) { return true; }},
    {"error midway", FaultEffect::error_midway, [](StoreOperationKind kind) { return kind == StoreOperationKind::put; }},
    {"error after", FaultEffect::error_after, stores},
    {"flipped byte", FaultEffect::flipped_byte, [](StoreOperationKind kind) { return kind == StoreOperationKind::read; }},
};

class Trial {
 public:
  Trial(ObjectStore& baseline, const BackupRequest& request) : request_(request) { copy(baseline, store_); }

  // Fails the `number`-th operation that fits. False when there were not so many.
  bool run(const Way& way, std::uint64_t number) {
    Repository repository = Repository::open(faulty_, {});
    faulty_.set_plan([&way, number, seen = std::uint64_t{0}](const StoreOperation& operation) mutable -> std::optional<Fault> {
      const bool hit = way.fits(operation.kind) && ++seen == number;
      return hit ? std::optional(Fault{way.effect, FaultNature::permanent}) : std::nullopt;
    });
    Progress progress;
    bool succeeded = false;
    try {
      (void)back_up(repository, request_, clock_, progress, {});
      succeeded = true;
    } catch (const Error& error) {
      outcome_ = error.what();
    }
    const bool injected = faulty_.injected() > 0;
    faulty_.set_plan({});
    judge(repository, succeeded);
    return injected;
  }

 private:
  void judge(const Repository& repository, bool succeeded) {
    const Catalog catalog = read_catalog(repository, cluster);
    demand(catalog.damaged.empty(), "a damaged backup is listed");
    demand(!catalog.backups.empty(), "the earlier backup is not listed any more");
    demand(!succeeded || catalog.backups.size() == 2, "a backup that reported success is not listed");
    Progress progress;
    VerifyRequest whole;
    whole.cluster = cluster;
    for (const Finding& finding : verify(repository, whole, clock_, progress, {}).findings) {
      demand(finding.severity != FindingSeverity::damage, finding.kind + ": " + finding.object + ": " + finding.problem);
    }
  }

  void demand(bool held, const std::string& what) const {
    if (!held) {
      const auto log = faulty_.log();
      const auto hit =
          std::find_if(log.begin(), log.end(), [](const FaultRecord& record) { return record.injected.has_value(); });
      std::cerr << what << "\n  fault: "
                << (hit == log.end() ? "none" : std::string(name(hit->operation.kind)) + " " + hit->operation.object)
                << "\n  outcome: " << outcome_ << "\n";
      throw Error(ErrorKind::failed, "a demand was not met");
    }
  }

  const BackupRequest& request_;
  SystemClock clock_;
  MemoryStore store_;
  FaultStore faulty_{InnerStore(store_)};
  std::string outcome_ = "success";
};

int run(const char* conninfo, const char* spool) {
  const SystemClock clock;
  MemoryStore baseline;
  const BackupRequest request = request_for(conninfo, spool);
  {
    const Repository repository = Repository::create(baseline, Repository::Sealing::none, {}, clock);
    Progress progress;
    (void)back_up(repository, request, clock, progress, {});
  }
  for (const BackupRequest::Store store : {BackupRequest::Store::everything, BackupRequest::Store::changed}) {
    BackupRequest next = request;
    next.store = store;
    for (const Way& way : ways) {
      std::uint64_t number = 1;
      while (Trial(baseline, next).run(way, number)) {
        ++number;
      }
      std::printf("%s, %s: %llu operations\n", store == BackupRequest::Store::everything ? "everything" : "changed", way.name,
                  static_cast<unsigned long long>(number - 1));
    }
  }
  return 0;
}

}  // namespace
}  // namespace pgrecall

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: store_faults CONNINFO SPOOL_DIRECTORY\n";
    return 2;
  }
  try {
    return pgrecall::run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::cerr << "store_faults: " << error.what() << "\n";
    return 1;
  }
}
