#include "engine/check.h"

#include <algorithm>

#include "store/fault_store.h"
#include "unit/engine/fake_backups.h"

namespace check_test {

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

const ManualClock& check_clock() {
  static const ManualClock clock(parse_time("2026-11-25T00:00:00Z").value());
  return clock;
}

CheckItem item(const std::vector<CheckItem>& items, const std::string& what) {
  const auto at = std::ranges::find(items, what, &CheckItem::what);
  INFO(what);
  REQUIRE(at != items.end());
  return *at;
}

}  // namespace

TEST_CASE("a good repository is good, and looks afterwards as it did before", "[check]") {
  const FilledRepository filled(Repository::Sealing::sealed);
  const auto before = filled.objects();
  const auto items = check_repository(*filled, cluster, check_clock());
  CHECK(std::ranges::all_of(items, [](const CheckItem& each) { return each.state == CheckItem::State::good; }));
  CHECK(item(items, "newest backup").detail.starts_with(FilledRepository::second_id));
  CHECK(filled.objects() == before);
}

TEST_CASE("a newest backup of tomorrow is not good: no other can be taken until then", "[check]") {
  const FilledRepository filled(Repository::Sealing::none);
  const ManualClock behind(parse_time("2026-01-01T00:00:00Z").value());
  const CheckItem found = item(check_repository(*filled, cluster, behind), "newest backup");
  CHECK(found.state == CheckItem::State::warning);
  CHECK(found.detail.find(" from now by this host's clock") != std::string::npos);
}

TEST_CASE("a store that cannot write, read or delete is bad by that name", "[check]") {
  const FilledRepository filled(Repository::Sealing::none);
  struct Case {
    StoreOperationKind kind;
    const char* what;
  };
  const auto [kind, what] = GENERATE(Case{StoreOperationKind::put, "store: write"}, Case{StoreOperationKind::read, "store: read"},
                                     Case{StoreOperationKind::remove, "store: delete"});
  FaultStore store(filled.scratch().store());
  const Repository repository = filled.scratch().opened_through(store);
  store.set_plan([&, failing = kind](const StoreOperation& operation) -> std::optional<Fault> {
    return operation.kind == failing && operation.object.starts_with("leases/check-") ? std::optional(Fault{}) : std::nullopt;
  });
  CHECK(item(check_repository(repository, cluster, check_clock()), what).state == CheckItem::State::bad);
}

TEST_CASE("a store that returns other bytes than were put is bad", "[check]") {
  const FilledRepository filled(Repository::Sealing::none);
  FaultStore store(filled.scratch().store());
  const Repository repository = filled.scratch().opened_through(store);
  store.set_plan([](const StoreOperation& operation) -> std::optional<Fault> {
    return operation.kind == StoreOperationKind::read && operation.object.starts_with("leases/check-")
               ? std::optional(Fault{.effect = FaultEffect::flipped_byte})
               : std::nullopt;
  });
  CHECK(item(check_repository(repository, cluster, check_clock()), "store: read").state == CheckItem::State::bad);
}

TEST_CASE("space is held against what the last backup took", "[check]") {
  auto memory = std::make_unique<MemoryStore>();
  MemoryStore& store = *memory;
  const ScratchRepository scratch(Repository::Sealing::none, std::move(memory));
  FakeBackups(*scratch).add(fake_cluster(), FilledRepository::first_id, FakeBackups::Wal::whole,
                            [](BackupSummary& summary) { summary.stored_bytes = 1U << 20U; });
  std::uint64_t used = 0;
  store.list("", [&](const ObjectInfo& object) { used += object.size; });
  const auto state = [&](std::uint64_t available) {
    store.limit_to(used + available);
    return item(check_repository(*scratch, cluster, check_clock()), "store: space").state;
  };
  CHECK(state((1U << 20U) - 1) == CheckItem::State::bad);
  CHECK(state(2U << 20U) == CheckItem::State::warning);
  CHECK(state(8U << 20U) == CheckItem::State::good);
}

TEST_CASE("a newest backup that is damaged is bad; none at all is a warning", "[check]") {
  const FilledRepository filled(Repository::Sealing::none);
  put_mark(*filled, cluster, {FilledRepository::second_id}, "damaged", parse_time("2026-11-24T12:00:00Z").value(), "");
  CHECK(item(check_repository(*filled, cluster, check_clock()), "newest backup").state == CheckItem::State::bad);
  put_mark(*filled, cluster, {FilledRepository::second_id}, "verified", parse_time("2026-11-24T13:00:00Z").value(), "");
  CHECK(item(check_repository(*filled, cluster, check_clock()), "newest backup").state == CheckItem::State::good);
  CHECK(item(check_repository(*filled, "other", check_clock()), "newest backup").state == CheckItem::State::warning);
}

}  // namespace check_test
