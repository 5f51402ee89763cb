#include "postgres/backup_manifest.h"

#include <algorithm>
#include <numeric>

#include "base/hash.h"
#include "unit/postgres/fixture.h"

namespace backup_manifest_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

class Recorder final : public BackupManifestSink {
 public:
  void on_file(const ManifestFile& file) override { files.push_back(file); }
  [[nodiscard]] const ManifestFile* find(std::string_view path) const {
    const auto at = std::find_if(files.begin(), files.end(), [path](const ManifestFile& file) { return file.path == path; });
    return at == files.end() ? nullptr : &*at;
  }

  std::vector<ManifestFile> files;
};

BackupManifest read(std::string_view text, Recorder& recorder, std::size_t piece = 4096) {
  BackupManifestReader reader(recorder);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    reader.feed(bytes_of(text.substr(at, piece)));
  }
  return reader.finish();
}

// Lines like PostgreSQL's, with the checksum that belongs to them.
std::string sealed(const std::string& lines) {
  return lines + "\"Manifest-Checksum\": \"" + sha256(bytes_of(lines)).to_string() + "\"}\n";
}

const std::string head = "{ \"PostgreSQL-Backup-Manifest-Version\": 1,\n";
const std::string no_files = "\"Files\": [\n],\n";
const std::string ranges =
    "\"WAL-Ranges\": [\n{ \"Timeline\": 1, \"Start-LSN\": \"0/2000028\", \"End-LSN\": \"0/2000100\" }\n],\n";

std::string with_file(const std::string& members) { return sealed(head + "\"Files\": [\n{ " + members + " }],\n" + ranges); }

Error read_error(const std::string& text) {
  return corruption_of([&] {
    Recorder recorder;
    (void)read(text, recorder);
  });
}

}  // namespace

TEST_CASE("manifests of real servers are read, in pieces of any size", "[backup_manifest]") {
  for (const auto& [name, files] : {std::pair{"13/backup_manifest", 366U}, std::pair{"18/backup_manifest", 378U}}) {
    const std::string text = read_fixture(name);
    for (const std::size_t piece : {1U, 10U, 1000U, 8192U, 1000000U}) {
      INFO(name << " in pieces of " << piece);
      Recorder recorder;
      const BackupManifest manifest = read(text, recorder, piece);
      CHECK(recorder.files.size() == files);
      CHECK(manifest.file_count == files);
    }
  }
}

TEST_CASE("what a manifest says is told", "[backup_manifest]") {
  Recorder recorder;
  const BackupManifest manifest = read(read_fixture("18/backup_manifest"), recorder);
  CHECK(manifest.version == 2);
  CHECK(manifest.system_identifier == std::stoull(read_values("18/pg_control.txt").at("system_identifier")));
  REQUIRE(manifest.wal_ranges.size() == 1);
  CHECK(manifest.wal_ranges[0].timeline == 1);
  CHECK(manifest.wal_ranges[0].start.to_string() == "0/5000028");
  CHECK(manifest.wal_ranges[0].end > manifest.wal_ranges[0].start);
  const ManifestFile* const control = recorder.find("global/pg_control");
  REQUIRE(control != nullptr);
  CHECK(control->size == 8192);
  CHECK(control->algorithm == ManifestChecksum::crc32c);
  CHECK(control->checksum.size() == 4);
  CHECK(control->last_modified.ends_with(" GMT"));
  const auto sum = [](std::uint64_t total, const ManifestFile& file) { return total + file.size; };
  CHECK(manifest.total_size == std::accumulate(recorder.files.begin(), recorder.files.end(), std::uint64_t{0}, sum));

  Recorder of_13;
  const BackupManifest oldest = read(read_fixture("13/backup_manifest"), of_13);
  CHECK(oldest.version == 1);
  CHECK_FALSE(oldest.system_identifier.has_value());
}

TEST_CASE("odd names of files come out as they are on disk", "[backup_manifest]") {
  Recorder recorder;
  (void)read(read_fixture("18/backup_manifest"), recorder);
  CHECK(recorder.find("caf\xE9") != nullptr);  // no UTF-8: Encoded-Path
  CHECK(recorder.find("quote\"and\\backslash") != nullptr);
}

TEST_CASE("every flipped byte of a manifest is found", "[backup_manifest]") {
  const std::string text =
      sealed(head + "\"Files\": [\n{ \"Path\": \"PG_VERSION\", \"Size\": 3, \"Last-Modified\": \"2026-11-23 08:01:21 GMT\", " +
             "\"Checksum-Algorithm\": \"CRC32C\", \"Checksum\": \"64440205\" }\n],\n" + ranges);
  Recorder recorder;
  REQUIRE(read(text, recorder).file_count == 1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char mask : {'\x01', '\x20', '\x80'}) {
      std::string flipped = text;
      flipped[at] = static_cast<char>(flipped[at] ^ mask);
      INFO("byte " << at << " mask " << static_cast<int>(mask));
      read_error(flipped);
    }
  }
  for (std::size_t size = 0; size < text.size(); ++size) {
    INFO("cut to " << size);
    read_error(text.substr(0, size));
  }
}

