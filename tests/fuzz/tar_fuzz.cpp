#include "base/hash.h"
#include "fuzz/fuzz_input.h"
#include "postgres/relative_path.h"
#include "postgres/tar.h"

using namespace pgrecall;

namespace {

// Holds the reader to what tar.h promises a sink, and digests what came for comparing two runs.
class PromiseSink final : public TarSink {
 public:
  void on_entry(const TarEntry& entry) override {
    fuzzing::demand(!open_ && is_plain_relative_path(entry.path) && entry.mode <= 07777U);
    fuzzing::demand(entry.type == TarEntryType::file || entry.size == 0);
    open_ = true;
    left_ = entry.size;
    digest_.update(bytes_of(entry.path));
  }
  void on_data(ByteView data) override {
    fuzzing::demand(open_ && !data.empty() && data.size() <= left_);
    left_ -= data.size();
    digest_.update(data);
  }
  void on_entry_end() override {
    fuzzing::demand(open_ && left_ == 0);
    open_ = false;
  }
  [[nodiscard]] Sha256Digest digest() { return digest_.finish(); }

 private:
  bool open_ = false;
  std::uint64_t left_ = 0;
  Sha256 digest_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  PromiseSink whole;
  const bool accepted = fuzzing::accepts([&] {
    TarReader reader(whole);
    reader.feed(bytes);
    reader.finish();
  });
  PromiseSink pieces;
  const bool accepted_in_pieces = fuzzing::accepts([&] {
    TarReader reader(pieces);
    fuzzing::feed_in_pieces(reader, bytes);
    reader.finish();
  });
  fuzzing::demand(accepted == accepted_in_pieces);
  fuzzing::demand(whole.digest() == pieces.digest() || !accepted);
  return 0;
}
