#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"

// Bytes captured from real servers, in data/<major version>/.
namespace pgrecall::testing {

inline std::string read_fixture(const std::string& name) {
  std::ifstream file(std::string(PGRECALL_TEST_DATA) + "/data/" + name, std::ios::binary);
  if (!file) {
    FAIL("cannot read fixture " << name);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

// psql's expanded unaligned output: "name|value" a line.
inline std::map<std::string, std::string> read_values(const std::string& name) {
  std::map<std::string, std::string> values;
  const std::string text = read_fixture(name);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t newline = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, newline - at);
    if (const std::size_t bar = line.find('|'); bar != std::string::npos) {
      values[line.substr(0, bar)] = line.substr(bar + 1);
    }
    at = newline + 1;
  }
  return values;
}

// The Error of kind corruption that `action` is to throw.
template <typename Action>
Error corruption_of(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(error.kind() == ErrorKind::corruption);
    return error;
  }
  FAIL("no error");
  return Error(ErrorKind::failed, "");
}

template <typename T>
void store_at(std::string& bytes, std::size_t offset, T value) {
  store_little<T>(reinterpret_cast<std::byte*>(bytes.data()) + offset, value);
}

}  // namespace pgrecall::testing
