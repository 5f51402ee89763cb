#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/histogram.h"
#include "store/forwarding_store.h"

namespace pgrecall {

// What was asked of a store, and how it went. Safe for many threads, without a lock.
class StoreCounters {
 public:
  enum class Operation { put, open, read, list, remove, replace, space };

  void succeeded(Operation operation, std::chrono::steady_clock::duration took) noexcept;
  void failed(Operation operation, ErrorKind kind, std::chrono::steady_clock::duration took) noexcept;
  void read(std::uint64_t bytes) noexcept { bytes_in_.fetch_add(bytes, std::memory_order_relaxed); }
  void written(std::uint64_t bytes) noexcept { bytes_out_.fetch_add(bytes, std::memory_order_relaxed); }
  void tried_again() noexcept { retries_.fetch_add(1, std::memory_order_relaxed); }

  struct Reading {
    std::map<std::pair<std::string, std::string>, std::uint64_t> requests;  // by operation ("put") and code ("ok", "failed")
    std::map<std::string, Histogram> seconds;                               // by operation
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t retries = 0;
  };
  // Of every operation the successes, and what else there was.
  [[nodiscard]] Reading reading() const;

 private:
  static constexpr std::size_t operations = 7;
  static constexpr std::size_t codes = 12;  // success, and each ErrorKind
  struct Counted {
    std::array<std::atomic<std::uint64_t>, codes> requests{};
    DurationHistogram seconds;
  };
  std::array<Counted, operations> counted_;
  std::atomic<std::uint64_t> bytes_in_{0};
  std::atomic<std::uint64_t> bytes_out_{0};
  std::atomic<std::uint64_t> retries_{0};
};

// Counts every request that reaches the store beneath: put it under what tries again. Must outlive its readers.
class CountingStore final : public ForwardingStore {
 public:
  // `counters` outlive it and its readers.
  CountingStore(InnerStore inner, StoreCounters& counters) : ForwardingStore(std::move(inner)), counters_(counters) {}

  PutResult put(const std::string& name, const ObjectBody& body) override;
  std::unique_ptr<ObjectReader> open(const std::string& name) override;
  void list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  bool remove(const std::string& name) override;
  ReplaceResult replace(const std::string& name, const std::string& version, const ObjectBody& body) override;
  ReplaceResult remove_version(const std::string& name, const std::string& version) override;
  std::uint64_t remove_leftovers(std::chrono::seconds age) override;
  std::optional<StoreSpace> space() override;

 private:
  StoreCounters& counters_;
};

}  // namespace pgrecall
