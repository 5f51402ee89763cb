#include <cstdio>
#include <cstring>
#include <string>

#include "base/error.h"
#include "io/temporary_file.h"
#include "store/posix_store.h"

// store_probe ROOT unnamed|named put NAME | replace NAME | remove NAME | remove_version NAME | temporary
//
// One operation of a posix store in a process of its own, to be watched and disturbed by sync_order_test.py. Prints the outcome.

using namespace pgrecall;

namespace {
const char* outcome(ReplaceResult result) {
  return result == ReplaceResult::replaced ? "replaced" : result == ReplaceResult::changed ? "changed" : "missing";
}

std::string run(ObjectStore& store, const std::string& operation, const std::string& name) {
  const std::string text(300'000, 'x');
  const MemoryBody body(bytes_of(text));
  if (operation == "put") {
    return store.put(name, body) == PutResult::created ? "created" : "already_exists";
  }
  if (operation == "remove") {
    return store.remove(name) ? "removed" : "missing";
  }
  const auto reader = store.open(name);
  const std::string version = reader == nullptr ? "" : reader->version();
  if (operation == "replace") {
    const MemoryBody next(bytes_of("next"));
    return outcome(store.replace(name, version, next));
  }
  return outcome(store.remove_version(name, version));
}

std::string run_temporary(const std::string& directory) {
  TemporaryFile file(directory);
  file.append(bytes_of("content"));
  Bytes out(7);
  file.read(0, out);
  return std::string(text_of(out));
}
}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    return 2;
  }
  const SystemClock clock;
  const bool named = std::strcmp(arguments[2], "named") == 0;
  PosixStore store(arguments[1], clock, named ? PendingFile::Naming::named : PendingFile::Naming::unnamed_if_possible);
  try {
    const std::string operation = arguments[3];
    std::puts(
        (operation == "temporary" ? run_temporary(arguments[1]) : run(store, operation, count > 4 ? arguments[4] : "")).c_str());
  } catch (const Error& error) {
    std::printf("%s%s: %s\n", std::string(name(error.kind())).c_str(), error.passing() ? ", passing" : "", error.what());
  }
  return 0;
}
