#include "repository/placed_store.h"

#include "base/error.h"

namespace pgrecall {

void PlacedStore::require_place() const {
  if (!in_place()) {
    throw Error(ErrorKind::store_unreachable, "the repository is not at its address any more",
                "is its file system mounted, and is it this one?")
        .with("repository", address());
  }
}

PutResult PlacedStore::put(const std::string& name, const ObjectBody& body) {
  require_place();
  const PutResult result = inner().put(name, body);
  require_place();  // else it went elsewhere
  return result;
}

std::unique_ptr<ObjectReader> PlacedStore::open(const std::string& name) {
  std::unique_ptr<ObjectReader> reader = inner().open(name);
  if (reader == nullptr) {
    require_place();
  }
  return reader;
}

void PlacedStore::list(const std::string& prefix, const std::function<void(const ObjectInfo&)>& visit) {
  inner().list(prefix, visit);
  require_place();
}

bool PlacedStore::remove(const std::string& name) {
  const bool removed = inner().remove(name);
  if (!removed) {
    require_place();
  }
  return removed;
}

ReplaceResult PlacedStore::replace(const std::string& name, const std::string& expected_version, const ObjectBody& body) {
  const ReplaceResult result = inner().replace(name, expected_version, body);
  if (result == ReplaceResult::missing) {
    require_place();
  }
  return result;
}

ReplaceResult PlacedStore::remove_version(const std::string& name, const std::string& expected_version) {
  const ReplaceResult result = inner().remove_version(name, expected_version);
  if (result == ReplaceResult::missing) {
    require_place();
  }
  return result;
}

std::optional<StoreSpace> PlacedStore::space() {
  require_place();
  return inner().space();
}

}  // namespace pgrecall
