#pragma once

#include <stdexcept>
#include <string>

#include "base/clock.h"

namespace pgrecall::test {

// "2026-11-23T02:30:00Z"
inline Time at(const std::string& text) {
  const auto time = parse_time(text);
  if (!time) {
    throw std::runtime_error("the test has a wrong time: " + text);
  }
  return *time;
}

}  // namespace pgrecall::test
