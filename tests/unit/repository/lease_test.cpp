#include "repository/lease.h"

#include <nlohmann/json.hpp>

#include "repository/lease_record.h"
#include "scratch_repository.h"
#include "store/fault_store.h"

namespace lease_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;

namespace {

const Time noon = parse_time("2026-11-23T12:00:00Z").value();
const std::string object_name = "leases/prod";
constexpr Lease::Options by_hand{90s, 0ms};  // renewed when the test says so

// Does what it is told and then says that it could not: how a retry inside of a store looks after an answer was lost.
class DoubtingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  PutResult put(const std::string& name, const ObjectBody& body) override {
    static_cast<void>(ForwardingStore::put(name, body));
    return PutResult::already_exists;
  }
  ReplaceResult replace(const std::string& name, const std::string& version, const ObjectBody& body) override {
    static_cast<void>(ForwardingStore::replace(name, version, body));
    return ReplaceResult::changed;
  }
};

struct Fixture {
  ManualClock clock{noon};
  std::unique_ptr<ScratchRepository> scratch = std::make_unique<ScratchRepository>(Repository::Sealing::none);
  std::optional<Lease::Holder> holder;

  [[nodiscard]] const Repository& repository() const { return **scratch; }
  [[nodiscard]] std::unique_ptr<Lease> acquire(const Repository& in, Lease::Options options = by_hand) {
    return Lease::acquire(in, "prod", "backup", clock, holder, options);
  }
  [[nodiscard]] std::unique_ptr<Lease> acquire() { return acquire(repository()); }
  [[nodiscard]] LeaseRecord stored() const { return parse_lease(scratch->content(object_name), object_name); }
  [[nodiscard]] bool is_there() const { return scratch->store().open(object_name) != nullptr; }
  // As another host would.
  void put_foreign(Time expires) const {
    const LeaseRecord record{{"db2 pid 7", noon - 60s, expires, "expire"}, {"0123", 7, 70}, "feedface"};
    const std::string text = format_lease(record);
    scratch->overwrite(object_name, bytes_of(text));
  }
};

ErrorKind require_error(const Lease& lease) {
  return error_of([&] { lease.require(); }).kind();
}

}  // namespace

TEST_CASE_METHOD(Fixture, "A lease keeps others out, says who holds it, and goes with its owner") {
  auto lease = acquire();
  REQUIRE(lease);
  lease->require();
  CHECK_FALSE(acquire());
  REQUIRE(holder);
  CHECK(holder->why == "backup");
  CHECK(holder->owner == describe_this_process());
  CHECK(holder->taken == noon);
  CHECK(holder->expires == noon + 90s);
  const auto listed = list_leases(repository());
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].name == "prod");
  CHECK(listed[0].holder.why == "backup");
  lease.reset();
  CHECK_FALSE(is_there());
  CHECK(acquire());
}

TEST_CASE_METHOD(Fixture, "Leases of different names do not meet") {
  const auto lease = acquire();
  CHECK(Lease::acquire(repository(), "staging", "backup", clock, holder, by_hand));
}

TEST_CASE_METHOD(Fixture, "Another host's lease is taken one lifetime after it expired, and not before") {
  put_foreign(noon);
  clock.jump_to(noon + 90s);
  CHECK_FALSE(acquire());
  CHECK(holder->owner == "db2 pid 7");
  CHECK(holder->why == "expire");
  clock.jump_to(noon + 91s);
  const auto lease = acquire();
  REQUIRE(lease);
  CHECK(stored().token != "feedface");
}

TEST_CASE_METHOD(Fixture, "Renewing moves the expiry, and keeps the time of taking") {
  const auto lease = acquire();
  clock.advance(60s);
  lease->renew();
  CHECK(stored().holder.expires == noon + 150s);
  CHECK(stored().holder.taken == noon);
  clock.advance(60s);
  lease->require();
}

TEST_CASE_METHOD(Fixture, "A lease that was taken over is lost, and its owner removes nothing") {
  auto lease = acquire();
  put_foreign(noon + 1h);
  lease->require();  // not noticed yet
  lease->renew();
  CHECK(require_error(*lease) == ErrorKind::held);
  lease.reset();
  CHECK(stored().token == "feedface");
}

TEST_CASE_METHOD(Fixture, "A lease that vanished is lost") {
  const auto lease = acquire();
  REQUIRE(scratch->store().remove(object_name));
  lease->renew();
  CHECK(require_error(*lease) == ErrorKind::held);
}

