#include "fuzz/fuzz_input.h"
#include "repository/manifest.h"

using namespace pgrecall;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  fuzzing::accepts([&] {
    const ManifestBlock block = decode_manifest_block(bytes, "manifest");
    if (const auto* entries = std::get_if<std::vector<ManifestEntry>>(&block)) {
      for (const ManifestEntry& entry : *entries) {
        fuzzing::demand(!entry.path.empty() && entry.path.front() != '/' && entry.path.find("//") == std::string::npos);
      }
      // What a reader accepts, a writer can write.
      const ManifestBlock again = decode_manifest_block(encode_file_block(*entries), "manifest");
      fuzzing::demand(std::get<std::vector<ManifestEntry>>(again) == *entries);
    }
  });
  return 0;
}
