#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <random>

#include "engine/restore.h"
#include "engine/verify.h"
#include "fault/damaged_store.h"
#include "unit/engine/fake_backups.h"

// One object of a small repository is damaged at a time. Verify names it; restore names it or brings back every byte as it was
// (where it does not need what is damaged). Nothing else may happen: no other error, no crash, no wrong byte.

using namespace pgrecall;
using namespace pgrecall::test;

namespace {

namespace fs = std::filesystem;

#ifdef PGRECALL_FEW_POSITIONS
constexpr std::size_t verify_positions = 150;
constexpr std::size_t verify_sealed_positions = 80;
constexpr std::size_t restore_positions = 40;
#else
constexpr std::size_t verify_positions = 1'000'000;  // all
constexpr std::size_t verify_sealed_positions = 2000;
constexpr std::size_t restore_positions = 2000;
#endif

constexpr std::uint32_t seed = 20261123;

// Restores end in syncfs(2): in memory that costs nothing.
class RestoreDirectory {
 public:
  RestoreDirectory() {
    const fs::path shared = "/dev/shm";
    std::string pattern =
        ((::access(shared.c_str(), W_OK) == 0 ? shared : fs::temp_directory_path()) / "pgrecall-corruption-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  RestoreDirectory(const RestoreDirectory&) = delete;
  RestoreDirectory& operator=(const RestoreDirectory&) = delete;
  ~RestoreDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  // Empty, every time.
  [[nodiscard]] std::string fresh() const {
    fs::remove_all(path_ + "/data");
    fs::remove_all(path_ + "/data.configuration");
    return path_ + "/data";
  }
  // Every file that the last restore wrote.
  [[nodiscard]] std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    for (const auto& each : fs::recursive_directory_iterator(path_)) {
      if (each.is_regular_file()) {
        std::ifstream file(each.path(), std::ios::binary);
        found[each.path().string().substr(path_.size() + 1)] = {std::istreambuf_iterator<char>(file), {}};
      }
    }
    return found;
  }

 private:
  std::string path_;
};

enum class Change { flipped, truncated, extended, missing };

struct Damage {
  std::string object;
  Change change = Change::flipped;
  std::size_t at = 0;  // the byte that is flipped, or the size that is left

