#include "fault/damaged_store.h"

#include <algorithm>

namespace pgrecall::test {

class DamagedStore::Reader final : public ObjectReader {
 public:
  explicit Reader(const Bytes& content) : content_(content) {}
  std::uint64_t size() const override { return content_.size(); }
  std::string version() const override { return "damaged"; }
  std::size_t read(std::uint64_t offset, MutableByteView out) const override {
    if (offset >= content_.size()) {
      return 0;
    }
    const std::size_t size = std::min<std::size_t>(out.size(), content_.size() - offset);
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
    return size;
  }

 private:
  const Bytes& content_;
};

PutResult DamagedStore::put(const std::string& /*name*/, const ObjectBody& /*body*/) { return PutResult::created; }

std::unique_ptr<ObjectReader> DamagedStore::open(const std::string& name) {
  if (name != name_) {
    return ForwardingStore::open(name);
  }
  return content_ ? std::make_unique<Reader>(*content_) : nullptr;
}

void DamagedStore::list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) {
  ForwardingStore::list(prefix, [&](const ObjectInfo& object) {
    if (object.name != name_) {
      visit(object);
    } else if (content_) {
      visit({object.name, content_->size(), object.modified});
    }
  });
}

}  // namespace pgrecall::test
