#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "repository/names.h"
#include "repository/repository.h"

namespace pgrecall {

// The packs that a store holds of one cluster, and which of them backups need, over relocations. One thread.
class LivePacks {
 public:
  struct Pack {
    PackId id;
    std::uint64_t size = 0;
    Time modified;
    bool needed = false;
    bool stored_by_living = false;  // the backup that put it is there: it is alive as a whole
  };
  struct Relocated {
    PackId id;
    std::uint64_t size = 0;
    Time modified;
    bool needed = false;
  };

  explicit LivePacks(const Repository& repository, std::string cluster) : repository_(repository), cluster_(std::move(cluster)) {}

  // While listing.
  void add(const ObjectInfo& object, const ParsedName& name);
  void sort();
  // A backup lists this pack; it put packs from `begun` to `ended`.
  void need(const PackId& id, Time begun, Time ended);

  [[nodiscard]] const std::vector<Pack>& packs() const noexcept { return packs_; }
  [[nodiscard]] const std::vector<Relocated>& relocated() const noexcept { return relocated_; }
  [[nodiscard]] const Pack* find(const PackId& id) const;
  [[nodiscard]] const Relocated* find_relocation(const PackId& id) const;
  // Listed by a backup, and not there, nor where its chunks went.
  [[nodiscard]] const std::set<PackId>& missing() const noexcept { return missing_; }

 private:
  const Repository& repository_;
  const std::string cluster_;
  std::vector<Pack> packs_;
  std::vector<Relocated> relocated_;
  std::set<PackId> missing_;
};

}  // namespace pgrecall
