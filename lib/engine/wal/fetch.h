#pragma once

#include <string>
#include <string_view>

#include "engine/wal/stored_segment.h"

namespace pgrecall {

enum class [[nodiscard]] FetchResult{fetched, not_there};

// Whose WAL the server asks for that runs in `data_directory`: as its pg_control says, or else the one system that the cluster
// has. Error{target_unreachable} where the repository holds nothing at all of this cluster, Error{usage} where it has several.
[[nodiscard]] ClusterSystem system_to_fetch(const Repository& repository, const std::string& cluster,
                                            const std::string& data_directory);

// Brings a WAL segment or a timeline history file, by the name that PostgreSQL gives it, to `path`. The file is written beside it
// and renamed once all of it was checked, so that nobody ever sees a part; it is not synced (PostgreSQL does that where it keeps
// the file). Other names are not_there: the repository holds nothing that recovery asks for under them.
// Error{target_unreachable} where the repository holds nothing at all of this cluster: the name or the repository is wrong.
FetchResult fetch_wal(const WalPlaces& places, std::string_view file_name, const std::string& path);

}  // namespace pgrecall
