#include <catch2/catch.hpp>

#include "alert/sizes.h"
#include "unit/alert/healthy.h"

namespace backup_conditions_test {

using namespace pgrecall;
using namespace pgrecall::test;
using Catch::Matchers::Contains;

namespace {
JobFigures failed(const std::string& job) {
  JobFigures figures;
  figures.job = job;
  figures.last_run = "20261123T110000Z-shop-" + job;
  figures.last_result = "failed";
  figures.last_completion = noon - 1h;
  figures.last_error_kind = "store_unreachable";
  figures.last_error_message = "no space left on device";
  figures.last_error_hint = "make room";
  return figures;
}

JobFigures succeeded(const std::string& job, Time when) {
  JobFigures figures;
  figures.job = job;
  figures.last_result = "done";
  figures.last_success = when;
  figures.last_completion = when;
  return figures;
}

ServiceFigures with_jobs(std::vector<JobFigures> jobs) {
  return cluster_with([&](ClusterFigures& cluster) { cluster.jobs = std::move(jobs); });
}
}  // namespace

TEST_CASE("a run that failed, and is not tried again", "[alert]") {
  const auto found = judged_in(with_jobs({failed("daily")}));
  REQUIRE(found.size() == 1);
  const Alert& alert = found[0].alert;
  CHECK(alert.name == "PgrecallRunFailed");
  CHECK(alert.severity == Severity::warning);
  CHECK(alert.subject == "daily");
  CHECK(alert.run == "20261123T110000Z-shop-daily");
  CHECK(alert.summary == "daily of shop failed at 2026-11-23T11:00:00Z: no space left on device.");
  CHECK_THAT(alert.action, Contains("Hint: make room.") && Contains("pgrecall runs --log 20261123T110000Z-shop-daily") &&
                               Contains("pgrecall backup shop."));
  CHECK_THAT(judged_in(with_jobs({failed("check")}))[0].alert.action, Contains("pgrecall check shop."));
  JobFigures again = failed("daily");
  again.tried_again = true;
  CHECK(names_of(with_jobs({again})) == Names{});
  JobFigures warned = failed("daily");
  warned.last_result = "warnings";
  CHECK(names_of(with_jobs({warned})) == Names{});
}

TEST_CASE("a failed backup is made up for by any later one, and by nothing else", "[alert]") {
  CHECK(names_of(with_jobs({failed("daily"), succeeded("backup", noon)})) == Names{});
  CHECK(names_of(with_jobs({failed("daily"), succeeded("weekly", noon - 1h)})) == Names{"PgrecallRunFailed"});
  CHECK(names_of(with_jobs({failed("daily"), succeeded("check", noon)})) == Names{"PgrecallRunFailed"});
  CHECK(names_of(with_jobs({failed("check"), succeeded("backup", noon)})) == Names{"PgrecallRunFailed"});
}

TEST_CASE("runs that were missed, until one of the job succeeds", "[alert]") {
  JobFigures job = succeeded("verify", noon - 3h);
  job.last_missed = noon - 2h;
  job.missed_reason = "it could not start in time";
  job.next = noon + 24h;
  const auto found = judged_in(with_jobs({job}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallRunsMissed");
  CHECK(found[0].alert.subject == "verify");
  CHECK_THAT(found[0].alert.summary, Contains("due at 2026-11-23T10:00:00Z") && Contains("it could not start in time."));
  CHECK_THAT(found[0].alert.action, Contains("2026-11-24T12:00:00Z") && Contains("pgrecall verify shop"));
  job.last_success = noon - 1h;
  CHECK(names_of(with_jobs({job})) == Names{});
}

TEST_CASE("an expire that waits is no failed run", "[alert]") {
  JobFigures expire = failed("expire");
  expire.needs_confirmation = true;
  const auto found = judged_in(with_jobs({expire}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallExpireWaits");
  CHECK_THAT(found[0].alert.action, Contains("pgrecall expire shop --confirm"));
}

TEST_CASE("a backup that is too old, or never was", "[alert]") {
  const auto aged = [](std::chrono::microseconds age) {
    return cluster_with([&](ClusterFigures& cluster) { cluster.newest_backup_started = noon - age; });
  };
  CHECK(names_of(aged(26h)) == Names{});
  const auto found = judged_in(aged(26h + 1s));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallBackupTooOld");
  CHECK(found[0].alert.severity == Severity::critical);
  CHECK_THAT(found[0].alert.summary, Contains("1 d 2 h old") && Contains("2026-11-22T09:59:59Z"));

  const auto never = [](std::chrono::microseconds guarded, double allowed = 26 * 3600.0) {
    return cluster_with([&](ClusterFigures& cluster) {
      cluster.newest_backup_started.reset();
      cluster.first_backup_started.reset();
      cluster.recoverable_from.reset();
      cluster.recoverable_until.reset();
      cluster.guarded_since = noon - guarded;
      cluster.targets.backup_max_age_seconds = allowed;
    });
  };
  CHECK(names_of(never(2h)) == Names{});
  CHECK(names_of(never(2h + 1s)) == Names{"PgrecallBackupTooOld"});
  CHECK(names_of(never(6s, 5)) == Names{"PgrecallBackupTooOld"});
  CHECK(names_of(never(48h, 0)) == Names{});  // none is promised
  auto unread = never(48h);
  unread.clusters.front().window_problem = "permission denied";
  CHECK(names_of(unread) == Names{"PgrecallClusterUnguarded"});  // whether there is one is not known
}

TEST_CASE("a drill that is too old, or never passed", "[alert]") {
  const auto drilled = [](std::optional<std::chrono::microseconds> age, std::chrono::microseconds first_backup, double allowed) {
    return cluster_with([&](ClusterFigures& cluster) {
      cluster.targets.drill_max_age_seconds = allowed;
      cluster.first_backup_started = noon - first_backup;
      cluster.guarded_since = noon - first_backup;
      if (age) {
        cluster.drill.last_success = noon - *age;
        cluster.drill.proven_until = noon - *age - 1h;
      }
    });
  };
  constexpr double two_days = 2 * 86'400;
  CHECK(names_of(drilled(48h, 100h, two_days)) == Names{});
  const auto found = judged_in(drilled(48h + 1s, 100h, two_days));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallDrillTooOld");
  CHECK(found[0].alert.severity == Severity::warning);
  CHECK_THAT(found[0].alert.summary, Contains("for 2 d") && Contains("2026-11-21T10:59:59Z"));
  CHECK(names_of(drilled(std::nullopt, 48h, two_days)) == Names{});
  const auto never = judged_in(drilled(std::nullopt, 48h + 1s, two_days));
  REQUIRE(never.size() == 1);
  CHECK_THAT(never[0].alert.summary, Contains("ever passed"));
  CHECK(names_of(drilled(std::nullopt, 1000h, 0)) == Names{});  // none is scheduled
  auto failing = drilled(49h, 100h, two_days);
  failing.clusters.front().drill.last_problem = "target: not reached";
  CHECK_THAT(judged_in(failing)[0].alert.action, Contains("The last one failed: target: not reached. See"));
}

TEST_CASE("damage that verify found is told once, and not as a failed run", "[alert]") {
  JobFigures verify = failed("verify");
  verify.last_error_kind = "corruption";
  const auto damaged = [&](std::uint64_t objects) {
    return cluster_with([&](ClusterFigures& cluster) {
      cluster.jobs = {verify};
      cluster.damaged_objects = objects;
      cluster.damage = "chunk clusters/shop/packs/ab/cd";
    });
  };
  const auto found = judged_in(damaged(1));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallVerifyDamage");
  CHECK(found[0].alert.severity == Severity::critical);
  CHECK_THAT(found[0].alert.summary, Contains("1 object, the first is chunk clusters/shop/packs/ab/cd."));
  CHECK(names_of(damaged(0)) == Names{"PgrecallRunFailed"});
}

TEST_CASE("pages that failed their checksum, as long as the newest backup has them", "[alert]") {
  const auto pages = [](std::uint64_t older, std::uint64_t newest) {
    return cluster_with([&](ClusterFigures& cluster) {
      cluster.backups.resize(2);
      cluster.backups[0].page_failures = older;
      cluster.backups[1].page_failures = newest;
      cluster.backups[1].id = "20261123T023000Z-incr";
    });
  };
  CHECK(names_of(pages(3, 0)) == Names{});
  const auto found = judged_in(pages(0, 3));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallPageChecksumErrors");
  CHECK(found[0].alert.severity == Severity::critical);
  CHECK_THAT(found[0].alert.action, Contains("pgrecall show shop 20261123T023000Z-incr"));
}

TEST_CASE("companions that the newest backup lacks, and the key of a Supabase's Vault", "[alert]") {
  const auto backed_up = [](const std::string& older, const std::string& newest, bool expected, bool vault_key) {
    return cluster_with([&](ClusterFigures& cluster) {
      cluster.backups.resize(2);
      cluster.backups[0].companions = {{"functions", 1, 1, older}};
      cluster.backups[1].companions = {{"functions", 1, 1, newest}, {"env", 1, 1, ""}};
      cluster.backups[1].id = "20261123T023000Z-incr";
      cluster.backups[0].vault_key = true;
      cluster.backups[1].vault_key = vault_key;
      cluster.vault_key_expected = expected;
    });
  };
  CHECK(names_of(backed_up("not permitted", "", false, false)) == Names{});
  CHECK(names_of(backed_up("", "", true, true)) == Names{});
  const auto found = judged_in(backed_up("", "not permitted", true, true));
  REQUIRE(found.size() == 1);
  CHECK(found[0].alert.name == "PgrecallCompanionMissing");
  CHECK(found[0].alert.severity == Severity::warning);
  CHECK(found[0].alert.subject == "functions");
  CHECK_THAT(found[0].alert.summary, Contains("20261123T023000Z-incr") && Contains("functions: not permitted."));
  const auto vault = judged_in(backed_up("", "", true, false));
  REQUIRE(vault.size() == 1);
  CHECK(vault[0].alert.subject == "Vault key");
  CHECK_THAT(vault[0].alert.summary, Contains("pgsodium_root.key"));
  CHECK(judged_in(backed_up("", "not permitted", true, false)).size() == 2);
}

namespace {
constexpr std::uint64_t mib = 1U << 20U;
std::vector<std::uint64_t> in_mib(std::vector<std::uint64_t> sizes) {
  for (std::uint64_t& size : sizes) {
    size *= mib;
  }
  return sizes;
}
}  // namespace

TEST_CASE("sizes are judged by median and spread", "[alert]") {
  CHECK_FALSE(unusual_size({}));
  CHECK_FALSE(unusual_size(in_mib({100, 100, 100, 900})));  // three are too few to compare with
  const auto grown = unusual_size(in_mib({100, 100, 100, 100, 151}));
  REQUIRE(grown);
  CHECK(grown->median == 100 * mib);
  CHECK(grown->samples == 4);
  CHECK_FALSE(unusual_size(in_mib({100, 100, 100, 100, 150})));  // half more
  CHECK(unusual_size(in_mib({100, 100, 100, 100, 49})));
  CHECK_FALSE(unusual_size(in_mib({100, 100, 100, 100, 50})));
  CHECK_FALSE(unusual_size(in_mib({1, 1, 1, 1, 33})));  // tiny changes
  CHECK(unusual_size(in_mib({1, 1, 1, 1, 34})));
  // What differs much anyhow may differ more: the median distance is 100 MiB, times 1.4826, times 5.
  CHECK_FALSE(unusual_size(in_mib({100, 200, 300, 400, 500, 1041})));
  CHECK(unusual_size(in_mib({100, 200, 300, 400, 500, 1042})));
}

TEST_CASE("only the last 14 count, and a size that stays is the new normal", "[alert]") {
  std::vector<std::uint64_t> sizes(50, 900);
  sizes.insert(sizes.end(), 14, 100);
  sizes.push_back(120);
  CHECK_FALSE(unusual_size(in_mib(sizes)));
  sizes.back() = 900;
  CHECK(unusual_size(in_mib(sizes))->samples == 14);
  sizes.push_back(800);
  CHECK_FALSE(unusual_size(in_mib(sizes)));
  sizes.back() = 400;  // unusual, and another than the one before
  CHECK(unusual_size(in_mib(sizes)));
  sizes.back() = 100;
  CHECK_FALSE(unusual_size(in_mib(sizes)));
}

TEST_CASE("backups are compared with those of their kind, by what they hold and by what they stored", "[alert]") {
  const auto with = [](std::uint64_t logical, std::uint64_t stored) {
    return cluster_with([&](ClusterFigures& cluster) {
      for (int i = 0; i < 5; ++i) {
        for (const char* keep : {"weekly", "daily"}) {
          BackupFigures& backup = cluster.backups.emplace_back();
          backup.keep = keep;
          backup.logical_bytes = 1000 * mib;
          backup.stored_bytes = (backup.keep == "weekly" ? 500 : 10) * mib;
        }
      }
      cluster.backups.back().id = "20261123T023000Z-incr";
      cluster.backups.back().logical_bytes = logical * mib;
      cluster.backups.back().stored_bytes = stored * mib;
    });
  };
  CHECK(names_of(with(1000, 10)) == Names{});
  const auto found = judged_in(with(100, 500));
  REQUIRE(found.size() == 2);
  CHECK(found[0].alert.name == "PgrecallBackupSizeUnusual");
  CHECK(found[0].alert.severity == Severity::warning);
  CHECK(found[0].alert.subject == "daily logical");
  CHECK_THAT(found[0].alert.summary, Contains("is of 105 MB") && Contains("the 4 before it is 1.05 GB"));
  CHECK_THAT(found[0].alert.action, Contains("dropped or truncated"));
  CHECK(found[1].alert.subject == "daily stored");
  CHECK_THAT(found[1].alert.action, Contains("loaded or rewritten"));
}

}  // namespace backup_conditions_test
