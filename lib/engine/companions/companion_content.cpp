#include "engine/companions/companion_content.h"

#include <algorithm>

#include "base/error.h"
#include "base/units.h"

namespace pgrecall {

namespace {
constexpr std::uint64_t most_in_memory = 1U << 20U;  // bytes
}  // namespace

void CompanionContent::append(ByteView bytes) {
  if (bytes.size() > limit_ || size_ > limit_ - bytes.size()) {
    throw Error(ErrorKind::failed, "there is more of it than " + format_size(limit_),
                "see whether the right place is named; where it is, set max_size of the companion");
  }
  if (!file_ && size_ + bytes.size() > most_in_memory) {
    spill();
  }
  if (file_) {
    write_all_at(file_->fd(), bytes, size_, file_->path());
  } else {
    memory_.insert(memory_.end(), bytes.begin(), bytes.end());
  }
  size_ += bytes.size();
}

void CompanionContent::spill() {
  file_.emplace(spool_directory_);
  write_all_at(file_->fd(), memory_, 0, file_->path());
  memory_ = {};
}

void CompanionContent::cut(std::uint64_t size) {
  size_ = std::min(size_, size);
  if (!file_) {
    memory_.resize(static_cast<std::size_t>(size_));
  }
}

void CompanionContent::read(std::uint64_t offset, MutableByteView out) const {
  if (file_) {
    file_->read(offset, out);
    return;
  }
  const ByteView from = ByteView(memory_).subspan(static_cast<std::size_t>(offset), out.size());
  std::copy(from.begin(), from.end(), out.begin());
}

}  // namespace pgrecall
