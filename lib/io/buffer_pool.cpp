#include "io/buffer_pool.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace pgrecall {

Buffer::~Buffer() {
  if (pool_ != nullptr) {
    pool_->give_back(std::move(data_));
  }
}

void Buffer::append(ByteView bytes) noexcept {
  assert(bytes.size() <= capacity_ - size_);
  if (!bytes.empty()) {
    std::memcpy(data_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(data_, other.data_);
  std::swap(capacity_, other.capacity_);
  std::swap(size_, other.size_);
}

Buffer BufferPool::take() {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return cancelled_ || left_ > 0 || !free_.empty(); });
  Buffer buffer;
  if (cancelled_) {
    return buffer;
  }
  if (!free_.empty()) {
    buffer.data_ = std::move(free_.back());
    free_.pop_back();
  } else {
    buffer.data_ = std::make_unique_for_overwrite<std::byte[]>(capacity_);
    --left_;
  }
  buffer.pool_ = this;
  buffer.capacity_ = capacity_;
  return buffer;
}

void BufferPool::cancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  freed_.notify_all();
}

void BufferPool::give_back(std::unique_ptr<std::byte[]> data) noexcept {
  // Notified under the lock: the pool may be destroyed as soon as its last buffer is seen to be back.
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(data));
  freed_.notify_one();
}

}  // namespace pgrecall
