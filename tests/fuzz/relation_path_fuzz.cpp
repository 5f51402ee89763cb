#include <string>

#include "fuzz/fuzz_input.h"
#include "postgres/relation_file.h"

using namespace pgrecall;

namespace {

// The one path that a file in base/ or global/ has: accepting another spelling would check the wrong blocks.
std::string path_of(const RelationFile& file) {
  std::string path = file.tablespace == global_tablespace ? "global/" : "base/" + std::to_string(file.database) + "/";
  path += std::to_string(file.node);
  if (file.fork != RelationFork::main) {
    path += "_" + std::string(name(file.fork));
  }
  return file.segment == 0 ? path : path + "." + std::to_string(file.segment);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view path = text_of(fuzzing::view_of(data, size));
  const auto file = parse_relation_path(path);
  if (file && !path.starts_with("pg_tblspc/")) {
    fuzzing::demand(path_of(*file) == path);
  }
  return 0;
}
