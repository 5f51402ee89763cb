#include "engine/expire/live_packs.h"

#include <algorithm>

#include "repository/relocation.h"

namespace pgrecall {

namespace {

template <typename List>
auto find_in(List& list, const PackId& id) -> decltype(&list.front()) {
  const auto at = std::ranges::lower_bound(list, id, {}, [](const auto& each) { return each.id; });
  return at != list.end() && at->id == id ? &*at : nullptr;
}

}  // namespace

void LivePacks::add(const ObjectInfo& object, const ParsedName& name) {
  if (name.kind == NameKind::pack) {
    packs_.push_back({.id = *name.pack, .size = object.size, .modified = object.modified});
  } else if (name.kind == NameKind::relocation) {
    relocated_.push_back({.id = *name.pack, .size = object.size, .modified = object.modified});
  }
}

void LivePacks::sort() {
  std::ranges::sort(packs_, {}, &Pack::id);
  std::ranges::sort(relocated_, {}, &Relocated::id);
}

const LivePacks::Pack* LivePacks::find(const PackId& id) const { return find_in(packs_, id); }
const LivePacks::Relocated* LivePacks::find_relocation(const PackId& id) const { return find_in(relocated_, id); }

void LivePacks::need(const PackId& id, Time begun, Time ended) {
  std::vector<PackId> open{id};
  while (!open.empty()) {
    const PackId next = open.back();
    open.pop_back();
    Pack* const pack = find_in(packs_, next);
    if (pack != nullptr) {
      pack->needed = true;
      pack->stored_by_living = pack->stored_by_living || (begun <= pack->modified && pack->modified <= ended);
    }
    Relocated* const relocation = find_in(relocated_, next);
    if (relocation != nullptr && !relocation->needed) {
      relocation->needed = true;
      const auto moved = read_relocations(repository_, cluster_, next);
      PackId last{};
      for (const Relocation& entry : moved ? *moved : std::vector<Relocation>()) {
        if (entry.pack != last) {
          open.push_back(entry.pack);
          last = entry.pack;
        }
      }
    }
    if (pack == nullptr && relocation == nullptr) {
      missing_.insert(next);
    }
  }
}

}  // namespace pgrecall
