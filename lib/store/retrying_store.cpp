#include "store/retrying_store.h"

#include <algorithm>

#include "base/error.h"

namespace pgrecall {

namespace {
constexpr std::size_t compare_piece = std::size_t{256} << 10U;

class RetryingReader final : public ObjectReader {
 public:
  RetryingReader(std::unique_ptr<ObjectReader> inner, const Retry& retry) : inner_(std::move(inner)), retry_(retry) {}

  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  [[nodiscard]] std::string version() const override {
    return retry_.run([&] { return inner_->version(); });
  }
  [[nodiscard]] std::size_t read(std::uint64_t offset, MutableByteView out) const override {
    return retry_.run([&] { return inner_->read(offset, out); });
  }

 private:
  std::unique_ptr<ObjectReader> inner_;
  const Retry& retry_;
};

// Runs `call`; an error sets `doubtful`, for from then on the effect may be there.
template <typename Call>
auto noting_doubt(bool& doubtful, const Call& call) {
  try {
    return call();
  } catch (...) {
    doubtful = true;
    throw;
  }
}

class BodyComparison {
 public:
  explicit BodyComparison(const ObjectReader& reader) : reader_(reader) {}

  void add(ByteView piece) {
    while (equal_ && !piece.empty()) {
      const std::size_t count = std::min(piece.size(), buffer_.size());
      const MutableByteView stored = MutableByteView(buffer_).first(count);
      equal_ = reader_.read(offset_, stored) == count && std::equal(stored.begin(), stored.end(), piece.begin());
      offset_ += count;
      piece = piece.subspan(count);
    }
  }
  [[nodiscard]] bool equal() const { return equal_ && offset_ == reader_.size(); }

 private:
  const ObjectReader& reader_;
  Bytes buffer_ = Bytes(compare_piece);
  std::uint64_t offset_ = 0;
  bool equal_ = true;
};
}  // namespace

std::optional<bool> RetryingStore::holds(const std::string& name, const ObjectBody& body) {
  const std::unique_ptr<ObjectReader> reader = open(name);
  if (reader == nullptr) {
    return std::nullopt;
  }
  if (reader->size() != body.size()) {
    return false;
  }
  BodyComparison comparison(*reader);
  body.for_each_piece([&](ByteView piece) { comparison.add(piece); });
  return comparison.equal();
}

PutResult RetryingStore::put(const std::string& name, const ObjectBody& body) {
  bool doubtful = false;
  while (true) {
    const PutResult result = retry_.run([&] { return noting_doubt(doubtful, [&] { return inner().put(name, body); }); });
    if (result == PutResult::created || !doubtful) {
      return result;
    }
    if (const std::optional<bool> same = holds(name, body)) {
      return *same ? PutResult::created : PutResult::already_exists;
    }
    // Another removed it meanwhile: neither answer would be true, so the put begins again.
  }
}

std::unique_ptr<ObjectReader> RetryingStore::open(const std::string& name) {
  std::unique_ptr<ObjectReader> reader = retry_.run([&] { return inner().open(name); });
  return reader == nullptr ? nullptr : std::make_unique<RetryingReader>(std::move(reader), retry_);
}

void RetryingStore::list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) {
  std::exception_ptr after_visits;
  retry_.run([&] {
    bool visited = false;
    try {
      inner().list(prefix, [&](const ObjectInfo& info) {
        visited = true;
        visit(info);
      });
    } catch (...) {
      if (!visited) {
        throw;
      }
      after_visits = std::current_exception();
    }
  });
  if (after_visits != nullptr) {
    std::rethrow_exception(after_visits);
  }
}

bool RetryingStore::remove(const std::string& name) {
  bool doubtful = false;
  return retry_.run([&] { return noting_doubt(doubtful, [&] { return inner().remove(name); }) || doubtful; });
}

ReplaceResult RetryingStore::replace(const std::string& name, const std::string& version, const ObjectBody& body) {
  bool doubtful = false;
  const ReplaceResult result =
      retry_.run([&] { return noting_doubt(doubtful, [&] { return inner().replace(name, version, body); }); });
  if (result != ReplaceResult::changed || !doubtful) {
    return result;
  }
  const std::optional<bool> same = holds(name, body);
  return !same ? ReplaceResult::missing : *same ? ReplaceResult::replaced : ReplaceResult::changed;
}

ReplaceResult RetryingStore::remove_version(const std::string& name, const std::string& version) {
  bool doubtful = false;
  return retry_.run([&] {
    const ReplaceResult result = noting_doubt(doubtful, [&] { return inner().remove_version(name, version); });
    return result == ReplaceResult::missing && doubtful ? ReplaceResult::replaced : result;
  });
}

std::uint64_t RetryingStore::remove_leftovers(std::chrono::seconds age) {
  return retry_.run([&] { return inner().remove_leftovers(age); });
}

std::optional<StoreSpace> RetryingStore::space() {
  return retry_.run([&] { return inner().space(); });
}

}  // namespace pgrecall
