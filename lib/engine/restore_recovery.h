#pragma once

#include "engine/restore.h"
#include "engine/restore_target.h"

namespace pgrecall {

// Makes the restored directory one that recovers as plan.recovery says: recovery.signal, and the settings at the end of
// postgresql.auto.conf. `keep` gets what was written. pg_wal stays empty, also with delta: all WAL comes by restore_command.
void write_recovery_settings(const RestorePlan& plan, const RestoreTarget& target, PathSet& keep);

}  // namespace pgrecall
