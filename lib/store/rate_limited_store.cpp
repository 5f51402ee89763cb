#include "store/rate_limited_store.h"

#include <algorithm>

namespace pgrecall {

namespace {
// What passes at once: small against any sensible rate, so that the load is even and a stop is noticed soon.
constexpr std::size_t step = std::size_t{256} << 10U;

class RateLimitedBody final : public ObjectBody {
 public:
  RateLimitedBody(const ObjectBody& inner, RateLimiter& limiter, const std::stop_token& stop)
      : inner_(inner), limiter_(limiter), stop_(stop) {}

  [[nodiscard]] std::uint64_t size() const override { return inner_.size(); }
  void for_each_piece(const std::function<void(ByteView)>& visit) const override {
    inner_.for_each_piece([&](ByteView piece) {
      while (!piece.empty()) {
        const ByteView part = piece.first(std::min(piece.size(), step));
        limiter_.pass(part.size(), stop_);
        visit(part);
        piece = piece.subspan(part.size());
      }
    });
  }

 private:
  const ObjectBody& inner_;
  RateLimiter& limiter_;
  const std::stop_token& stop_;
};

class RateLimitedReader final : public ObjectReader {
 public:
  RateLimitedReader(std::unique_ptr<ObjectReader> inner, RateLimiter& limiter, std::stop_token stop)
      : inner_(std::move(inner)), limiter_(limiter), stop_(std::move(stop)) {}

  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  [[nodiscard]] std::string version() const override { return inner_->version(); }
  [[nodiscard]] std::size_t read(std::uint64_t offset, MutableByteView out) const override {
    const std::uint64_t left = size() - std::min(offset, size());
    out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left)));
    std::size_t done = 0;
    while (done < out.size()) {
      const MutableByteView part = out.subspan(done, std::min(out.size() - done, step));
      limiter_.pass(part.size(), stop_);
      const std::size_t count = inner_->read(offset + done, part);
      done += count;
      if (count < part.size()) {
        break;
      }
    }
    return done;
  }

 private:
  std::unique_ptr<ObjectReader> inner_;
  RateLimiter& limiter_;
  const std::stop_token stop_;
};
}  // namespace

PutResult RateLimitedStore::put(const std::string& name, const ObjectBody& body) {
  return inner().put(name, RateLimitedBody(body, writing_, stop_));
}

std::unique_ptr<ObjectReader> RateLimitedStore::open(const std::string& name) {
  std::unique_ptr<ObjectReader> reader = inner().open(name);
  return reader == nullptr ? nullptr : std::make_unique<RateLimitedReader>(std::move(reader), reading_, stop_);
}

ReplaceResult RateLimitedStore::replace(const std::string& name, const std::string& version, const ObjectBody& body) {
  return inner().replace(name, version, RateLimitedBody(body, writing_, stop_));
}

}  // namespace pgrecall