  [[nodiscard]] std::optional<Bytes> apply(Bytes content) const {
    switch (change) {
      case Change::flipped: content.at(at) ^= std::byte{0x10}; return content;
      case Change::truncated: content.resize(at); return content;
      case Change::extended: content.push_back(std::byte{0}); return content;
      case Change::missing: break;
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string to_string() const {
    constexpr std::array<const char*, 4> words = {"flipped at ", "cut to ", "extended ", "missing "};
    return object + " " + words.at(static_cast<std::size_t>(change)) + std::to_string(at);
  }
};

class Trial {
 public:
  explicit Trial(Repository::Sealing sealing) : filled_(sealing), store_(filled_.scratch().store()) {
    restore_into(*filled_);
    intact_ = directory_.files();
    for (const std::string& object : filled_.objects()) {
      contents_[object] = filled_.scratch().content(object);
    }
  }

  [[nodiscard]] const std::map<std::string, Bytes>& contents() const { return contents_; }
  [[nodiscard]] const std::map<std::string, std::string>& intact() const { return intact_; }
  [[nodiscard]] const FakeCluster& source() const { return filled_.second(); }

  void verify_names(const Damage& damage) {
    with(damage, [&](const Repository& repository) { judge(damage, repository); });
  }

  // Error{corruption} naming the object, or all bytes as they were.
  void restore_names_or_is_right(const Damage& damage) {
    with(damage, [&](const Repository& repository) {
      try {
        restore_into(repository);
      } catch (const Error& error) {
        expect_corruption(damage, error);
        CHECK_FALSE(fs::exists(directory_.fresh() + "/global/pg_control"));
        return;
      }
      ++restored_;
      auto expected = intact_;
      if (damage.change == Change::missing && damage.object.ends_with(".history")) {
        expected.erase("data/pg_wal/00000002.history");
      }
      CHECK((directory_.files() == expected));
    });
  }
  [[nodiscard]] std::size_t restored() const { return restored_; }

 private:
  // Opening is part of the trial: a repository may refuse to be opened, by the name of what is damaged.
  template <typename Call>
  void with(const Damage& damage, const Call& call) {
    INFO(damage.to_string());
    store_.damage(damage.object, damage.apply(contents_.at(damage.object)));
    try {
      const Repository repository = filled_.scratch().opened_through(store_);
      call(repository);
    } catch (const Error& error) {
      expect_corruption(damage, error);
    } catch (const std::exception& error) {
      FAIL_CHECK("not an Error: " << error.what());
    }
  }

  static void expect_corruption(const Damage& damage, const Error& error) {
    INFO(error.what());
    if (damage.change == Change::missing && damage.object == "pgrecall.json") {
      CHECK(error.kind() == ErrorKind::no_repository);
    } else if (damage.change == Change::missing && damage.object.starts_with("keys/")) {
      CHECK(error.kind() == ErrorKind::wrong_key);
    } else {
      CHECK(error.kind() == ErrorKind::corruption);
      // A segment of which a tail is missing is named as a segment.
      CHECK(damage.object.substr(0, damage.change == Change::missing ? damage.object.find('.') : std::string::npos) ==
            error.context("object"));
    }
  }

  static void judge(const Damage& damage, const Repository& repository) {
    static const ManualClock clock(parse_time("2026-12-01T00:00:00Z").value());
    VerifyRequest request;
    request.cluster = cluster;
    request.workers = 1;
    Progress progress;
    const VerifyReport report = verify(repository, request, clock, progress, {});
    const NameKind kind = parse_object_name(damage.object).kind;
    std::string found;
    bool named = false;
    for (const Finding& each : report.findings) {
      found += each.kind + ": " + each.object + ": " + each.problem + "\n";
      named = named || (each.severity == FindingSeverity::damage && each.object == damage.object);
    }
    INFO(found);
    if (damage.change != Change::missing) {
      CHECK(named);
      return;
    }
    // What may be missing: a backup without its summary is none, a tail is missing from its segment, the others are needed by
    // nothing.
    switch (kind) {
      case NameKind::summary:
      case NameKind::history: CHECK((!report.damaged() && !report.findings.empty())); break;
      case NameKind::wal_tail: CHECK(report.damaged()); break;
      case NameKind::mark:
      case NameKind::lease: CHECK(report.findings.empty()); break;
      default: CHECK(named);
    }
  }

  void restore_into(const Repository& repository) {
    RestoreRequest request;
    request.cluster = cluster;
    request.backup = BackupId{FilledRepository::second_id};
    request.into = directory_.fresh();
    request.workers = 1;
    Progress progress;
    (void)restore(repository, plan_restore(repository, request), progress, {});
  }

  FilledRepository filled_;
  DamagedStore store_;
  RestoreDirectory directory_;
  std::map<std::string, std::string> intact_;
  std::map<std::string, Bytes> contents_;
  std::size_t restored_ = 0;
};

// Every byte of every object, or a random choice of as many as wanted.
std::vector<Damage> flips(const Trial& trial, std::size_t wanted) {
  std::vector<Damage> all;
  for (const auto& [object, content] : trial.contents()) {
    for (std::size_t at = 0; at < content.size(); ++at) {
      all.push_back({object, Change::flipped, at});
    }
  }
  if (all.size() > wanted) {
    std::mt19937 random(seed);
    std::shuffle(all.begin(), all.end(), random);
    all.resize(wanted);
  }
  return all;
}

// Other sizes than the right one.
std::vector<Damage> other_sizes(const Trial& trial) {
  std::vector<Damage> all;
  for (const auto& [object, content] : trial.contents()) {
    const std::size_t size = content.size();
    for (const std::size_t left : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{64}, size / 2, size - 1}) {
      if (left < size) {
        all.push_back({object, Change::truncated, left});
      }
    }
    all.push_back({object, Change::extended, size + 1});
    all.push_back({object, Change::missing, 0});
  }
  return all;
}

Repository::Sealing any_sealing() { return GENERATE(Repository::Sealing::none, Repository::Sealing::sealed); }

}  // namespace

TEST_CASE("what is intact restores to the bytes that were backed up", "[corruption]") {
  const Trial trial(any_sealing());
  for (const FakeFile& file : trial.source().files) {
    if (file.tree == EntryTree::companion) {
      CHECK_FALSE(trial.intact().contains("data/" + file.path));  // a restore of the database leaves them
      continue;
    }
    const std::string tree = file.tree == EntryTree::data_directory ? "data/" : "data.configuration/";
    INFO(file.path);
    REQUIRE(trial.intact().contains(tree + file.path));
    CHECK(trial.intact().at(tree + file.path) == text_of(file.content));
  }
}

TEST_CASE("verify names the object that has one wrong byte", "[corruption]") {
  const auto sealing = any_sealing();
  Trial trial(sealing);
  const auto damages = flips(trial, sealing == Repository::Sealing::none ? verify_positions : verify_sealed_positions);
  std::cout << "verify: " << damages.size() << " wrong bytes, seed " << seed << "\n";
  for (const Damage& damage : damages) {
    trial.verify_names(damage);
  }
}

TEST_CASE("verify names the object that has another size or is missing", "[corruption]") {
  Trial trial(any_sealing());
  for (const Damage& damage : other_sizes(trial)) {
    trial.verify_names(damage);
  }
}

TEST_CASE("restore never writes a wrong byte when one is wrong in the repository", "[corruption]") {
  Trial trial(any_sealing());
  const auto damages = flips(trial, restore_positions);
  std::cout << "restore: " << damages.size() << " wrong bytes, seed " << seed << "\n";
  for (const Damage& damage : damages) {
    trial.restore_names_or_is_right(damage);
  }
  // Both outcomes happen: the older backup's summary, marks and leases are of no matter to the newer backup.
  CHECK(trial.restored() > 0);
  CHECK(trial.restored() < damages.size());
}

TEST_CASE("restore never writes a wrong byte when an object is cut or missing", "[corruption]") {
  Trial trial(any_sealing());
  for (const Damage& damage : other_sizes(trial)) {
    if (damage.change == Change::missing && damage.object.ends_with("/summary")) {
      continue;  // then it is no backup
    }
    trial.restore_names_or_is_right(damage);
  }
}
