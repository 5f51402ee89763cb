#pragma once

#include "engine/verify_context.h"

namespace pgrecall {

// What recovery cannot reach although backups are good, on all timelines: WAL that is missing with WAL behind it, and timelines
// whose history is missing. Damage where no good backup has begun behind it, since then nothing that was written there since can
// be reached; else a notice. No notice is made of WAL that ends with what its last backup needs: retention leaves it so. Backups
// that were found damaged by now count as if they were not there.
//
// WAL that is not yet stored, though WAL behind it is, is found nothing against when it has come meanwhile or waits in the spool.
void check_continuity(const VerifyContext& context);

}  // namespace pgrecall
