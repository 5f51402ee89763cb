#pragma once

#include "engine/restore.h"
#include "engine/restore_target.h"
#include "postgres/control_file.h"

namespace pgrecall {

// Makes the restored directory one that recovers as plan.recovery says: recovery.signal, and the settings at the end of
// postgresql.auto.conf. `keep` gets what was written. pg_wal stays empty, also with delta: all WAL comes by restore_command.
void write_recovery_settings(const RestorePlan& plan, const RestoreTarget& target, PathSet& keep);

// Whether postgresql.conf in there is of write_server_configuration(): once a restored server was backed up in turn, its backup
// has that, and it may be too low for it by then.
[[nodiscard]] bool has_our_configuration(const std::string& into);

// postgresql.conf, pg_hba.conf and pg_ident.conf for a data directory whose backup has none, as Debian's server has them in /etc:
// just enough to recover on a Unix socket, with what `control` says that recovery needs. A server that is started with other
// files does not read them.
void write_server_configuration(const RestorePlan& plan, const RestoreTarget& target, const ControlFile& control, PathSet& keep);

// access(2) by that user; where it cannot be tried, and for what is not there, yes. Only root can try.
[[nodiscard]] bool user_may(const FileOwner& owner, const std::string& path, int mode);

// Warns of what the owner of the files may not read or run: restore_command runs as that user, and would fail. Only root can
// tell.
void note_unreadable(RestorePlan& plan);

}  // namespace pgrecall
