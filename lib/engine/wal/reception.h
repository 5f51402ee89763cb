#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "codec/compression.h"
#include "engine/wal/counters.h"
#include "engine/wal/events.h"
#include "engine/wal/receiver.h"
#include "engine/wal/status.h"
#include "postgres/connection.h"
#include "repository/repository.h"

namespace pgrecall {

struct WalReceptionOptions {
  std::string cluster;
  ConnectionSettings connection;
  std::string slot;
  std::string spool;  // of all clusters; this one's is <spool>/<cluster>
  WalAcknowledge acknowledge = WalAcknowledge::spool;
  std::chrono::milliseconds tail_interval{10'000};
  std::uint64_t spool_limit = std::uint64_t{16} << 30U;  // bytes
  unsigned uploads = 2;
  Compression compression;
  WalCounters* counters = nullptr;  // outlive the reception; null: nobody counts
};

// Receives the WAL of one cluster for as long as it is let, over restarts, failovers and failures of server, network, spool and
// repository. docs/wal.md, "Receiving".
//
// run() is one thread's life; others are its own. A daemon has one for each cluster.
class WalReception {
 public:
  // `repository` and `events` outlive it. Error{held} when another process uses this cluster's spool.
  WalReception(const Repository& repository, WalReceptionOptions options, const Clock& clock, WalEvents& events);
  ~WalReception();
  WalReception(const WalReception&) = delete;
  WalReception& operator=(const WalReception&) = delete;

  // Returns once `stop` is stopped and what was received is synced and, unless the store fails, in the repository. Throws what
  // trying again cannot heal: authentication, privileges, another cluster at the address. Called once.
  void run(const std::stop_token& stop);
  // For any thread, at any time.
  [[nodiscard]] WalReceiverStatus status() const;

 private:
  class Life;
  std::unique_ptr<Life> life_;
};

}  // namespace pgrecall
