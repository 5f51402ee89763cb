#include "store/fault_store.h"

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace pgrecall {

namespace {
// Breaks off after half of the bytes.
class BrokenBody final : public ObjectBody {
 public:
  BrokenBody(const ObjectBody& inner, const std::function<void()>& fail) : inner_(inner), fail_(fail) {}

  [[nodiscard]] std::uint64_t size() const override { return inner_.size(); }
  void for_each_piece(const std::function<void(ByteView)>& visit) const override {
    std::uint64_t left = inner_.size() / 2;
    inner_.for_each_piece([&](ByteView piece) {
      visit(piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left))));
      if (piece.size() >= left) {
        fail_();
      }
      left -= piece.size();
    });
    fail_();
  }

 private:
  const ObjectBody& inner_;
  const std::function<void()>& fail_;
};

bool fits(FaultEffect effect, StoreOperationKind kind) {
  switch (effect) {
    case FaultEffect::disk_full: return kind == StoreOperationKind::put || kind == StoreOperationKind::replace;
    case FaultEffect::short_read:
    case FaultEffect::flipped_byte: return kind == StoreOperationKind::read;
    case FaultEffect::error_before:
    case FaultEffect::error_midway:
    case FaultEffect::error_after: return true;
  }
  return false;
}
}  // namespace

std::string_view name(StoreOperationKind kind) noexcept {
  switch (kind) {
    case StoreOperationKind::put: return "put";
    case StoreOperationKind::open: return "open";
    case StoreOperationKind::read: return "read";
    case StoreOperationKind::version: return "version";
    case StoreOperationKind::list: return "list";
    case StoreOperationKind::remove: return "remove";
    case StoreOperationKind::replace: return "replace";
    case StoreOperationKind::remove_version: return "remove_version";
    case StoreOperationKind::remove_leftovers: return "remove_leftovers";
    case StoreOperationKind::space: return "space";
  }
  return "unknown";
}

FaultPlan fault_at(std::uint64_t number, Fault fault) {
  return [=](const StoreOperation& operation) { return operation.number == number ? std::optional(fault) : std::nullopt; };
}

FaultPlan fault_from(std::uint64_t number, Fault fault) {
  return [=](const StoreOperation& operation) { return operation.number >= number ? std::optional(fault) : std::nullopt; };
}

void FaultStore::Begun::fail() const {
  Error error = fault->effect == FaultEffect::disk_full ? io_error("cannot write", operation.object, ENOSPC)
                : fault->nature == FaultNature::passing ? Error(ErrorKind::store_unreachable, "injected fault").mark_passing()
                                                        : Error(ErrorKind::failed, "injected fault");
  throw std::move(error).with("operation", operation.number).with("kind", name(operation.kind)).with("object", operation.object);
}

void FaultStore::set_plan(FaultPlan plan) {
  const std::lock_guard lock(mutex_);
  plan_ = std::move(plan);
}

std::uint64_t FaultStore::operations() const {
  const std::lock_guard lock(mutex_);
  return log_.size();
}

std::uint64_t FaultStore::injected() const {
  const std::lock_guard lock(mutex_);
  return injected_;
}

std::vector<FaultRecord> FaultStore::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

FaultStore::Begun FaultStore::begin(StoreOperationKind kind, const std::string& object) {
  const std::lock_guard lock(mutex_);
  Begun begun{{log_.size() + 1, kind, object}, std::nullopt};
  if (plan_) {
    begun.fault = plan_(begun.operation);
  }
  if (begun.fault && !fits(begun.fault->effect, kind)) {
    begun.fault.reset();
  }
  injected_ += begun.fault ? 1U : 0U;
  log_.push_back({begun.operation, begun.fault ? std::optional(begun.fault->effect) : std::nullopt});
  return begun;
}

template <typename Call>
auto FaultStore::simple(StoreOperationKind kind, const std::string& object, const Call& call) {
  const Begun begun = begin(kind, object);
  if (begun.has(FaultEffect::error_before) || begun.has(FaultEffect::error_midway)) {
    begun.fail();
  }
  auto result = call();
  if (begun.has(FaultEffect::error_after)) {
    begun.fail();
  }
  return result;
}

