#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

// A directory that ends with the test.
struct Scratch {
  Scratch()
      : path(std::filesystem::temp_directory_path() / ("service-" + std::to_string(::getpid()) + "-" + std::to_string(++count))) {
    std::filesystem::create_directories(path);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path / name).string(); }

  static inline int count = 0;
  std::filesystem::path path;
};
