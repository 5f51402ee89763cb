#pragma once

#include <string>

#include "store/object_store.h"

namespace pgrecall::test {

// What every store must do, whatever it stands on. Call it from a TEST_CASE with an empty store; each part is a SECTION, so that
// the TEST_CASE runs once for each with a store of its own. Parts are files of conformance_*.cpp.
void check_conformance(ObjectStore& store);

void check_objects(ObjectStore& store);
void check_names(ObjectStore& store);
void check_listing(ObjectStore& store);
void check_changes(ObjectStore& store);
void check_races(ObjectStore& store);

// `size` bytes that differ from place to place and from seed to seed.
[[nodiscard]] std::string pattern(std::size_t size, unsigned seed);
[[nodiscard]] PutResult put_text(ObjectStore& store, const std::string& name, std::string_view text);
// The content; fails the test when there is no such object.
[[nodiscard]] std::string get_text(ObjectStore& store, const std::string& name);
// The version; fails the test when there is no such object.
[[nodiscard]] std::string version_of(ObjectStore& store, const std::string& name);

}  // namespace pgrecall::test
