#include "base/hash.h"
#include "fuzz/fuzz_input.h"
#include "postgres/backup_manifest.h"
#include "postgres/relative_path.h"

using namespace pgrecall;

namespace {

class PromiseSink final : public BackupManifestSink {
 public:
  void on_file(const ManifestFile& file) override {
    fuzzing::demand(is_plain_relative_path(file.path));
    ++files;
    bytes += file.size;
  }

  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

// Whether it was read to the end; what was counted must be what the sink saw.
bool read(ByteView bytes, std::size_t first) {
  return fuzzing::accepts([&] {
    PromiseSink sink;
    BackupManifestReader reader(sink);
    reader.feed(bytes.first(first));
    fuzzing::feed_in_pieces(reader, bytes.subspan(first));
    const BackupManifest manifest = reader.finish();
    fuzzing::demand(manifest.file_count == sink.files && manifest.total_size == sink.bytes);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  fuzzing::demand(read(bytes, size) == read(bytes, 0));
  // Closed with the checksum that belongs to it: no search finds one by chance.
  std::string closed(text_of(bytes));
  closed += '\n';
  const std::string checksum = sha256(bytes_of(closed)).to_string();
  closed += "\"Manifest-Checksum\": \"" + checksum + "\"}\n";
  (void)read(bytes_of(closed), closed.size());
  return 0;
}
