#include <atomic>
#include <barrier>
#include <catch2/catch.hpp>
#include <thread>

#include "unit/store/conformance.h"

namespace pgrecall::test {

namespace {
constexpr unsigned threads = 8;
constexpr unsigned rounds = 15;

// Runs `call(thread number)` in all threads, begun together. Catch2's assertions are for one thread only: calls report by value.
template <typename Call>
void race(const Call& call) {
  std::barrier start(threads);
  std::vector<std::string> failures(threads);
  std::vector<std::thread> running;
  for (unsigned t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      start.arrive_and_wait();
      try {
        call(t);
      } catch (const std::exception& error) {
        failures[t] = error.what();
      }
    });
  }
  for (std::thread& thread : running) {
    thread.join();
  }
  REQUIRE(failures == std::vector<std::string>(threads));
}

void race_for_a_name(ObjectStore& store) {
  for (unsigned round = 0; round < rounds; ++round) {
    const std::string name = "race/" + std::to_string(round) + "/name";
    std::atomic<unsigned> created = 0;
    std::atomic<unsigned> winner = threads;
    race([&](unsigned t) {
      if (put_text(store, name, pattern(3000 + t, t)) == PutResult::created) {
        ++created;
        winner = t;
      }
    });
    REQUIRE(created == 1);
    REQUIRE(get_text(store, name) == pattern(3000 + winner, winner));
  }
}

void race_for_a_version(ObjectStore& store) {
  REQUIRE(put_text(store, "lease", "0") == PutResult::created);
  for (unsigned round = 0; round < rounds; ++round) {
    const std::string version = version_of(store, "lease");
    std::atomic<unsigned> replaced = 0;
    std::atomic<unsigned> changed = 0;
    race([&](unsigned t) {
      const std::string text = std::to_string(round) + " by " + std::to_string(t);
      const ReplaceResult result = store.replace("lease", version, MemoryBody(bytes_of(text)));
      ++(result == ReplaceResult::replaced ? replaced : changed);
    });
    REQUIRE(replaced == 1);
    REQUIRE(changed == threads - 1);
  }
}

void race_puts_with_removals(ObjectStore& store) {
  std::atomic<unsigned> lost = 0;
  race([&](unsigned t) {
    for (unsigned round = 0; round < rounds; ++round) {
      const std::string name = "shared/directory/" + std::to_string(t);
      if (put_text(store, name, "x") != PutResult::created || store.open(name) == nullptr || !store.remove(name)) {
        ++lost;
      }
    }
  });
  CHECK(lost == 0);
}

void race_removals_with_replaces(ObjectStore& store) {
  unsigned removed = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    REQUIRE(put_text(store, "lease", "0") == PutResult::created);
    const std::string version = version_of(store, "lease");
    std::atomic<bool> gone = false;
    race([&](unsigned t) {
      if (t == 0) {
        gone = store.remove("lease");
      } else {
        (void)store.replace("lease", version, MemoryBody(bytes_of(std::to_string(t))));
      }
    });
    removed += gone ? 1U : 0U;
    REQUIRE(store.open("lease") == nullptr);
  }
  CHECK(removed == rounds);
}
}  // namespace

void check_races(ObjectStore& store) {
  SECTION("of many puts of one name, exactly one creates it") { race_for_a_name(store); }
  SECTION("of many replaces of one version, exactly one does") { race_for_a_version(store); }
  SECTION("puts succeed while others empty the same directory") { race_puts_with_removals(store); }
  SECTION("a replace never brings a removed object back") { race_removals_with_replaces(store); }
}

}  // namespace pgrecall::test
