#include "store/counting_store.h"

namespace pgrecall {

namespace {
using SteadyClock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 7> operation_names{"put", "open", "read", "list", "remove", "replace", "space"};

template <typename Call>
auto counted(StoreCounters& counters, StoreCounters::Operation operation, const Call& call) {
  const auto began = SteadyClock::now();
  try {
    auto result = call();
    counters.succeeded(operation, SteadyClock::now() - began);
    return result;
  } catch (const Error& error) {
    counters.failed(operation, error.kind(), SteadyClock::now() - began);
    throw;
  }
}

class CountingReader final : public ObjectReader {
 public:
  CountingReader(std::unique_ptr<ObjectReader> inner, StoreCounters& counters) : inner_(std::move(inner)), counters_(counters) {}

  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  [[nodiscard]] std::string version() const override { return inner_->version(); }
  [[nodiscard]] std::size_t read(std::uint64_t offset, MutableByteView out) const override {
    const std::size_t count = counted(counters_, StoreCounters::Operation::read, [&] { return inner_->read(offset, out); });
    counters_.read(count);
    return count;
  }

 private:
  std::unique_ptr<ObjectReader> inner_;
  StoreCounters& counters_;
};
}  // namespace

void StoreCounters::succeeded(Operation operation, SteadyClock::duration took) noexcept {
  Counted& counted = counted_[static_cast<std::size_t>(operation)];
  counted.requests[0].fetch_add(1, std::memory_order_relaxed);
  counted.seconds.observe(took);
}

void StoreCounters::failed(Operation operation, ErrorKind kind, SteadyClock::duration took) noexcept {
  Counted& counted = counted_[static_cast<std::size_t>(operation)];
  counted.requests[1 + static_cast<std::size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
  counted.seconds.observe(took);
}

StoreCounters::Reading StoreCounters::reading() const {
  static_assert(static_cast<std::size_t>(ErrorKind::cancelled) + 2 == codes);
  static_assert(operation_names.size() == operations);
  Reading reading;
  for (std::size_t operation = 0; operation < operations; ++operation) {
    const std::string operation_name(operation_names[operation]);
    for (std::size_t code = 0; code < codes; ++code) {
      const std::uint64_t count = counted_[operation].requests[code].load(std::memory_order_relaxed);
      if (code == 0 || count > 0) {
        reading.requests[{operation_name, code == 0 ? "ok" : std::string(name(static_cast<ErrorKind>(code - 1)))}] = count;
      }
    }
    reading.seconds[operation_name] = counted_[operation].seconds.read();
  }
  reading.bytes_in = bytes_in_.load(std::memory_order_relaxed);
  reading.bytes_out = bytes_out_.load(std::memory_order_relaxed);
  reading.retries = retries_.load(std::memory_order_relaxed);
  return reading;
}

PutResult CountingStore::put(const std::string& name, const ObjectBody& body) {
  const PutResult result = counted(counters_, StoreCounters::Operation::put, [&] { return inner().put(name, body); });
  if (result == PutResult::created) {
    counters_.written(body.size());
  }
  return result;
}

std::unique_ptr<ObjectReader> CountingStore::open(const std::string& name) {
  auto reader = counted(counters_, StoreCounters::Operation::open, [&] { return inner().open(name); });
  return reader == nullptr ? nullptr : std::make_unique<CountingReader>(std::move(reader), counters_);
}

void CountingStore::list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) {
  counted(counters_, StoreCounters::Operation::list, [&] {
    inner().list(prefix, visit);
    return true;
  });
}

bool CountingStore::remove(const std::string& name) {
  return counted(counters_, StoreCounters::Operation::remove, [&] { return inner().remove(name); });
}

ReplaceResult CountingStore::replace(const std::string& name, const std::string& version, const ObjectBody& body) {
  const ReplaceResult result =
      counted(counters_, StoreCounters::Operation::replace, [&] { return inner().replace(name, version, body); });
  if (result == ReplaceResult::replaced) {
    counters_.written(body.size());
  }
  return result;
}

ReplaceResult CountingStore::remove_version(const std::string& name, const std::string& version) {
  return counted(counters_, StoreCounters::Operation::remove, [&] { return inner().remove_version(name, version); });
}

std::uint64_t CountingStore::remove_leftovers(std::chrono::seconds age) {
  return counted(counters_, StoreCounters::Operation::remove, [&] { return inner().remove_leftovers(age); });
}

std::optional<StoreSpace> CountingStore::space() {
  return counted(counters_, StoreCounters::Operation::space, [&] { return inner().space(); });
}

}  // namespace pgrecall
