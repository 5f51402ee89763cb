#include "engine/repair/repair.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "engine/expire/policy.h"
#include "engine/expire/sweep.h"
#include "engine/repair/pack_references.h"
#include "engine/repair/repair_packs.h"
#include "engine/repair/repair_wal.h"
#include "repository/catalog.h"

namespace pgrecall {

namespace {

bool is_damage(const Finding& finding) { return finding.severity == FindingSeverity::damage; }

// Damage for which another copy would serve. What does not fit each other, and pages that were bad before they were hashed, are
// not of that kind.
bool may_be_repaired(const Finding& finding) {
  return is_damage(finding) && (finding.kind == finding_kind::corrupt_object || finding.kind == finding_kind::missing_object ||
                                finding.kind == finding_kind::missing_wal);
}

struct Broken {
  std::set<PackId> packs;
  std::vector<std::string> wal;
};

Broken broken_in(const VerifyReport& report) {
  Broken broken;
  for (const Finding& finding : report.findings) {
    const ParsedName name = may_be_repaired(finding) ? parse_object_name(finding.object) : ParsedName();
    if (name.kind == NameKind::pack || name.kind == NameKind::relocation) {
      broken.packs.insert(*name.pack);
    } else if (name.kind == NameKind::wal_segment || name.kind == NameKind::wal_tail) {
      broken.wal.push_back(finding.object);
    }
  }
  return broken;
}

class RepairRun {
 public:
  RepairRun(const Repository& repository, const RepairRequest& request, VerifyReport& report, const Clock& clock,
            Progress& progress, const std::stop_token& stop)
      : repository_(repository), request_(request), report_(report), clock_(clock), progress_(progress), stop_(stop) {}

  void execute();

 private:
  void repair_all(const Broken& broken, const Lease& lease);
  void give_up(const Broken& broken, const std::string& problem);
  void tell_rest();
  void mark_healed();

  const Repository& repository_;
  const RepairRequest& request_;
  VerifyReport& report_;
  const Clock& clock_;
  Progress& progress_;
  const std::stop_token& stop_;
  std::map<PackId, PackRepair> packs_;
  std::set<std::string> wal_;  // repaired
};

void RepairRun::execute() {
  if (!report_.damaged()) {
    return;
  }
  const Broken broken = broken_in(report_);
  if (!broken.packs.empty() || !broken.wal.empty()) {
    try {
      const auto lease = acquire_cluster_lease(repository_, request_.cluster, "repair of " + request_.cluster, clock_);
      repair_all(broken, *lease);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::held) {
        throw;
      }
      give_up(broken, error.what());
    }
  }
  tell_rest();
  mark_healed();
}

void RepairRun::give_up(const Broken& broken, const std::string& problem) {
  const auto note = [&](const std::string& object) {
    if (std::ranges::find(report_.repairs, object, &Repair::object) == report_.repairs.end()) {
      report_.repairs.push_back({.object = object, .done = false, .from = {}, .problem = problem});
    }
  };
  for (const PackId& pack : broken.packs) {
    note(pack_name(request_.cluster, pack));
  }
  std::ranges::for_each(broken.wal, note);
}

void RepairRun::repair_all(const Broken& broken, const Lease& lease) {
  const std::function<void()> require_lease = [&lease] { lease.require(); };
  for (WalRepair& each : repair_wal(repository_,
                                    {.cluster = request_.cluster,
                                    .objects = broken.wal,
                                    .spool = request_.spool,
                                    .server = request_.server,
                                    .require_lease = require_lease,
                                    .compression = {}},
                                    progress_, stop_)) {
    if (each.done) {
      wal_.insert(each.object);
    }
    report_.repairs.push_back(
        {.object = std::move(each.object), .done = each.done, .from = std::move(each.from), .problem = std::move(each.problem)});
  }
  progress_.enter("finding out what backups need of damaged packs", "repairing");
  for (PackRepair& each : repair_packs(
           repository_,
           {.cluster = request_.cluster, .packs = {broken.packs.begin(), broken.packs.end()}, .require_lease = require_lease},
           progress_, stop_)) {
    report_.repairs.push_back(
        {.object = pack_name(request_.cluster, each.pack), .done = each.done, .from = each.from, .problem = each.problem});
    packs_.insert_or_assign(each.pack, std::move(each));
  }
}

// Which findings are over, and what nobody can repair.
void RepairRun::tell_rest() {
  std::set<std::string> told;
  for (const Repair& repair : report_.repairs) {
    told.insert(repair.object);
  }
  for (Finding& finding : report_.findings) {
    if (!is_damage(finding)) {
      continue;
    }
    const ParsedName name = parse_object_name(finding.object);
    const auto pack = name.pack ? packs_.find(*name.pack) : packs_.end();
    if (may_be_repaired(finding)) {
      finding.repaired = wal_.contains(finding.object) || (pack != packs_.end() && pack->second.done &&
                                                           (!finding.offset || !pack->second.readable.contains(*finding.offset)));
    }
    const bool of_pack = pack != packs_.end() || name.kind == NameKind::pack || name.kind == NameKind::relocation;
    if (!finding.repaired && !(of_pack && may_be_repaired(finding)) && told.insert(finding.object).second) {
      report_.repairs.push_back({.object = finding.object,
                                 .done = false,
                                 .from = {},
                                 .problem = "there is no other copy of such an object; take a new backup"});
    }
  }
}

// Everything else of these backups was read by the verify, and what was mended was read again.
void RepairRun::mark_healed() {
  std::map<std::string, bool> healed;  // by backup
  bool all_known = true;
  for (const Finding& finding : report_.findings) {
    if (is_damage(finding)) {
      all_known = all_known && finding.kind != finding_kind::more_findings;
      for (const std::string& backup : finding.backups) {
        const bool before = healed.try_emplace(backup, true).first->second;
        healed[backup] = before && finding.repaired;
      }
    }
  }
  if (!all_known || !request_.whole) {
    return;
  }
  for (const auto& [backup, good] : healed) {
    if (good) {
      put_mark(repository_, request_.cluster, BackupId{backup}, "verified", clock_.now(), "repaired");
    }
  }
}

}  // namespace

