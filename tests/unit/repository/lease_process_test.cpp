#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "repository/lease.h"
#include "repository/lease_record.h"
#include "scratch_repository.h"
#include "store/posix_store.h"

namespace lease_process_test {

using namespace pgrecall;
using namespace pgrecall::test;
using namespace std::chrono_literals;

namespace {

constexpr Lease::Options by_hand{90s, 0ms};

// A child that runs `work`, then says so and waits to be killed.
class Child {
 public:
  template <typename Work>
  explicit Child(const Work& work) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      const char done = work() ? 'y' : 'n';
      // The result is seen by the parent; without it the parent reads an end of file.
      if (::write(ends[1], &done, 1) == 1) {
        ::pause();
      }
      ::_exit(0);
    }
    ::close(ends[1]);
    REQUIRE(::read(ends[0], &answer_, 1) == 1);
    ::close(ends[0]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    kill();
    reap();
  }
  [[nodiscard]] bool worked() const { return answer_ == 'y'; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // It is a zombie then, until it is reaped.
  void kill() {
    if (pid_ > 0 && !killed_) {
      ::kill(pid_, SIGKILL);
      siginfo_t info;
      ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
      killed_ = true;
    }
  }
  void reap() {
    if (pid_ > 0) {
      ::waitpid(pid_, nullptr, 0);
      pid_ = -1;
    }
  }

 private:
  pid_t pid_ = -1;
  char answer_ = '?';
  bool killed_ = false;
};

struct Fixture {
  ScratchDirectory directory;
  std::unique_ptr<ObjectStore> store = open_store(directory.path() + "/repository");
  SystemClock clock;
  Repository repository = Repository::create(*store, Repository::Sealing::none, {}, clock);
  std::optional<Lease::Holder> holder;

  [[nodiscard]] std::unique_ptr<Lease> acquire() { return Lease::acquire(repository, "prod", "backup", clock, holder, by_hand); }
  // Holds the lease in another process, which never gives it back.
  [[nodiscard]] bool take_and_keep() { return acquire().release() != nullptr; }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "A living process on this host keeps its lease, a killed one's heals at once") {
  Child child([&] { return take_and_keep(); });
  REQUIRE(child.worked());
  CHECK_FALSE(acquire());
  CHECK(holder->owner.ends_with("pid " + std::to_string(child.pid())));
  child.kill();
  SECTION("while it is a zombie") {}
  SECTION("when it is gone") { child.reap(); }
  const auto lease = acquire();
  REQUIRE(lease);
  lease->require();
}

TEST_CASE_METHOD(Fixture, "A lease of a process that has our PID, but started at another time, heals at once") {
  LeaseRecord record{{"x", clock.now(), clock.now() + 1h, "backup"}, ProcessIdentity::self(), "feedface"};
  record.process.pid_started += GENERATE(0U, 1U);
  const std::string text = format_lease(record);
  REQUIRE(store->put("leases/prod", MemoryBody(bytes_of(text))) == PutResult::created);
  CHECK(acquire());
}

TEST_CASE_METHOD(Fixture, "Of many processes that want a lease at once, one gets it") {
  Child* children[4] = {};
  int winners = 0;
  std::vector<std::unique_ptr<Child>> owned;
  for (std::size_t i = 0; i < std::size(children); ++i) {
    owned.push_back(std::make_unique<Child>([&] { return take_and_keep(); }));
    winners += owned.back()->worked() ? 1 : 0;
  }
  CHECK(winners == 1);
}

TEST_CASE("Who is dead is told only where it is certain") {
  const ProcessIdentity self = ProcessIdentity::self();
  REQUIRE_FALSE(self.host.empty());
  REQUIRE(self.pid_started > 0);
  CHECK_FALSE(self.certainly_dead());
  ProcessIdentity other = self;
  other.pid_started += 1;
  CHECK(other.certainly_dead());
  other.host = "another";
  CHECK_FALSE(other.certainly_dead());
  other.host.clear();
  CHECK_FALSE(other.certainly_dead());
  const ProcessIdentity parent{self.host, static_cast<std::uint64_t>(::getppid()), 0};
  CHECK_FALSE(parent.certainly_dead());
}

TEST_CASE_METHOD(Fixture, "The lease's own thread renews it until it is given back") {
  auto lease = Lease::acquire(repository, "prod", "backup", clock, holder, {90s, 1ms});
  REQUIRE(lease);
  const std::string first = store->open("leases/prod")->version();
  // Ends when the thread has renewed; the test's time limit ends it otherwise.
  while (true) {
    const auto reader = store->open("leases/prod");
    REQUIRE(reader);
    if (reader->version() != first) {
      break;
    }
    std::this_thread::yield();
  }
  lease->require();
  lease.reset();
  CHECK_FALSE(store->open("leases/prod"));
}

}  // namespace lease_process_test
