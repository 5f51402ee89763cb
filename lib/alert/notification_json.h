#pragma once

#include <string>

#include "alert/alert.h"

namespace pgrecall {

// A notification as the outbox keeps it: JSON that reads back as the same value.
[[nodiscard]] std::string to_stored(const Notification& notification);
// Members that are not there keep their defaults, so that a later version's rows are read. Error{corruption} for what is not such
// a text.
[[nodiscard]] Notification notification_of(const std::string& stored);

[[nodiscard]] std::string_view name(Notification::State state) noexcept;

}  // namespace pgrecall
