#include "postgres/tar.h"

#include <algorithm>

#include "unit/postgres/fixture.h"

namespace tar_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

struct Unpacked {
  TarEntry entry;
  std::string data;
  bool ended = false;
};

class Recorder final : public TarSink {
 public:
  void on_entry(const TarEntry& entry) override { entries.push_back({entry, {}, false}); }
  void on_data(ByteView data) override {
    CHECK_FALSE(data.empty());
    entries.back().data += text_of(data);
  }
  void on_entry_end() override { entries.back().ended = true; }

  std::vector<Unpacked> entries;
};

std::vector<Unpacked> unpack(std::string_view archive, std::size_t piece = 512) {
  Recorder recorder;
  TarReader reader(recorder);
  for (std::size_t at = 0; at < archive.size(); at += piece) {
    reader.feed(bytes_of(archive.substr(at, piece)));
  }
  reader.finish();
  CHECK(reader.offset() == archive.size());
  CHECK(std::all_of(recorder.entries.begin(), recorder.entries.end(), [](const Unpacked& one) { return one.ended; }));
  return recorder.entries;
}

void set(std::string& header, std::size_t offset, std::string_view value) { header.replace(offset, value.size(), value); }

std::string with_checksum(std::string header) {
  set(header, 148, "        ");
  unsigned sum = 0;
  for (const char byte : header) {
    sum += static_cast<unsigned char>(byte);
  }
  std::string octal(6, '0');
  for (std::size_t i = 6; i-- > 0; sum /= 8) {
    octal[i] = static_cast<char>('0' + sum % 8);
  }
  set(header, 148, octal + '\0' + ' ');
  return header;
}

// A header as PostgreSQL writes it, before its checksum.
std::string raw_header(std::string_view path, char type = '0', std::string_view size = "00000000000 ") {
  std::string header(512, '\0');
  set(header, 0, path);
  set(header, 100, "0000600 ");
  set(header, 108, "0000166 ");
  set(header, 116, "0000167 ");
  set(header, 124, size);
  set(header, 136, "15110532131 ");
  header[156] = type;
  set(header, 257, std::string_view("ustar\00000", 8));
  return header;
}

std::string header_of(std::string_view path, char type = '0', std::string_view size = "00000000000 ") {
  return with_checksum(raw_header(path, type, size));
}

Error unpack_error(const std::string& archive) {
  return corruption_of([&] { unpack(archive); });
}

}  // namespace

TEST_CASE("tablespace archives of real servers are read, in pieces of any size", "[tar]") {
  const std::string page_of_13 = read_fixture("13/tablespace.tar").substr(1536, 8192);
  for (const std::size_t piece : {1U, 100U, 511U, 512U, 513U, 8192U, 100000U}) {
    INFO(piece);
    const auto entries = unpack(read_fixture("13/tablespace.tar"), piece);  // no zero blocks at the end
    REQUIRE(entries.size() == 3);
    CHECK(entries[0].entry.path == "PG_13_202007201");
    CHECK(entries[0].entry.type == TarEntryType::directory);
    CHECK(entries[0].entry.mode == 0700);
    CHECK(entries[1].entry.path.starts_with("PG_13_202007201/"));
    CHECK(entries[2].entry.type == TarEntryType::file);
    CHECK(entries[2].entry.mode == 0600);
    CHECK(entries[2].entry.size == 8192);
    CHECK(entries[2].data == page_of_13);
    CHECK(unpack(read_fixture("18/tablespace.tar"), piece).size() == 3);  // with zero blocks
  }
}

TEST_CASE("every field of a header is read", "[tar]") {
  const auto entries = unpack(header_of("a/b", '0', "00000000003 ") + "xyz" + std::string(509, '\0') + header_of("empty") +
                              header_of("./pg_wal/archive_status/", '5'));
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].entry.path == "a/b");
  CHECK(entries[0].entry.mode == 0600);
  CHECK(entries[0].entry.user == 0166);
  CHECK(entries[0].entry.group == 0167);
  CHECK(entries[0].entry.mtime.time_since_epoch().count() == 015110532131);
  CHECK(entries[0].data == "xyz");
  CHECK(entries[1].entry.size == 0);
  CHECK(entries[2].entry.path == "pg_wal/archive_status");
  CHECK(entries[2].entry.type == TarEntryType::directory);
}