void repair(const Repository& repository, const RepairRequest& request, VerifyReport& report, const Clock& clock,
            Progress& progress, const std::stop_token& stop) {
  RepairRun(repository, request, report, clock, progress, stop).execute();
}

void mark_others(const Repository& repository, const std::string& cluster, const VerifyReport& report, const Clock& clock,
                 const std::stop_token& stop) {
  std::map<PackId, std::set<std::uint64_t>> bad;  // offsets; none: all of the pack
  std::set<std::string> known;
  for (const Finding& finding : report.findings) {
    if (!is_damage(finding)) {
      continue;
    }
    known.insert(finding.backups.begin(), finding.backups.end());
    const ParsedName name = finding.repaired ? ParsedName() : parse_object_name(finding.object);
    if (name.kind == NameKind::pack && may_be_repaired(finding)) {
      std::set<std::uint64_t>& offsets = bad[*name.pack];
      if (finding.offset) {
        offsets.insert(*finding.offset);
      }
    }
  }
  if (bad.empty()) {
    return;
  }
  std::set<PackId> packs;
  for (const auto& [pack, offsets] : bad) {
    packs.insert(pack);
  }
  std::unique_ptr<PackReferences> references;
  for (const ListedBackup& backup : read_catalog(repository, cluster).backups) {
    if (known.contains(backup.summary.id.text) || known_damaged(backup)) {
      continue;
    }
    if (references == nullptr) {
      references = std::make_unique<PackReferences>(repository, cluster, packs);
    }
    std::string hit;
    static_cast<void>(references->walk(
        backup.summary.id,
        [&](const ChunkRef& chunk) {
          const std::set<std::uint64_t>& offsets = bad.at(chunk.pack);
          if (hit.empty() && (offsets.empty() || offsets.contains(chunk.offset))) {
            hit = "it needs a chunk that was found damaged (object=" + pack_name(cluster, chunk.pack) + ")";
          }
        },
        stop));
    if (!hit.empty()) {
      put_mark(repository, cluster, backup.summary.id, "damaged", clock.now(), hit);
    }
  }
}

}  // namespace pgrecall
