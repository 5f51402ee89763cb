#include "io/buffer_pool.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>
#include <vector>

namespace buffer_pool_test {

using namespace pgrecall;

TEST_CASE("a buffer is filled and read") {
  BufferPool pool(1, 8);
  Buffer buffer = pool.take();
  REQUIRE(buffer);
  CHECK(buffer.capacity() == 8);
  CHECK(buffer.size() == 0);
  buffer.append(bytes_of("abc"));
  buffer.append({});
  buffer.append(bytes_of("de"));
  CHECK(text_of(buffer.view()) == "abcde");
  CHECK(buffer.room().size() == 8);
  buffer.resize(2);
  CHECK(text_of(buffer.view()) == "ab");
}

TEST_CASE("memory that comes back is handed out again, empty") {
  BufferPool pool(4, 16);
  std::byte* first = nullptr;
  {
    Buffer buffer = pool.take();
    buffer.append(bytes_of("old"));
    first = buffer.data();
  }
  const Buffer again = pool.take();
  CHECK(again.view().data() == first);
  CHECK(again.size() == 0);
}

TEST_CASE("moving a buffer over another gives the other's memory back") {
  BufferPool pool(2, 16);
  Buffer one = pool.take();
  Buffer two = pool.take();
  std::byte* kept = two.data();
  one = std::move(two);
  CHECK(one.data() == kept);
  CHECK_FALSE(two);
  CHECK(pool.take());  // would wait for ever had the first one been lost
}

TEST_CASE("there are never more buffers than the pool was made for") {
  constexpr std::size_t limit = 3;
  BufferPool pool(limit, 64);
  std::atomic<std::size_t> out = 0;
  std::atomic<bool> exceeded = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        Buffer buffer = pool.take();
        if (++out > limit || !buffer) {
          exceeded = true;
        }
        buffer.append(bytes_of("x"));
        --out;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK_FALSE(exceeded);
  std::set<const std::byte*> distinct;
  std::vector<Buffer> all;
  for (std::size_t i = 0; i < limit; ++i) {
    all.push_back(pool.take());
    distinct.insert(all.back().data());
  }
  CHECK(distinct.size() == limit);
}

TEST_CASE("cancelling a pool wakes who waits") {
  BufferPool pool(1, 8);
  const Buffer held = pool.take();
  std::atomic<int> empty = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] { empty += pool.take() ? 0 : 1; });
  }
  pool.cancel();
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(empty == 3);
  CHECK_FALSE(pool.take());
}

}  // namespace buffer_pool_test
