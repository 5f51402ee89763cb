#include "unit/engine/fake_life.h"

namespace pgrecall::test {

using std::chrono::days;

RetentionPolicy fake_policy() {
  return {.daily = 4, .weekly = 2, .monthly = 2, .window = days(5), .local_day = [](Time time) {
            return std::chrono::local_days(std::chrono::floor<days>(time).time_since_epoch());
          }};
}

std::string text_of(const VerifyReport& report) {
  std::string text;
  for (const Finding& each : report.findings) {
    text += each.kind + ": " + each.object + ": " + each.problem + "\n";
  }
  return text;
}

FakeLife::FakeLife(Repository::Sealing sealing, std::chrono::seconds grace)
    : clock(parse_time("2026-01-28T02:30:00Z").value()),
      scratch(sealing, std::make_unique<MemoryStore>(clock)),
      backups(*scratch),
      settings{.cluster = cluster, .policy = fake_policy(), .grace = grace},
      source(fake_cluster()) {}

void FakeLife::change_source() {
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t& seed : seeds_) {
    seed = seed == 0 || random() % 6 == 0 ? 1 + random() % 1'000'000 : seed;
    seeds.push_back(seed);
  }
  source.file("base/5/16384").content = fake_relation(seeds);
  source.file("base/5/16390").content = fake_relation({1 + random() % 3, 2 + random() % 3});
}

BackupSummary FakeLife::take_backup() {
  const auto today = std::chrono::floor<days>(clock.now());
  const bool sunday = std::chrono::weekday(today) == std::chrono::Sunday;
  const bool first = std::chrono::year_month_day(today).day() == std::chrono::day(1);
  const Keep keep = first ? Keep::monthly : (sunday ? Keep::weekly : Keep::daily);
  const bool full = keep != Keep::daily || newest.empty();
  if (full) {
    backups.share_nothing();
  }
  newest = BackupId::make(clock.now(), full ? BackupKind::full : BackupKind::incremental).text;
  return backups.add(source, newest, FakeBackups::Wal::whole, [keep](BackupSummary& summary) { summary.keep = keep; });
}

void FakeLife::put_time() {
  put_wal_time(*scratch, cluster, source.system_identifier, {fake_timeline, backups.wal_end(), clock.now()});
}

void FakeLife::live_until_expire() {
  change_source();
  static_cast<void>(take_backup());
  backups.add_wal(source, 1);
  clock.advance(std::chrono::minutes(5 * 60 + 30));
  put_time();
}

ExpireResult FakeLife::run_expire(const Repository& repository) {
  const ExpirePlan plan = plan_expire(repository, settings, clock);
  Progress progress;
  return expire(repository, plan, settings, Confirmation::given, clock, progress, {});
}

VerifyReport FakeLife::run_verify(const Repository& repository) const {
  VerifyRequest request;
  request.cluster = cluster;
  Progress progress;
  return verify(repository, request, clock, progress, {});
}

}  // namespace pgrecall::test
