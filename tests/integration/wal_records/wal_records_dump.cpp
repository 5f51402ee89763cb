// Prints the records of WAL segment files, one JSON object a line, then where they end.
//
//   wal_records_dump records CRC PIECE START FILE...   CRC is check or skip, PIECE the bytes fed at once, START an LSN in the
//                                                      first file or "-" for its beginning; FILEs follow each other
//   wal_records_dump valid-end FILE                    the position up to which a segment file can be relied upon
//
// Exit codes are those of pgrecall.

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "postgres/wal_records.h"

namespace {

using namespace pgrecall;
using Json = nlohmann::ordered_json;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(ErrorKind::failed, "cannot read").with("path", path);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

// What a file's name and first page say.
struct File {
  explicit File(const std::string& path) : bytes(read_file(path)) {
    const std::string name = std::filesystem::path(path).filename().string().substr(0, 24);
    if (bytes.size() < wal_long_header_size) {
      throw Error(ErrorKind::failed, "no segment file").with("path", path);
    }
    const std::byte* header = bytes_of(bytes).data();
    const auto size = load_little<std::uint32_t>(header + 32);
    expectation.segment = WalSegment::parse(name, size).value();
    expectation.system_identifier = load_little<std::uint64_t>(header + 24);
    expectation.major_version = major_for_wal_magic(load_little<std::uint16_t>(header)).value();
  }

  std::string bytes;
  WalSegmentExpectation expectation;
};

const char* name_of(TransactionOutcome outcome) {
  switch (outcome) {
    case TransactionOutcome::commit: return "commit";
    case TransactionOutcome::abort: return "abort";
    case TransactionOutcome::commit_prepared: return "commit_prepared";
    case TransactionOutcome::abort_prepared: return "abort_prepared";
  }
  return "";
}

class Printer final : public WalRecordSink {
 public:
  void on_record(const WalRecord& record) override {
    Json line = {{"start", record.start.to_string()},
                 {"end", record.end.to_string()},
                 {"previous", record.previous.to_string()},
                 {"length", record.length},
                 {"transaction", record.transaction},
                 {"manager", record.resource_manager},
                 {"info", record.info}};
    if (is_switch(record)) {
      line["kind"] = "switch";
    } else if (const auto end = decode_transaction_end(record)) {
      line["kind"] = name_of(end->outcome);
      line["ended"] = end->transaction;
      line["time"] = end->time.time_since_epoch().count();
    } else if (const auto point = decode_restore_point(record)) {
      line["kind"] = "restore_point";
      line["name"] = point->name;
      line["time"] = point->time.time_since_epoch().count();
    }
    std::cout << line.dump() << '\n';
  }
};

void print_records(std::span<const std::string> arguments) {
  const WalRecordCrc crc = arguments[0] == "check" ? WalRecordCrc::check : WalRecordCrc::skip;
  const std::size_t piece = std::stoul(arguments[1]);
  const std::string& start_text = arguments[2];
  Printer printer;
  std::optional<WalRecordReader> reader;
  for (const std::string& path : arguments.subspan(3)) {
    const File file(path);
    ByteView bytes = bytes_of(file.bytes);
    if (!reader) {
      const Lsn first = file.expectation.segment.start();
      const Lsn start = start_text == "-" ? first : Lsn::parse(start_text).value();
      bytes = bytes.subspan(start.value - first.value);
      reader.emplace(WalRecordStart{start, file.expectation.segment.size, default_wal_page_size, file.expectation.major_version},
                     crc, printer);
    }
    while (!bytes.empty()) {
      const std::size_t taken = std::min(piece, bytes.size());
      reader->feed(bytes.first(taken));
      bytes = bytes.subspan(taken);
    }
  }
  std::cout << Json{{"position", reader->position().to_string()}, {"ended", reader->ended()}, {"count", reader->count()}}.dump()
            << '\n';
}

void print_valid_end(const std::string& path) {
  const File file(path);
  const WalSegmentSource read = [&](std::uint64_t offset, MutableByteView buffer) {
    const ByteView rest = bytes_of(file.bytes).subspan(std::min<std::size_t>(offset, file.bytes.size()));
    const std::size_t taken = std::min(rest.size(), buffer.size());
    std::copy_n(rest.begin(), taken, buffer.begin());
    return taken;
  };
  std::cout << Json{{"valid_end", valid_wal_end(read, file.expectation).to_string()}}.dump() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() >= 5 && arguments[0] == "records") {
      print_records(std::span(arguments).subspan(1));
    } else if (arguments.size() == 2 && arguments[0] == "valid-end") {
      print_valid_end(arguments[1]);
    } else {
      std::cerr << "see the comment at the top of wal_records_dump.cpp\n";
      return exit_code(ErrorKind::usage);
    }
    std::cout.flush();
    return exit_done;
  } catch (const Error& error) {
    std::cout << Json{{"error", error.what()}, {"kind", name(error.kind())}}.dump() << std::endl;
    return exit_code(error.kind());
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return exit_code(ErrorKind::failed);
  }
}