template <typename Call>
auto FaultStore::storing(StoreOperationKind kind, const std::string& object, const ObjectBody& body, const Call& call) {
  const Begun begun = begin(kind, object);
  if (begun.has(FaultEffect::error_before)) {
    begun.fail();
  }
  if (begun.has(FaultEffect::error_midway) || begun.has(FaultEffect::disk_full)) {
    const std::function<void()> fail = [&] { begun.fail(); };
    (void)call(BrokenBody(body, fail));
    begun.fail();  // the store did not look at the body
  }
  auto result = call(body);
  if (begun.has(FaultEffect::error_after)) {
    begun.fail();
  }
  return result;
}

class FaultStore::Reader final : public ObjectReader {
 public:
  Reader(std::unique_ptr<ObjectReader> inner, std::string object, FaultStore& store)
      : inner_(std::move(inner)), object_(std::move(object)), store_(store) {}

  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  [[nodiscard]] std::string version() const override {
    return store_.simple(StoreOperationKind::version, object_, [&] { return inner_->version(); });
  }
  [[nodiscard]] std::size_t read(std::uint64_t offset, MutableByteView out) const override {
    const Begun begun = store_.begin(StoreOperationKind::read, object_);
    if (begun.has(FaultEffect::error_before) || begun.has(FaultEffect::error_midway)) {
      begun.fail();
    }
    const std::size_t count = inner_->read(offset, out);
    if (begun.has(FaultEffect::error_after)) {
      begun.fail();
    }
    if (begun.has(FaultEffect::flipped_byte) && count > 0) {
      out[count / 2] ^= std::byte{0x10};
    }
    return begun.has(FaultEffect::short_read) ? count / 2 : count;
  }

 private:
  std::unique_ptr<ObjectReader> inner_;
  std::string object_;
  FaultStore& store_;
};

PutResult FaultStore::put(const std::string& name, const ObjectBody& body) {
  return storing(StoreOperationKind::put, name, body, [&](const ObjectBody& stored) { return inner().put(name, stored); });
}

std::unique_ptr<ObjectReader> FaultStore::open(const std::string& name) {
  std::unique_ptr<ObjectReader> reader = simple(StoreOperationKind::open, name, [&] { return inner().open(name); });
  return reader == nullptr ? nullptr : std::make_unique<Reader>(std::move(reader), name, *this);
}

void FaultStore::list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) {
  const Begun begun = begin(StoreOperationKind::list, prefix);
  if (begun.has(FaultEffect::error_before)) {
    begun.fail();
  }
  inner().list(prefix, [&](const ObjectInfo& info) {
    visit(info);
    if (begun.has(FaultEffect::error_midway)) {
      begun.fail();
    }
  });
  if (begun.has(FaultEffect::error_after) || begun.has(FaultEffect::error_midway)) {
    begun.fail();
  }
}

bool FaultStore::remove(const std::string& name) {
  return simple(StoreOperationKind::remove, name, [&] { return inner().remove(name); });
}

ReplaceResult FaultStore::replace(const std::string& name, const std::string& version, const ObjectBody& body) {
  return storing(StoreOperationKind::replace, name, body,
                 [&](const ObjectBody& stored) { return inner().replace(name, version, stored); });
}

ReplaceResult FaultStore::remove_version(const std::string& name, const std::string& version) {
  return simple(StoreOperationKind::remove_version, name, [&] { return inner().remove_version(name, version); });
}

std::uint64_t FaultStore::remove_leftovers(std::chrono::seconds age) {
  return simple(StoreOperationKind::remove_leftovers, {}, [&] { return inner().remove_leftovers(age); });
}

std::optional<StoreSpace> FaultStore::space() {
  return simple(StoreOperationKind::space, {}, [&] { return inner().space(); });
}

}  // namespace pgrecall
