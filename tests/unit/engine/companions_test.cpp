#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "engine/companions/companion.h"
#include "engine/companions/companion_command.h"
#include "engine/companions/companion_tree.h"
#include "engine/companions/companion_walk.h"
#include "unit/repository/scratch_repository.h"

namespace companions_test {

using namespace pgrecall;
using namespace pgrecall::test;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t some_time = 1'700'000'000;

void write_file(const std::string& path, const std::string& text, fs::perms mode = fs::perms(0640)) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
  fs::permissions(path, mode);
  const struct timespec times[2] = {{.tv_sec = some_time, .tv_nsec = 0}, {.tv_sec = some_time, .tv_nsec = 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

GatheredCompanion gathered(const CompanionSource& source, const std::stop_token& stop = {}) {
  return gather_companion(source, {}, SystemClock(), stop);
}

CompanionSource path_source(const std::string& path) {
  CompanionSource source;
  source.name = "it";
  source.path = path;
  return source;
}

GatheredCompanion gathered_path(const std::string& path) { return gathered(path_source(path)); }

CompanionSource command(const std::string& shell, CompanionSource::Format format = CompanionSource::Format::file) {
  CompanionSource source;
  source.name = "it";
  source.command = {"sh", "-c", shell};
  source.format = format;
  return source;
}

std::string text_of_entry(const GatheredCompanion& companion, const CompanionEntry& entry) {
  std::string text(static_cast<std::size_t>(entry.size), '\0');
  companion.content.read(entry.at, std::as_writable_bytes(std::span(text)));
  return text;
}

// "d 750 ." "f 640 a/b=text" "l c -> target", in order.
std::vector<std::string> told(const GatheredCompanion& companion) {
  std::vector<std::string> lines;
  for (const CompanionEntry& entry : companion.entries) {
    std::ostringstream line;
    const std::string path = entry.path.empty() ? "." : entry.path;
    if (entry.type == EntryType::symbolic_link) {
      line << "l " << path << " -> " << entry.target;
    } else if (entry.type == EntryType::directory) {
      line << "d " << std::oct << entry.mode << " " << path;
    } else {
      line << "f " << std::oct << entry.mode << " " << path << "=" << text_of_entry(companion, entry);
    }
    lines.push_back(line.str());
  }
  return lines;
}

std::int64_t mtime_of(const GatheredCompanion& companion, const std::string& path) {
  const auto found = std::ranges::find(companion.entries, path, &CompanionEntry::path);
  REQUIRE(found != companion.entries.end());
  return found->mtime;
}

bool says(const std::vector<std::string>& warnings, const std::string& what) {
  return std::ranges::any_of(warnings, [&](const std::string& each) { return each.find(what) != std::string::npos; });
}

// Whether a process that was ended is gone. One that got its signal may need a moment for it.
bool is_over(pid_t pid) {
  const Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  struct pollfd wait {
    .fd = ended.get(), .events = POLLIN, .revents = 0
  };
  return !ended || ::poll(&wait, 1, 10'000) == 1;
}

struct Tree {
  Tree() {
    write_file(root + "/.env", "PASSWORD=x\n", fs::perms(0600));
    write_file(root + "/functions/main/index.ts", "serve()\n", fs::perms(0644));
    write_file(root + "/empty", "");
    write_file(root + "/functions-old", "old");
    fs::create_symlink("/etc/passwd", root + "/outside");
    fs::create_symlink("functions", root + "/inside");
    fs::create_directory(root + "/nothing");
    fs::permissions(root + "/nothing", fs::perms(0700));
    fs::permissions(root + "/functions", fs::perms(0755));
    fs::permissions(root + "/functions/main", fs::perms(0755));
    fs::permissions(root, fs::perms(0750));
  }
  ScratchDirectory scratch;
  std::string root = scratch.path() + "/tree";
};

const std::vector<std::string>& of_tree() {
  static const std::vector<std::string> lines{"d 750 .",
                                              "f 600 .env=PASSWORD=x\n",
                                              "f 640 empty=",
                                              "d 755 functions",
                                              "f 640 functions-old=old",
                                              "d 755 functions/main",
                                              "f 644 functions/main/index.ts=serve()\n",
                                              "l inside -> functions",
                                              "d 700 nothing",
                                              "l outside -> /etc/passwd"};
  return lines;
}
}  // namespace

TEST_CASE("a directory is gathered with all that is in it, links as links") {
  const Tree tree;
  const GatheredCompanion companion = gathered_path(tree.root);
  CHECK(companion.problem.empty());
  CHECK(companion.warnings.empty());
  CHECK(told(companion) == of_tree());
  CHECK(mtime_of(companion, "functions/main/index.ts") == some_time);
  const SummaryCompanion summary = companion.summary();
  CHECK(summary.name == "it");
  CHECK(summary.files == 4);
  CHECK(summary.bytes == 22);
  CHECK(summary.secrets == std::vector<std::string>{".env"});
  const ManifestEntry entry = companion.manifest_entry(companion.entries.at(6));
  CHECK(entry.tree == EntryTree::companion);
  CHECK(entry.path == "it/functions/main/index.ts");
  CHECK(companion.manifest_entry(companion.entries.at(0)).path == "it");
}

TEST_CASE("a single file is gathered under its name, also where a link to it is named") {
  const Tree tree;
  CHECK(told(gathered_path(tree.root + "/.env")) == std::vector<std::string>{"d 700 .", "f 600 .env=PASSWORD=x\n"});
  fs::create_symlink(tree.root + "/.env", tree.scratch.path() + "/current");
  CHECK(told(gathered_path(tree.scratch.path() + "/current")) ==
        std::vector<std::string>{"d 700 .", "f 600 current=PASSWORD=x\n"});
}

TEST_CASE("sockets and pipes are left out with a warning, and the rest is kept") {
  const Tree tree;
  REQUIRE(::mkfifo((tree.root + "/pipe").c_str(), 0600) == 0);
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  const std::string place = tree.root + "/socket";
  place.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(socket.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof(address)) == 0);
  const GatheredCompanion companion = gathered_path(tree.root);
  CHECK(companion.problem.empty());
  CHECK(told(companion) == of_tree());
  CHECK(companion.warnings.size() == 2);
  CHECK(says(companion.warnings, tree.root + "/pipe is a named pipe, and was left out"));
  CHECK(says(companion.warnings, tree.root + "/socket is a socket, and was left out"));
}

TEST_CASE("what is missing or cannot be read is a problem, and nothing of the companion is kept") {
  const Tree tree;
  const GatheredCompanion missing = gathered_path(tree.root + "/nowhere");
  CHECK(missing.problem.find("No such file or directory") != std::string::npos);
  CHECK(missing.problem.find(tree.root + "/nowhere") != std::string::npos);
  // Root reads whatever has a mode; not what the kernel does not give.
  const GatheredCompanion unreadable = gathered_path("/proc/self/mem");
  CHECK(unreadable.problem.find("/proc/self/mem") != std::string::npos);
  for (const GatheredCompanion* each : {&missing, &unreadable}) {
    CHECK(each->entries.empty());
    CHECK(each->content.size() == 0);
    CHECK(each->summary().files == 0);
    CHECK(each->summary().problem == each->problem);
  }
  if (::geteuid() != 0) {
    fs::permissions(tree.root + "/functions", fs::perms::none);
    CHECK(gathered_path(tree.root).problem.find("functions") != std::string::npos);
    fs::permissions(tree.root + "/functions", fs::perms(0755));
  }
}

TEST_CASE("more than is allowed is a problem") {
  const Tree tree;
  CompanionSource source = path_source(tree.root);
  source.max_size = 22;
  CHECK(gathered(source).problem.empty());
  source.max_size = 21;
  CHECK(gathered(source).problem.find("more of it than 21 B") != std::string::npos);
}

TEST_CASE("directories that lie too deep in each other are a problem, and not a crash") {
  const ScratchDirectory scratch;
  std::string path = scratch.path();
  for (int depth = 0; depth < 100; ++depth) {
    path += "/d";
  }
  fs::create_directories(path);
  CHECK(gathered_path(scratch.path()).entries.size() == 101);
  fs::create_directory(path + "/d");
  CHECK(gathered_path(scratch.path()).problem.find("too deep") != std::string::npos);
}

TEST_CASE("a file that changes while it is read is read again, and told of where it goes on") {
  const auto changes = GENERATE(1, 100);
  const Tree tree;
  const std::string path = tree.root + "/functions-old";
  GatheredCompanion companion;
  companion.name = "it";
  companion.content = CompanionContent({}, 1000);
  CompanionTree gathering(companion);
  int made = 0;
  walk_companion(path, gathering, [&] {
    if (made++ < changes) {
      std::ofstream(path, std::ios::app) << "+";
    }
  });
  gathering.finish();
  const std::string text = text_of_entry(companion, companion.entries.at(1));
  CHECK(companion.entries.size() == 2);
  CHECK(text.starts_with("old+"));
  CHECK(says(companion.warnings, "functions-old was being written to") == (changes > 1));
  CHECK(companion.content.size() == text.size());
  CHECK((changes > 1 || text == "old+"));
}

TEST_CASE("a file that is removed while its directory is read is not there") {
  const Tree tree;
  GatheredCompanion companion;
  companion.content = CompanionContent({}, 1000);
  CompanionTree gathering(companion);
  walk_companion(tree.root, gathering, [&] { fs::remove(tree.root + "/functions-old"); });
  gathering.finish();
  auto expected = of_tree();
  std::erase(expected, "f 640 functions-old=old");
  CHECK(told(companion) == expected);
}

TEST_CASE("what a command writes is a file") {
  CHECK(told(gathered(command("printf secret"))) == std::vector<std::string>{"d 700 .", "f 600 it=secret"});
  CompanionSource named = command("printf secret");
  named.file = "pgsodium_root.key";
  const GatheredCompanion companion = gathered(named);
  CHECK(told(companion) == std::vector<std::string>{"d 700 .", "f 600 pgsodium_root.key=secret"});
  CHECK(holds_vault_key(companion.summary()));
  CHECK_FALSE(holds_vault_key(gathered(command("printf secret")).summary()));
}

TEST_CASE("a command that fails is a problem that says how") {
  const auto problem = [](const std::string& shell) { return gathered(command(shell)).problem; };
  const std::string failed = problem("echo not this; echo \"no such container\" >&2; exit 7");
  CHECK(failed.find("exit status 7: no such container") != std::string::npos);
  CHECK(failed.find("not this") == std::string::npos);
  CHECK(problem("printf 'caf\\351\\033[1m\\nhere' >&2; exit 1").find("caf\xEF\xBF\xBD [1m here") != std::string::npos);
  CHECK(problem("kill -9 $$").find("signal 9") != std::string::npos);
  CHECK(problem(":").find("wrote nothing") != std::string::npos);
  CHECK(problem("cat").find("wrote nothing") != std::string::npos);  // it gets no input
  CompanionSource absent = command("");
  absent.command = {"/nowhere/docker"};
  CHECK(gathered(absent).problem.find("cannot be started: No such file or directory") != std::string::npos);
  CompanionSource endless = command("yes");
  endless.max_size = 100'000;
  CHECK(gathered(endless).problem.find("more of it than 100 kB") != std::string::npos);
}

TEST_CASE("a command gets none of our variables") {
  ::setenv("PGPASSWORD", "canary", 1);    // NOLINT(concurrency-mt-unsafe): no other thread reads them here
  ::setenv("COMPANION_TEST", "kept", 1);  // NOLINT(concurrency-mt-unsafe)
  const GatheredCompanion companion = gathered(command("env"));
  ::unsetenv("PGPASSWORD");  // NOLINT(concurrency-mt-unsafe)
  const std::string text = text_of_entry(companion, companion.entries.at(1));
  CHECK(text.find("canary") == std::string::npos);
  CHECK(text.find("COMPANION_TEST=kept") != std::string::npos);
  CHECK(text.find("PATH=") != std::string::npos);
}

TEST_CASE("a command that takes too long, or is cancelled, is ended with all that it started") {
  const ScratchDirectory scratch;
  const std::string file = scratch.path() + "/pid";
  CompanionSource source = command("sleep 1000 & echo $! >" + file + "; echo begun; wait");
  const auto child_is_gone = [&] {
    std::ifstream read(file);
    pid_t pid = 0;
    read >> pid;
    REQUIRE(pid > 0);
    return is_over(pid);
  };
  SECTION("too long") {
    source.time_limit = std::chrono::milliseconds(300);
    CHECK(gathered(source).problem.find("did not end within") != std::string::npos);
    CHECK(child_is_gone());
  }
  SECTION("cancelled") {
    std::stop_source stop;
    const auto cancel = [&](ByteView /*bytes*/) { stop.request_stop(); };
    CHECK(error_of([&] { run_companion_command(source.command, source.time_limit, cancel, stop.get_token()); }).kind() ==
          ErrorKind::cancelled);
    CHECK(child_is_gone());
  }
  SECTION("cancelled before") {
    std::stop_source stop;
    stop.request_stop();
    CHECK(error_of([&] { static_cast<void>(gathered(source, stop.get_token())); }).kind() == ErrorKind::cancelled);
  }
}

TEST_CASE("what a command leaves running does not hold it up") {
  const ScratchDirectory scratch;
  const std::string file = scratch.path() + "/pid";
  CompanionSource source = command("sleep 1000 & echo $! >" + file + "; echo done");
  source.time_limit = std::chrono::seconds(60);
  const GatheredCompanion companion = gathered(source);
  CHECK(told(companion) == std::vector<std::string>{"d 700 .", "f 600 it=done\n"});
  std::ifstream read(file);
  pid_t pid = 0;
  read >> pid;
  REQUIRE(pid > 0);
  CHECK(::kill(pid, SIGKILL) == 0);
}

TEST_CASE("names that look secret") {
  for (const char* name : {"pgsodium_root.key", "a/.env", ".env.local", "prod.env", "tls/SERVER.KEY", "cert.pem", "id_rsa",
                           "vault-key", "db_password", "client_secret.json", ".pgpass"}) {
    INFO(name);
    CHECK(looks_secret(name));
  }
  for (const char* name : {"index.ts", "environment.ts", "postgresql.conf", "secret/index.ts", "monkey", "keyboard"}) {
    INFO(name);
    CHECK_FALSE(looks_secret(name));
  }
}

TEST_CASE("a Vault key counts wherever it lies, and not when it is empty") {
  const ScratchDirectory scratch;
  for (int i = 0; i < 150; ++i) {
    write_file(scratch.path() + "/a/" + std::to_string(i) + ".key", "x");
  }
  write_file(scratch.path() + "/z/pgsodium_root.key", "k");
  const SummaryCompanion summary = gathered_path(scratch.path()).summary();
  CHECK(summary.secrets.size() == 100);
  CHECK(summary.secrets.front() == "z/pgsodium_root.key");
  CHECK(holds_vault_key(summary));
  write_file(scratch.path() + "/z/pgsodium_root.key", "");
  CHECK_FALSE(holds_vault_key(gathered_path(scratch.path()).summary()));
  SummaryCompanion failed = summary;
  failed.problem = "no";
  CHECK_FALSE(holds_vault_key(failed));
}

TEST_CASE("content reads back the same in memory and beyond") {
  CompanionContent content({}, 5U << 20U);
  Bytes piece(300'000);
  for (std::size_t i = 0; i < piece.size(); ++i) {
    piece[i] = static_cast<std::byte>(i * 7 % 251);
  }
  const std::size_t pieces = GENERATE(as<std::size_t>(), 2, 10);
  for (std::size_t i = 0; i < pieces; ++i) {
    content.append(piece);
  }
  content.cut(450'000);
  content.append(ByteView(piece).first(10));
  CHECK(content.size() == 450'010);
  Bytes back(150'010);
  content.read(300'000, back);
  CHECK(std::equal(piece.begin(), piece.begin() + 150'000, back.begin()));
  CHECK(std::equal(piece.begin(), piece.begin() + 10, back.begin() + 150'000));
}

}  // namespace companions_test
