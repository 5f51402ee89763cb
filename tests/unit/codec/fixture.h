#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/sealing.h"

namespace pgrecall::test {

inline Bytes from_hex(std::string_view digits) {
  Bytes bytes(digits.size() / 2);
  REQUIRE(pgrecall::from_hex(digits, bytes));
  return bytes;
}

// 0, 1, 2 ...
inline Bytes counting(std::size_t size, unsigned first = 0) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>(first + i);
  }
  return bytes;
}

inline Bytes random_bytes(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random());
  }
  return bytes;
}

inline Key counting_key() { return Key(counting(32)); }

template <typename Call>
Error error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error was thrown");
  std::abort();
}

}  // namespace pgrecall::test
