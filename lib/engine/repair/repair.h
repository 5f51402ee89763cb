#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "engine/verify.h"
#include "postgres/connection.h"

namespace pgrecall {

struct RepairRequest {
  std::string cluster;
  bool whole = true;                           // verify read all data of the backups that it was asked about
  std::string spool;                           // directory of all spools; empty: none
  std::function<ConnectionSettings()> server;  // empty: there is none to be asked
};

// Mends what a verify found, as far as good copies are to be had: packs out of chunks of the same hash in other packs (also those
// of a later backup, which read the server anew), WAL segments from the spool, from tails or from the server. Under the cluster's
// lease. What was mended is in report.repairs, its findings are `repaired`, and a backup of which all damage was mended is marked
// as verified. Nothing happens where there is no damage. Errors: store_unreachable, cancelled.
void repair(const Repository& repository, const RepairRequest& request, VerifyReport& report, const Clock& clock,
            Progress& progress, const std::stop_token& stop);

// Marks as damaged what needs the packs' chunks that a verify found bad, and that it did not look at: backups that it was not
// asked about, and those that came meanwhile. Else the next backup would share the damage through them. Error{store_unreachable}.
void mark_others(const Repository& repository, const std::string& cluster, const VerifyReport& report, const Clock& clock,
                 const std::stop_token& stop);

}  // namespace pgrecall
