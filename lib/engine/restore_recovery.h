#pragma once

#include "engine/restore.h"
#include "engine/restore_target.h"

namespace pgrecall {

// Makes the restored directory one that recovers as plan.recovery says: recovery.signal, and the settings at the end of
// postgresql.auto.conf. `keep` gets what was written. pg_wal stays empty, also with delta: all WAL comes by restore_command.
void write_recovery_settings(const RestorePlan& plan, const RestoreTarget& target, PathSet& keep);

// Warns of what the owner of the files may not read or run: restore_command runs as that user, and would fail. Only root can
// tell.
void note_unreadable(RestorePlan& plan);

}  // namespace pgrecall
