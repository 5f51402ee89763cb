#pragma once

#include <string>
#include <string_view>

#include "repository/lease.h"
#include "repository/process_identity.h"

// What a lease object says: docs/repository-format.md, "Checked JSON".

namespace pgrecall {

inline constexpr std::uint64_t max_lease_size = 64U << 10U;  // bytes

struct LeaseRecord {
  Lease::Holder holder;
  ProcessIdentity process;
  std::string token;  // random; tells one taking from the next
};

[[nodiscard]] std::string format_lease(const LeaseRecord& record);
// Error{corruption} naming the object.
[[nodiscard]] LeaseRecord parse_lease(ByteView object, std::string_view object_name);

}  // namespace pgrecall
