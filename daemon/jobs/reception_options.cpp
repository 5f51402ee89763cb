#include "jobs/reception_options.h"

#include "jobs/backup_job.h"

namespace pgrecall {

WalReceptionOptions reception_options(const std::string& cluster, ConnectionSettings connection, const ClusterConfig* configured,
                                      const std::string& spool) {
  WalReceptionOptions reception;
  reception.cluster = cluster;
  reception.connection = std::move(connection);
  reception.slot = default_slot(cluster);
  reception.spool = spool;
  if (configured != nullptr) {
    reception.slot = configured->wal.slot.value_or(reception.slot);
    reception.acknowledge =
        configured->wal.acknowledge == WalConfig::Acknowledge::repository ? WalAcknowledge::repository : WalAcknowledge::spool;
    reception.tail_interval = configured->wal.tail_interval;
    reception.spool_limit = configured->wal.spool_limit;
    reception.uploads = configured->parallel.uploads;
    reception.compression = configured_compression(configured->backup.compression);
  }
  return reception;
}

}  // namespace pgrecall
