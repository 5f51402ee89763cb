#pragma once

#include <functional>
#include <string>

#include "engine/companions/companion_tree.h"

namespace pgrecall {

// Reads a file, or a directory with all that is in it. `path` itself may be a link; those below it stay links and are never
// followed. Sockets, pipes and devices are left out with a warning. A file that changes while it is read is read again, and kept
// with a warning where it goes on changing; what is removed meanwhile is not there. Errors: what cannot be read, by its path.
// `go_on` is asked between files, and may throw.
void walk_companion(const std::string& path, CompanionTree& tree, const std::function<void()>& go_on);

}  // namespace pgrecall
