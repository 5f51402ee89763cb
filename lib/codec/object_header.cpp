#include <algorithm>
#include <string>

#include "base/error.h"
#include "codec/frame.h"

// docs/repository-format.md, "Objects and frames": the first 64 bytes of an object.

namespace pgrecall {

namespace {

constexpr std::string_view object_magic = "PGRECALL";
constexpr std::uint16_t format_version = 1;
constexpr std::size_t version_at = 8;
constexpr std::size_t kind_at = 10;
constexpr std::size_t flags_at = 11;
constexpr std::size_t reserved_at = 12;
constexpr std::size_t name_tag_at = 16;
constexpr std::size_t salt_at = 32;
constexpr std::size_t name_tag_size = 16;
constexpr std::size_t salt_size = 32;
constexpr std::uint8_t sealed_flag = 1;

Error damaged_header(std::string_view what, std::string_view object_name, std::size_t offset) {
  return Error(ErrorKind::corruption, std::string(what), "run pgrecall verify to see what else is damaged")
      .with("object", object_name)
      .with("offset", offset);
}

void expect(ByteView found, ByteView expected, std::string_view what, std::string_view object_name, std::size_t offset) {
  if (!std::ranges::equal(found, expected)) {
    throw damaged_header(what, object_name, offset).with("expected", to_hex(expected)).with("found", to_hex(found));
  }
}

void check_version(ByteView header, std::string_view object_name) {
  const auto version = load_little<std::uint16_t>(header.data() + version_at);
  if (version != format_version) {
    throw Error(ErrorKind::corruption, "unknown format version", "if a newer pgrecall wrote it, read it with that version")
        .with("object", object_name)
        .with("offset", version_at)
        .with("expected", format_version)
        .with("found", version);
  }
}

}  // namespace

std::string_view name(ObjectKind kind) noexcept {
  switch (kind) {
    case ObjectKind::pack: return "pack";
    case ObjectKind::manifest: return "manifest";
    case ObjectKind::summary: return "summary";
    case ObjectKind::wal_segment: return "WAL segment";
    case ObjectKind::wal_tail: return "WAL tail";
    case ObjectKind::wal_time: return "WAL time";
    case ObjectKind::timeline_history: return "timeline history";
    case ObjectKind::system: return "system";
    case ObjectKind::mark: return "mark";
    case ObjectKind::relocation: return "relocation";
    case ObjectKind::drill: return "drill";
    case ObjectKind::verify_ledger: return "verification ledger";
  }
  return "unknown";
}

ObjectHeader make_object_header(ObjectKind kind, std::string_view object_name, bool sealed) {
  ObjectHeader header{};
  std::ranges::copy(bytes_of(object_magic), header.begin());
  store_little(header.data() + version_at, format_version);
  header[kind_at] = static_cast<std::byte>(kind);
  header[flags_at] = static_cast<std::byte>(sealed ? sealed_flag : 0);
  const Sha256Digest tag = sha256(bytes_of(object_name));
  std::copy_n(tag.bytes.begin(), name_tag_size, header.begin() + name_tag_at);
  if (sealed) {
    fill_random(MutableByteView(header).subspan(salt_at, salt_size));
  }
  return header;
}

void check_object_header(ByteView header, ObjectKind kind, std::string_view object_name, bool sealed) {
  if (header.size() < object_header_size) {
    throw damaged_header("object is shorter than its header", object_name, header.size())
        .with("expected", object_header_size)
        .with("found", header.size());
  }
  expect(header.first(object_magic.size()), bytes_of(object_magic), "not an object of a repository", object_name, 0);
  check_version(header, object_name);
  const ObjectHeader right = make_object_header(kind, object_name, false);
  const auto expect_same = [&](std::size_t at, std::size_t size, std::string_view what) {
    expect(header.subspan(at, size), ByteView(right).subspan(at, size), what, object_name, at);
  };
  expect_same(kind_at, 1, "object is of another kind");
  const std::byte flags{static_cast<std::uint8_t>(sealed ? sealed_flag : 0)};
  expect(header.subspan(flags_at, 1), {&flags, 1}, "object is not sealed as its repository is", object_name, flags_at);
  expect_same(reserved_at, name_tag_at - reserved_at, "reserved bytes are not zero");
  expect_same(name_tag_at, name_tag_size, "object belongs under another name");
  if (!sealed) {
    expect_same(salt_at, salt_size, "salt of an object that is not sealed is not zero");
  }
}

}  // namespace pgrecall
