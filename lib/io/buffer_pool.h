#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace pgrecall {

class BufferPool;

// A run of memory of fixed capacity that goes back to its pool when it is destroyed. Not zeroed. Moves, does not copy.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer old(std::move(*this));
    swap(other);
    return *this;
  }
  ~Buffer();

  [[nodiscard]] explicit operator bool() const noexcept { return data_ != nullptr; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // size <= capacity().
  void resize(std::size_t size) noexcept { size_ = size; }
  [[nodiscard]] std::byte* data() noexcept { return data_.get(); }
  [[nodiscard]] ByteView view() const noexcept { return {data_.get(), size_}; }
  // The whole capacity, to be filled.
  [[nodiscard]] MutableByteView room() noexcept { return {data_.get(), capacity_}; }
  // The bytes fit into capacity() - size().
  void append(ByteView bytes) noexcept;

 private:
  friend class BufferPool;
  void swap(Buffer& other) noexcept;

  BufferPool* pool_ = nullptr;
  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

// At most `count` buffers of `capacity` bytes each, made when first needed and then used again, so that steady work neither
// allocates nor faults pages in. Must outlive its buffers. Safe for many threads.
class BufferPool {
 public:
  BufferPool(std::size_t count, std::size_t capacity) : left_(count), capacity_(capacity) { free_.reserve(count); }

  // Waits until one is free. An empty Buffer when cancelled.
  [[nodiscard]] Buffer take();
  // Wakes whoever waits; from then on take() gives nothing.
  void cancel();

 private:
  friend class Buffer;
  void give_back(std::unique_ptr<std::byte[]> data) noexcept;

  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<std::byte[]>> free_;
  std::size_t left_;
  const std::size_t capacity_;
  bool cancelled_ = false;
};

}  // namespace pgrecall
