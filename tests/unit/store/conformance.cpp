#include "unit/store/conformance.h"

#include <catch2/catch.hpp>

namespace pgrecall::test {

void check_conformance(ObjectStore& store) {
  check_objects(store);
  check_names(store);
  check_listing(store);
  check_changes(store);
  check_races(store);
}

std::string pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  std::uint32_t state = seed * 2654435761U + 1;
  for (char& c : text) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>(state >> 24U);
  }
  return text;
}

PutResult put_text(ObjectStore& store, const std::string& name, std::string_view text) {
  return store.put(name, MemoryBody(bytes_of(text)));
}

std::string get_text(ObjectStore& store, const std::string& name) {
  const std::optional<Bytes> content = read_object(store, name, std::uint64_t{1} << 30U);
  INFO(name);
  REQUIRE(content);
  return std::string(text_of(*content));
}

std::string version_of(ObjectStore& store, const std::string& name) {
  const auto reader = store.open(name);
  INFO(name);
  REQUIRE(reader);
  return reader->version();
}

}  // namespace pgrecall::test
