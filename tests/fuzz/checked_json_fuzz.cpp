#include "base/hash.h"
#include "fuzz/fuzz_input.h"
#include "repository/checked_json.h"
#include "repository/key_ring.h"
#include "repository/lease_record.h"

using namespace pgrecall;

namespace {

void read_as_everything(ByteView text) {
  fuzzing::accepts([&] { static_cast<void>(parse_checked_json(text, "x")); });
  fuzzing::accepts([&] {
    const LeaseRecord record = parse_lease(text, "leases/x");
    fuzzing::demand(parse_lease(bytes_of(format_lease(record)), "leases/x").token == record.token);
  });
  fuzzing::accepts([&] { static_cast<void>(parse_wrapped_key(text, "keys/x.json")); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes = fuzzing::view_of(data, size);
  read_as_everything(bytes);
  // And with the digest that nobody finds by searching.
  std::string text(text_of(bytes));
  text.append("\n  \"sha256\": \"");
  const std::string digest = sha256(bytes_of(text)).to_string();
  text.append(digest).append("\"\n}\n");
  read_as_everything(bytes_of(text));
  return 0;
}