TEST_CASE("symbolic links, long names and prefixes are read", "[tar]") {
  std::string link = raw_header("pg_tblspc/16401/", '2');
  set(link, 157, "/srv/fast disk");
  std::string prefixed = raw_header("file");
  set(prefixed, 345, "some/directory");
  const std::string long_name(100, 'n');  // fills the field, without a NUL
  const auto entries = unpack(with_checksum(link) + with_checksum(prefixed) + header_of(long_name));
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].entry.type == TarEntryType::symlink);
  CHECK(entries[0].entry.path == "pg_tblspc/16401");
  CHECK(entries[0].entry.link_target == "/srv/fast disk");
  CHECK(entries[1].entry.path == "some/directory/file");
  CHECK(entries[2].entry.path == long_name.substr(0, 100));
}

TEST_CASE("sizes beyond 8 GiB come in base 256", "[tar]") {
  const std::string_view size("\x80\0\0\0\0\0\0\x02\0\0\0\x01", 12);
  Recorder recorder;
  TarReader reader(recorder);
  reader.feed(bytes_of(header_of("big", '0', size)));
  REQUIRE(recorder.entries.size() == 1);
  CHECK(recorder.entries[0].entry.size == 8589934593ULL);
  corruption_of([&] { reader.finish(); });
  for (const std::string_view too_large : {std::string_view("\x80\0\0\0\x80\0\0\0\0\0\0\0", 12),
                                           std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12)}) {
    CHECK(unpack_error(header_of("big", '0', too_large)).context("field") == "size");
  }
}

TEST_CASE("paths that leave the directory are refused", "[tar]") {
  for (const char* path : {"", "/", "./", "..", "../x", "a/../x", "a/..", "/etc/passwd", "a//b", "a/./b", ".//x", "././x"}) {
    INFO(path);
    CHECK_THAT(unpack_error(header_of(path)).message(), Catch::Contains("unsafe path"));
  }
  std::string prefixed = raw_header("../x");
  set(prefixed, 345, "a");
  CHECK_THAT(unpack_error(with_checksum(prefixed)).message(), Catch::Contains("unsafe path"));
}

TEST_CASE("every flipped byte of a header that matters is found", "[tar]") {
  const std::string header = header_of("a/b", '0', "00000000000 ");
  for (std::size_t at = 0; at < header.size(); ++at) {
    std::string flipped = header;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x41);
    INFO("byte " << at);
    // Behind the digits of the checksum stand a NUL and a space, which do not count.
    if (at != 155) {
      CHECK(unpack_error(flipped).kind() == ErrorKind::corruption);
    }
  }
}

TEST_CASE("malformed headers are refused with the field and the place", "[tar]") {
  CHECK(unpack_error(header_of("a", 'x')).context("field") == "type");
  CHECK(unpack_error(header_of("a", 'L')).context("field") == "type");
  CHECK(unpack_error(header_of("a", '1')).context("field") == "type");
  CHECK(unpack_error(header_of("a", '5', "00000000001 ")).context("field") == "size");
  CHECK(unpack_error(header_of("a", '0', "0000000000x ")).context("field") == "size");
  CHECK(unpack_error(header_of("a", '0', "            ")).context("field") == "size");
  CHECK(unpack_error(header_of("a", '2')).context("field") == "linkname");
  std::string gnu = raw_header("a");
  set(gnu, 257, std::string_view("ustar  \0", 8));
  CHECK(unpack_error(with_checksum(gnu)).context("field") == "magic");
  CHECK(unpack_error(header_of("a") + header_of("b", 'x')).context("archive_offset") == "512");
}

TEST_CASE("archives that end too early are refused", "[tar]") {
  const std::string archive = header_of("a", '0', "00000000003 ") + "xyz" + std::string(509, '\0');
  for (const std::size_t size : {1U, 511U, 512U, 514U, 515U, 1023U}) {
    INFO(size);
    CHECK_THAT(unpack_error(archive.substr(0, size)).message(), Catch::Contains("too early"));
  }
  CHECK(unpack(archive).size() == 1);
  CHECK(unpack("").empty());
}

TEST_CASE("behind the end there must be nothing but zeros", "[tar]") {
  CHECK(unpack(header_of("a") + std::string(10240, '\0')).size() == 1);
  CHECK(unpack_error(header_of("a") + std::string(1024, '\0') + header_of("b")).context("archive_offset") == "1536");
}

TEST_CASE("what a sink throws ends the reading", "[tar]") {
  struct Full final : TarSink {
    void on_entry(const TarEntry& /*entry*/) override { throw Error(ErrorKind::store_unreachable, "disk full"); }
    void on_data(ByteView /*data*/) override {}
    void on_entry_end() override {}
  } sink;
  TarReader reader(sink);
  try {
    reader.feed(bytes_of(header_of("a")));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::store_unreachable);
  }
}

}  // namespace tar_test
