#pragma once

#include <optional>
#include <string>

#include "repository/catalog.h"

// Marks of a backup as their names tell them; put_mark() is declared in catalog.h.

namespace pgrecall {

struct Mark {
  std::string mark;  // "pinned" ...
  Time time;
};

// From ParsedName::rest of a mark: "pinned-20261123T023000Z".
[[nodiscard]] std::optional<Mark> parse_mark_name(std::string_view rest);
// The note inside the mark object `name`; empty when it is gone. Error{corruption} names the object.
[[nodiscard]] std::string read_mark_note(const Repository& repository, const std::string& name);

}  // namespace pgrecall
