#include <algorithm>

#include "alert/book.h"
#include "journal/database.h"

// How the book is kept in the journal's file.

namespace pgrecall {

namespace {
// Pending alerts are not kept: their time begins anew with the daemon, which may just have to connect first. `gone` and `settle`
// are of the row, `owed` is what was decided to be told and may not have been handed over.
constexpr const char* schema = R"sql(
  CREATE TABLE IF NOT EXISTS alerts (
    fingerprint TEXT PRIMARY KEY, name TEXT NOT NULL, severity TEXT NOT NULL, cluster TEXT NOT NULL, subject TEXT NOT NULL,
    summary TEXT NOT NULL, action TEXT NOT NULL, runbook TEXT NOT NULL, run TEXT NOT NULL, state TEXT NOT NULL,
    since INTEGER NOT NULL, told INTEGER, times_told INTEGER NOT NULL, resolved INTEGER, gone INTEGER, settle INTEGER NOT NULL,
    owed INTEGER NOT NULL, owed_since INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS past_alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL, name TEXT NOT NULL, severity TEXT NOT NULL,
    cluster TEXT NOT NULL, subject TEXT NOT NULL, summary TEXT NOT NULL, action TEXT NOT NULL, runbook TEXT NOT NULL,
    run TEXT NOT NULL, since INTEGER NOT NULL, told INTEGER, times_told INTEGER NOT NULL, resolved INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS past_alerts_by_fingerprint ON past_alerts (fingerprint, resolved);
  CREATE TABLE IF NOT EXISTS happenings (
    fingerprint TEXT PRIMARY KEY, name TEXT NOT NULL, severity TEXT NOT NULL, cluster TEXT NOT NULL, subject TEXT NOT NULL,
    summary TEXT NOT NULL, action TEXT NOT NULL, runbook TEXT NOT NULL, run TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS silences (
    id INTEGER PRIMARY KEY AUTOINCREMENT, cluster TEXT NOT NULL, why TEXT NOT NULL, who TEXT NOT NULL, created INTEGER NOT NULL,
    until INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS tried (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL);
)sql";

void bind_alert(Statement& statement, const Alert& alert) {
  statement.bind(alert.name)
      .bind(name(alert.severity))
      .bind(alert.cluster)
      .bind(alert.subject)
      .bind(alert.summary)
      .bind(alert.action)
      .bind(alert.runbook)
      .bind(alert.run);
}

Alert read_alert(Statement& row) {
  Alert alert;
  alert.name = row.text();
  alert.severity = parse_severity(row.text()).value_or(Severity::critical);
  alert.cluster = row.text();
  alert.subject = row.text();
  alert.summary = row.text();
  alert.action = row.text();
  alert.runbook = row.text();
  alert.run = row.text();
  return alert;
}

AlertState parse_state(const std::string& text) {
  for (const AlertState state : {AlertState::settling, AlertState::resolved}) {
    if (text == name(state)) {
      return state;
    }
  }
  return AlertState::firing;
}
}  // namespace

AlertBook::AlertBook(const std::string& directory, Tell tell)
    : database_(std::make_unique<Database>(directory + "/state.db")), tell_(std::move(tell)) {
  // Unlike the journal, which is a cache: what was told to whom is known nowhere else.
  database_->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database_->execute(schema);
  // Silences of earlier versions are of all alerts.
  if (!Statement(*database_, "SELECT 1 FROM pragma_table_info('silences') WHERE name = 'alert'").step()) {
    database_->execute("ALTER TABLE silences ADD COLUMN alert TEXT NOT NULL DEFAULT ''");
  }
  load();
}

AlertBook::~AlertBook() = default;

void AlertBook::load() {
  Statement rows(*database_,
                 "SELECT fingerprint, name, severity, cluster, subject, summary, action, runbook, run, state, since, told, "
                 "times_told, resolved, gone, settle, owed, owed_since FROM alerts");
  while (rows.step()) {
    Row row;
    row.entry.fingerprint = rows.text();
    row.entry.alert = read_alert(rows);
    row.entry.state = parse_state(rows.text());
    row.entry.since = rows.time();
    row.entry.told = rows.optional_time();
    row.entry.times_told = static_cast<std::uint64_t>(rows.number());
    row.entry.resolved = rows.optional_time();
    row.gone = rows.optional_time();
    row.settle = std::chrono::microseconds(rows.number());
    row.owed = static_cast<Owed>(std::clamp(rows.number(), std::int64_t{0}, std::int64_t{3}));
    row.owed_since = rows.time();
    rows_.emplace(row.entry.fingerprint, std::move(row));
  }
  load_silences();
  load_happenings();
  Statement ended(*database_, "SELECT fingerprint, max(resolved) FROM past_alerts GROUP BY fingerprint");
  while (ended.step()) {
    const std::string fingerprint = ended.text();
    ended_[fingerprint] = ended.time();
  }
}

void AlertBook::load_silences() {
  Statement silences(*database_, "SELECT id, cluster, alert, why, who, created, until FROM silences");
  while (silences.step()) {
    Silence& silence = silences_.emplace_back();
    silence.id = silences.number();
    silence.cluster = silences.text();
    silence.alert = silences.text();
    silence.why = silences.text();
    silence.who = silences.text();
    silence.created = silences.time();
    silence.until = silences.time();
  }
}

void AlertBook::load_happenings() {
  Statement rows(*database_,
                 "SELECT fingerprint, name, severity, cluster, subject, summary, action, runbook, run, until FROM happenings");
  while (rows.step()) {
    const std::string fingerprint = rows.text();
    Happening& happening = happenings_[fingerprint];
    happening.alert = read_alert(rows);
    happening.until = rows.time();
  }
}

void AlertBook::store(const Row& row) {
  const AlertEntry& entry = row.entry;
  Statement statement(*database_, "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  statement.bind(entry.fingerprint);
  bind_alert(statement, entry.alert);
  statement.bind(name(entry.state))
      .bind(std::optional(entry.since))
      .bind(entry.told)
      .bind(static_cast<std::int64_t>(entry.times_told))
      .bind(entry.resolved)
      .bind(row.gone)
      .bind(std::int64_t{row.settle.count()})
      .bind(static_cast<std::int64_t>(row.owed))
      .bind(std::optional(row.owed_since))
      .run();
}

void AlertBook::store_changes(Time now) {
  const auto to_keep = [](const auto& each) { return each.second.changed && each.second.entry.state != AlertState::pending; };
  const auto unwritten = [](const auto& each) { return !each.second.written; };
  const auto over = [now](const auto& each) { return each.second.until <= now; };
  if (unclosed_.empty() && std::none_of(rows_.begin(), rows_.end(), to_keep) &&
      std::none_of(happenings_.begin(), happenings_.end(), unwritten) &&
      std::none_of(happenings_.begin(), happenings_.end(), over)) {
    return;
  }
  Transaction transaction(*database_);
  std::for_each(unclosed_.begin(), unclosed_.end(), [this](const Row& row) { close(row); });
  for (const auto& each : rows_) {
    if (to_keep(each)) {
      store(each.second);
    }
  }
  for (const auto& each : happenings_) {
    if (unwritten(each)) {
      store(each.second);
    }
  }
  Statement(*database_, "DELETE FROM happenings WHERE until <= ?").bind(std::optional(now)).run();
  transaction.commit();
  unclosed_.clear();
  for (auto& [print, row] : rows_) {
    row.changed = row.changed && row.entry.state == AlertState::pending;
  }
  std::erase_if(happenings_, over);
  for (auto& [print, happening] : happenings_) {
    happening.written = true;
  }
}

void AlertBook::close(const Row& row) {
  const AlertEntry& entry = row.entry;
  Statement(*database_, "DELETE FROM alerts WHERE fingerprint = ?").bind(entry.fingerprint).run();
  Statement statement(*database_,
                      "INSERT INTO past_alerts (fingerprint, name, severity, cluster, subject, summary, action, runbook, run, "
                      "since, told, times_told, resolved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  statement.bind(entry.fingerprint);
  bind_alert(statement, entry.alert);
  statement.bind(std::optional(entry.since))
      .bind(entry.told)
      .bind(static_cast<std::int64_t>(entry.times_told))
      .bind(entry.resolved)
      .run();
}

std::vector<AlertEntry> AlertBook::past(unsigned limit) const {
  Statement rows(*database_,
                 "SELECT fingerprint, name, severity, cluster, subject, summary, action, runbook, run, since, told, times_told, "
                 "resolved FROM past_alerts ORDER BY id DESC LIMIT ?");
  rows.bind(std::int64_t{limit});
  std::vector<AlertEntry> entries;
  while (rows.step()) {
    AlertEntry& entry = entries.emplace_back();
    entry.fingerprint = rows.text();
    entry.alert = read_alert(rows);
    entry.state = AlertState::resolved;
    entry.since = rows.time();
    entry.told = rows.optional_time();
    entry.times_told = static_cast<std::uint64_t>(rows.number());
    entry.resolved = rows.optional_time();
  }
  return entries;
}

void AlertBook::happen(const Alert& alert, Time until) {
  Happening& happening = happenings_[fingerprint(alert)];
  happening = {.alert = alert, .until = until, .written = false};
  store(happening);
  happening.written = true;
}

void AlertBook::store(const Happening& happening) {
  Statement statement(*database_, "INSERT OR REPLACE INTO happenings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  statement.bind(fingerprint(happening.alert));
  bind_alert(statement, happening.alert);
  statement.bind(std::optional(happening.until)).run();
}

void AlertBook::add_happenings(std::vector<Judged>& conditions, Time now) {
  for (const auto& [print, happening] : happenings_) {
    if (happening.until > now) {
      conditions.push_back({happening.alert, {}, {}});
    }
  }
}

void AlertBook::try_writing(Time now) {
  Statement(*database_, "INSERT OR REPLACE INTO tried VALUES (1, ?)").bind(std::optional(now)).run();
}

Silence AlertBook::silence(const Silence& wanted) {
  Silence silence = wanted;
  Statement(*database_, "INSERT INTO silences (cluster, alert, why, who, created, until) VALUES (?, ?, ?, ?, ?, ?)")
      .bind(silence.cluster)
      .bind(silence.alert)
      .bind(silence.why)
      .bind(silence.who)
      .bind(std::optional(silence.created))
      .bind(std::optional(silence.until))
      .run();
  silence.id = database_->last_row_id();
  silences_.push_back(silence);
  return silence;
}

std::size_t AlertBook::end_silences(const std::string& cluster, const std::string& alert, Time now) {
  Statement(*database_, "UPDATE silences SET until = ?1 WHERE cluster = ?2 AND (?3 = '' OR alert = ?3) AND until > ?1")
      .bind(std::optional(now))
      .bind(cluster)
      .bind(alert)
      .run();
  std::size_t ended = 0;
  for (Silence& silence : silences_) {
    if (silence.cluster == cluster && (alert.empty() || silence.alert == alert) && silence.until > now) {
      silence.until = now;
      ++ended;
    }
  }
  return ended;
}

void AlertBook::forget(Time before) {
  Statement(*database_, "DELETE FROM past_alerts WHERE resolved < ?").bind(std::optional(before)).run();
  Statement(*database_, "DELETE FROM silences WHERE until < ?").bind(std::optional(before)).run();
  std::erase_if(silences_, [&](const Silence& each) { return each.until < before; });
  std::erase_if(ended_, [&](const auto& each) { return each.second < before; });
}

}  // namespace pgrecall
