#include "io/bounded_queue.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

namespace bounded_queue_test {

using namespace pgrecall;

TEST_CASE("items come out in the order they went in") {
  BoundedQueue<std::unique_ptr<int>> queue(3);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(queue.push(std::make_unique<int>(i)));
  }
  for (int i = 0; i < 3; ++i) {
    CHECK(**queue.pop() == i);
  }
}

TEST_CASE("a closed queue takes nothing more and hands out what is inside") {
  BoundedQueue<int> queue(4);
  REQUIRE(queue.push(1));
  REQUIRE(queue.push(2));
  queue.close();
  CHECK_FALSE(queue.push(3));
  CHECK(queue.pop() == 1);
  CHECK(queue.pop() == 2);
  CHECK(queue.pop() == std::nullopt);
}

TEST_CASE("a cancelled queue drops what is inside") {
  BoundedQueue<std::shared_ptr<int>> queue(4);
  const auto item = std::make_shared<int>(1);
  REQUIRE(queue.push(item));
  queue.cancel();
  CHECK(item.use_count() == 1);
  CHECK(queue.pop() == std::nullopt);
  CHECK_FALSE(queue.push(item));
}

TEST_CASE("cancelling wakes producers that wait for room and consumers that wait for items") {
  BoundedQueue<int> full(1);
  REQUIRE(full.push(1));
  BoundedQueue<int> empty(1);
  std::atomic<bool> pushed = true;
  std::atomic<bool> popped = true;
  std::thread producer([&] { pushed = full.push(2); });
  std::thread consumer([&] { popped = empty.pop().has_value(); });
  full.cancel();
  empty.cancel();
  producer.join();
  consumer.join();
  CHECK_FALSE(pushed);
  CHECK_FALSE(popped);
}

TEST_CASE("many producers and consumers pass every item on once, within the capacity") {
  constexpr int producers = 4;
  constexpr int items = 2000;
  BoundedQueue<int> queue(5);
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<long> sum = 0;
  std::atomic<int> count = 0;
  std::vector<std::thread> makers;
  std::vector<std::thread> takers;
  std::atomic<bool> refused = false;
  for (int p = 0; p < producers; ++p) {
    makers.emplace_back([&] {
      for (int i = 1; i <= items; ++i) {
        if (!queue.push(i)) {
          refused = true;
        }
        const int now = ++inside;
        int seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
      }
    });
  }
  for (int c = 0; c < 3; ++c) {
    takers.emplace_back([&] {
      while (const auto item = queue.pop()) {
        --inside;
        sum += *item;
        ++count;
      }
    });
  }
  for (std::thread& thread : makers) {
    thread.join();
  }
  queue.close();
  for (std::thread& thread : takers) {
    thread.join();
  }
  CHECK_FALSE(refused);
  CHECK(count == producers * items);
  CHECK(sum == static_cast<long>(producers) * items * (items + 1) / 2);
  // An item counts until after its pop: at most one for each taker, beyond those in the queue.
  CHECK(most <= 5 + 3);
}

}  // namespace bounded_queue_test
