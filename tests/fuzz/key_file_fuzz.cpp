#include "base/hash.h"
#include "codec/key_file.h"
#include "fuzz/fuzz_input.h"

using namespace pgrecall;

namespace {

// A key file that is none is a wrong key, whatever it holds.
void read(std::string text) {
  try {
    const KeyFile file = parse_key_file(Secret(text), "x");
    if (!text.ends_with('\n')) {
      text.push_back('\n');
    }
    fuzzing::demand(format_key_file(file).reveal() == text);
  } catch (const Error& error) {
    fuzzing::demand(error.kind() == ErrorKind::wrong_key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(text_of(fuzzing::view_of(data, size)));
  read(text);
  // And with the check that nobody finds by searching.
  const std::string check = sha256(bytes_of(text)).to_string().substr(0, 8);
  read(text.append(" ").append(check).append("\n"));
  return 0;
}