TEST_CASE("all checksum algorithms are known, with their sizes", "[backup_manifest]") {
  for (const auto& [algorithm, digits] : {std::pair{"CRC32C", 8}, std::pair{"SHA224", 56}, std::pair{"SHA256", 64},
                                          std::pair{"SHA384", 96}, std::pair{"SHA512", 128}}) {
    const std::string hex(static_cast<std::size_t>(digits), 'a');
    const std::string members =
        std::string("\"Path\": \"x\", \"Size\": 0, \"Checksum-Algorithm\": \"") + algorithm + "\", \"Checksum\": \"";
    Recorder recorder;
    CHECK(read(with_file(members + hex + "\""), recorder).file_count == 1);
    CHECK(name(recorder.files.at(0).algorithm) == algorithm);
    read_error(with_file(members + hex + "aa\""));
  }
  Recorder recorder;
  CHECK(read(with_file("\"Path\": \"x\", \"Size\": 0"), recorder).file_count == 1);
  CHECK(recorder.files.at(0).algorithm == ManifestChecksum::none);
}

TEST_CASE("files that are not well described are refused", "[backup_manifest]") {
  for (const char* members :
       {"\"Size\": 0", "\"Path\": \"x\"", "\"Path\": \"x\", \"Encoded-Path\": \"78\", \"Size\": 0",
        "\"Path\": \"../x\", \"Size\": 0", "\"Path\": \"/x\", \"Size\": 0", "\"Encoded-Path\": \"7\", \"Size\": 0",
        "\"Encoded-Path\": \"2e2e\", \"Size\": 0", "\"Path\": \"x\", \"Size\": \"0\"", "\"Path\": 1, \"Size\": 0",
        "\"Path\": \"x\", \"Size\": 0, \"Size\": 0", "\"Path\": \"x\", \"Size\": 18446744073709551616",
        "\"Path\": \"x\", \"Size\": 9223372036854775808", "\"Path\": \"x\", \"Size\": 0, \"Checksum\": \"aaaaaaaa\"",
        "\"Path\": \"x\", \"Size\": 0, \"Checksum-Algorithm\": \"MD5\"", "\"Path\": \"x\", \"Size\": 0, \"Mode\": 1",
        "\"Path\": \"x\", \"Size\": 0, \"Timeline\": 1", "\"Path\": {}, \"Size\": 0", "\"Path\": [], \"Size\": 0"}) {
    INFO(members);
    read_error(with_file(members));
  }
}

TEST_CASE("manifests that are not whole are refused", "[backup_manifest]") {
  Recorder recorder;
  CHECK(read(sealed(head + no_files + ranges), recorder).wal_ranges.size() == 1);
  read_error(sealed(head + no_files));
  read_error(sealed(head + ranges));
  read_error(head + no_files + ranges.substr(0, ranges.size() - 2) + "}\n");
  read_error(sealed("{ \"PostgreSQL-Backup-Manifest-Version\": 3,\n" + no_files + ranges));
  read_error(sealed("{ \"PostgreSQL-Backup-Manifest-Version\": 2,\n" + no_files + ranges));  // without System-Identifier
  read_error(sealed(head + "\"System-Identifier\": 1,\n" + no_files + ranges));
  read_error(sealed("{ " + no_files + head.substr(2) + ranges));  // the version comes first
  read_error(sealed(head + "\"Files\": [ [] ],\n" + ranges));
  read_error(sealed(head + "\"Files\": [ \"x\" ],\n" + ranges));
  read_error(sealed(head + "\"Files\": {},\n" + ranges));
  read_error(sealed(head + no_files + no_files + ranges));
}

TEST_CASE("WAL ranges that make no sense are refused", "[backup_manifest]") {
  const auto with_range = [](const std::string& members) {
    return sealed(head + no_files + "\"WAL-Ranges\": [\n{ " + members + " }\n],\n");
  };
  Recorder recorder;
  CHECK(read(with_range("\"Timeline\": 4294967295, \"Start-LSN\": \"0/1\", \"End-LSN\": \"0/1\""), recorder).wal_ranges.size() ==
        1);
  read_error(with_range("\"Timeline\": 4294967296, \"Start-LSN\": \"0/1\", \"End-LSN\": \"0/1\""));
  read_error(with_range("\"Timeline\": 0, \"Start-LSN\": \"0/1\", \"End-LSN\": \"0/1\""));
  read_error(with_range("\"Timeline\": 1, \"Start-LSN\": \"0/2\", \"End-LSN\": \"0/1\""));
  read_error(with_range("\"Timeline\": 1, \"Start-LSN\": \"x\", \"End-LSN\": \"0/1\""));
  read_error(with_range("\"Timeline\": 1, \"Start-LSN\": \"0/1\""));
}

TEST_CASE("the manifest's checksum covers all lines but the last, which holds it", "[backup_manifest]") {
  const std::string lines = head + no_files + ranges;
  const std::string checksum = sha256(bytes_of(lines)).to_string();
  CHECK_THAT(read_error(lines + "\"Manifest-Checksum\": \"" + std::string(64, '0') + "\"}\n").message(),
             Catch::Contains("wrong checksum"));
  read_error(lines + "\"Manifest-Checksum\": \"" + checksum + "\"}");      // no newline
  read_error(lines + "\"Manifest-Checksum\":\n\"" + checksum + "\"}\n");   // over two lines
  read_error(lines + "\"Manifest-Checksum\": \"" + checksum + "\"}\n\n");  // an empty line behind
  read_error(lines + "\"Manifest-Checksum\": \"" + checksum + "\", \"Files\": []}\n");
  // Lines in between may be of any length, and are hashed all the same.
  const std::string padded = head + std::string(5000, ' ') + no_files + ranges;
  for (const std::size_t piece : {1U, 300U, 100000U}) {
    Recorder recorder;
    CHECK(read(sealed(padded), recorder, piece).version == 1);
  }
}

}  // namespace backup_manifest_test
