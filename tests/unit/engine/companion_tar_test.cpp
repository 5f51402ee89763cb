#include "engine/companions/companion_tar.h"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "unit/repository/scratch_repository.h"

namespace companion_tar_test {

using namespace pgrecall;
using namespace pgrecall::test;
namespace fs = std::filesystem;

namespace {

const std::string long_name(150, 'n');

// What the test's tree is, as a real tar packs it by that command in a shell.
struct Packed {
  Packed() {
    fs::create_directories(root + "/sub/" + long_name);
    std::ofstream(root + "/sub/first") << "one";
    std::ofstream(root + "/sub/" + long_name + "/" + long_name) << std::string(1000, 'x');
    std::ofstream(root + "/empty");
    fs::create_hard_link(root + "/sub/first", root + "/zweite");
    fs::create_symlink("/etc/passwd", root + "/link");
    fs::create_symlink(long_name + long_name, root + "/long-link");
    fs::permissions(root + "/sub/first", fs::perms(0604));
    fs::permissions(root, fs::perms(0711));
  }
  [[nodiscard]] GatheredCompanion gather(const std::string& shell) const {
    CompanionSource source;
    source.name = "it";
    source.command = {"sh", "-c", "cd " + root + " && " + shell};
    source.format = CompanionSource::Format::tar;
    return gather_companion(source, {}, SystemClock(), {});
  }
  ScratchDirectory scratch;
  std::string root = scratch.path() + "/tree";
};

const CompanionEntry* entry_of(const GatheredCompanion& companion, const std::string& path) {
  const auto found = std::ranges::find(companion.entries, path, &CompanionEntry::path);
  return found == companion.entries.end() ? nullptr : &*found;
}

std::string text_of_file(const GatheredCompanion& companion, const std::string& path) {
  const CompanionEntry* entry = entry_of(companion, path);
  REQUIRE(entry != nullptr);
  REQUIRE(entry->type == EntryType::file);
  std::string text(static_cast<std::size_t>(entry->size), '\0');
  companion.content.read(entry->at, std::as_writable_bytes(std::span(text)));
  return text;
}

void feed_pieces(CompanionTar& tar, ByteView archive, std::size_t piece) {
  while (!archive.empty()) {
    const std::size_t taken = std::min(piece, archive.size());
    tar.feed(archive.first(taken));
    archive = archive.subspan(taken);
  }
}
}  // namespace

TEST_CASE("archives of every form come in whole") {
  const Packed packed;
  const std::string form = GENERATE(as<std::string>(), "gnu", "pax", "posix", "oldgnu");
  INFO(form);
  const GatheredCompanion companion = packed.gather("tar --format=" + form + " -cf - .");
  INFO(companion.problem);
  REQUIRE(companion.problem.empty());
  CHECK(companion.warnings.empty());
  CHECK(companion.entries.size() == 9);
  CHECK(entry_of(companion, "")->mode == 0711);
  CHECK(text_of_file(companion, "sub/first") == "one");
  CHECK(text_of_file(companion, "zweite") == "one");
  CHECK(text_of_file(companion, "empty").empty());
  CHECK(text_of_file(companion, "sub/" + long_name + "/" + long_name) == std::string(1000, 'x'));
  CHECK(entry_of(companion, "sub/first")->mode == 0604);
  CHECK(entry_of(companion, "link")->target == "/etc/passwd");
  CHECK(entry_of(companion, "long-link")->target == long_name + long_name);
  struct stat status {};
  REQUIRE(::stat((packed.root + "/sub/first").c_str(), &status) == 0);
  CHECK(entry_of(companion, "sub/first")->mtime == status.st_mtim.tv_sec);
}

TEST_CASE("of two files of one name in an archive the later one counts, and devices are left out") {
  const Packed packed;
  const GatheredCompanion companion = packed.gather(
      "tar -cf ../a.tar sub/first && echo two >sub/first && mkfifo pipe && tar -rf ../a.tar sub/first pipe && cat ../a.tar");
  INFO(companion.problem);
  CHECK(text_of_file(companion, "sub/first") == "two\n");
  CHECK(entry_of(companion, "sub")->mode == 0700);  // the archive did not have it
  CHECK(companion.entries.size() == 3);
  CHECK(companion.warnings == std::vector<std::string>{"pipe is a named pipe, and was left out"});
}

TEST_CASE("archives that lead out of the folder, are cut, or are none are refused") {
  const Packed packed;
  const auto problem = [&](const std::string& shell) {
    const GatheredCompanion companion = packed.gather(shell);
    CHECK(companion.entries.empty());
    return companion.problem;
  };
  CHECK(problem("tar -P -cf - ../tree/empty").find("leads out of the companion") != std::string::npos);
  CHECK(problem("tar -cf - . | head -c 2000").find("ends too early") != std::string::npos);
  CHECK(problem("true").find("ends too early") != std::string::npos);
  CHECK(problem("for i in $(seq 200); do echo no archive; done").find("no tar archive") != std::string::npos);
  CHECK(problem("tar -cf - empty; printf more").find("follows the end") != std::string::npos);
  CHECK(problem("tar -cf ../a.tar sub/first && rm -r sub && ln -s /etc sub && tar -rf ../a.tar sub && cat ../a.tar")
            .find("below what is no directory") != std::string::npos);
}

TEST_CASE("an archive says the same in pieces of any size, and never more than is wrong with it when damaged") {
  const Packed packed;
  const std::string file = packed.scratch.path() + "/whole.tar";
  REQUIRE(packed.gather("tar --format=pax -b 1 -cf " + file + " . && cat " + file).problem.empty());
  std::ostringstream read;
  read << std::ifstream(file, std::ios::binary).rdbuf();
  const std::string archive = read.str();
  const auto unpack = [](ByteView bytes, std::size_t piece) {
    GatheredCompanion companion;
    companion.content = CompanionContent({}, 1U << 20U);
    CompanionTree tree(companion);
    CompanionTar tar(tree);
    feed_pieces(tar, bytes, piece);
    tar.finish();
    tree.finish();
    return companion;
  };
  const GatheredCompanion whole = unpack(bytes_of(archive), archive.size());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{511}, std::size_t{513}}) {
    CHECK(unpack(bytes_of(archive), piece).entries.size() == whole.entries.size());
  }
  for (std::size_t at = 0; at < archive.size(); at += 13) {
    std::string damaged = archive;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    try {
      static_cast<void>(unpack(bytes_of(damaged), 4096));
    } catch (const Error& error) {
      CHECK((error.kind() == ErrorKind::corruption || error.kind() == ErrorKind::failed));
    }
  }
}

}  // namespace companion_tar_test
