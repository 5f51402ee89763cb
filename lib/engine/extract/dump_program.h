#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace pgrecall {

// A pg_dump that can read a server.
struct DumpProgram {
  std::string path;
  unsigned major = 0;
};

// The first one that will do in `directories`; else, of those where packages put them, the oldest that is not older than the
// server: pg_dump reads no server that is newer than itself. Nothing when there is none.
[[nodiscard]] std::optional<DumpProgram> find_dump_program(const std::vector<std::string>& directories, unsigned server_major);

// Runs it to its end; what it wrote to stdout. Its environment has none of libpq's variables of ours. Error{failed} with what it
// wrote to stderr when it fails; Error{cancelled} when asked to stop: it is then gone. No argument may hold a secret.
[[nodiscard]] std::string run_dump(const DumpProgram& program, const std::vector<std::string>& arguments,
                                   const std::stop_token& stop);

}  // namespace pgrecall
