#pragma once

#include <optional>
#include <string>

#include "engine/wal/stored_segment.h"

// WAL segments that are fetched before PostgreSQL asks for them. They lie in a directory beside the path that it names for every
// file, so that a rename brings them there. One process a directory fetches; it holds a lock on `lock`, writes a segment as
// `<segment>.part`, locked while it does, and renames it to `<segment>.<boot>` once all of it was checked. Whoever takes a
// segment away tells it thereby to go on; `<segment>.wanted` tells it that one was asked for that it did not have. Only complete
// segments are kept there. They are not synced to disk, for most are deleted before they get there; so what lay there when the
// machine went down must not be taken, and boot, the kernel's name for the time since (/proc/sys/kernel/random/boot_id, see
// random(4)), sees to that.

namespace pgrecall {

inline constexpr const char* prefetch_directory = ".pgrecall-prefetch";
inline constexpr const char* boot_file = "/proc/sys/kernel/random/boot_id";

// True for what PostgreSQL itself asks for: its path ends so (src/backend/access/transam/xlogarchive.c). People who fetch a file
// by hand get nothing else beside it.
[[nodiscard]] bool is_recovery_path(const std::string& path) noexcept;

// What stands between the segment's name and the end of its file's; empty when there is none, and nothing is fetched ahead.
[[nodiscard]] std::string prefetched_suffix();

// Moves a segment that is there to `path`; false when it is not. Little but a rename(2): the whole cost of a hit.
[[nodiscard]] bool take_prefetched(const char* file_name, const char* path) noexcept;
// The same, once a segment that is being fetched right now is there, or will not be.
[[nodiscard]] bool await_prefetched(const std::string& file_name, const std::string& path);

// Tells the process that fetches ahead that this segment is fetched now; false when there is none.
[[nodiscard]] bool tell_prefetcher(const std::string& file_name, const std::string& path);
// Fetches what follows on the segment, a few at a time, until nobody has asked for 30 s, the directory is gone, or another
// process does the same; takes its files away then.
void run_prefetcher(const WalPlaces& places, const std::string& file_name, const std::string& path);

}  // namespace pgrecall