TEST_CASE_METHOD(Fixture, "A lease whose time is over is renewed on demand as long as nobody took it") {
  const auto lease = acquire();
  SECTION("no renewal came through for long") { clock.advance(10min); }
  SECTION("the host slept, and the steady clock with it") { clock.jump_to(noon + 10min); }
  lease->require();
  CHECK(stored().holder.expires == noon + 10min + 90s);
}

TEST_CASE_METHOD(Fixture, "After its time is over, require() sees that another took it, also when the steady clock stood still") {
  const auto lease = acquire();
  SECTION("time passed") { clock.advance(10min); }
  SECTION("the host slept") { clock.jump_to(noon + 10min); }
  put_foreign(noon + 1h);
  CHECK(require_error(*lease) == ErrorKind::held);
}

TEST_CASE_METHOD(Fixture, "Renewals that fail count only when they fail until the lease runs out") {
  FaultStore faulty(scratch->store());
  const Repository through = scratch->opened_through(faulty);
  auto lease = acquire(through);
  REQUIRE(lease);
  faulty.set_plan([](const StoreOperation&) { return Fault{FaultEffect::error_before, FaultNature::passing}; });
  clock.advance(89s);
  lease->renew();
  lease->require();
  clock.advance(1s);
  const Error error = error_of([&] { lease->require(); });
  CHECK(error.kind() == ErrorKind::held);
  CHECK_FALSE(error.context("problem").empty());
  faulty.set_plan({});
  lease->require();  // the store is back, and nobody came
  // Giving back fails quietly; the process lives, and yet its next try gets the lease.
  faulty.set_plan([](const StoreOperation&) { return Fault{FaultEffect::error_before, FaultNature::passing}; });
  lease.reset();
  faulty.set_plan({});
  REQUIRE(is_there());
  CHECK(acquire());
}

TEST_CASE_METHOD(Fixture, "A failure at any store operation of taking leaves nothing that blocks the next try") {
  const auto effect = GENERATE(FaultEffect::error_before, FaultEffect::error_midway, FaultEffect::error_after);
  std::uint64_t faults = 0;
  for (std::uint64_t number = 1;; ++number) {
    put_foreign(noon - 1h);  // so that taking is put, open, read, version and replace
    FaultStore faulty(scratch->store());
    const Repository through = scratch->opened_through(faulty);
    faulty.set_plan(fault_at(faulty.operations() + number, {effect, FaultNature::passing}));
    try {
      const auto lease = acquire(through);
      CHECK(lease);
      break;
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::store_unreachable);
      ++faults;
    }
    faulty.set_plan({});
    CHECK(acquire(through));
  }
  CHECK(faults >= 3);
}

TEST_CASE_METHOD(Fixture, "A put or replace that worked, though the store says it did not, is ours") {
  if (GENERATE(false, true)) {
    put_foreign(noon - 1h);
  }
  DoubtingStore doubting(scratch->store());
  const Repository through = scratch->opened_through(doubting);
  const auto lease = acquire(through);
  REQUIRE(lease);
  clock.advance(60s);
  lease->renew();
  lease->require();
}

TEST_CASE_METHOD(Fixture, "A damaged lease is corruption that names it") {
  static_cast<void>(acquire());
  scratch->overwrite(object_name, bytes_of("{}"));
  const Error error = error_of([&] { static_cast<void>(acquire()); });
  CHECK(error.kind() == ErrorKind::corruption);
  CHECK(error.context("object") == object_name);
}

TEST_CASE("A lease's JSON has the members of the format") {
  const LeaseRecord record{{"db2 pid 7", noon, noon + 90s, "expire"}, {"0123", 7, 70}, "feedface"};
  const auto json = nlohmann::json::parse(format_lease(record));
  CHECK(json["format"] == 1);
  CHECK(json["owner"] == "db2 pid 7");
  CHECK(json["host"] == "0123");
  CHECK(json["pid"] == 7);
  CHECK(json["pid_started"] == 70);
  CHECK(json["token"] == "feedface");
  CHECK(json["taken"] == "2026-11-23T12:00:00Z");
  CHECK(json["expires"] == "2026-11-23T12:01:30Z");
  CHECK(json["why"] == "expire");
  CHECK(json.size() == 10);  // and sha256
}

}  // namespace lease_test
