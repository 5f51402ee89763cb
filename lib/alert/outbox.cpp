#include "alert/outbox.h"

#include <algorithm>

#include "alert/notification_json.h"
#include "journal/database.h"

namespace pgrecall {

namespace {
// `told` is of the notification; `ended` is when it was sent or dropped, and then `problem` says why it was dropped.
constexpr const char* schema = R"sql(
  CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL,
    told INTEGER NOT NULL, repeated INTEGER NOT NULL, notification TEXT NOT NULL, added INTEGER NOT NULL, first_try INTEGER,
    not_before INTEGER, tries INTEGER NOT NULL DEFAULT 0, problem TEXT NOT NULL DEFAULT '', ended INTEGER,
    sent INTEGER NOT NULL DEFAULT 0, UNIQUE (receiver, fingerprint, state, told));
  CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (receiver, id) WHERE ended IS NULL;
)sql";

void add_one(Database& database, const Notification& notification, const std::string& stored, const std::string& receiver) {
  const bool firing = notification.state == Notification::State::firing;
  if (firing && notification.repeated) {
    Statement waits(database,
                    "SELECT 1 FROM outbox WHERE receiver = ? AND fingerprint = ? AND state = 'firing' AND repeated = 0 AND ended "
                    "IS NULL");
    if (waits.bind(receiver).bind(notification.fingerprint).step()) {
      return;
    }
  }
  Statement(
      database,
      "UPDATE outbox SET ended = ?, problem = 'replaced by a newer one' WHERE receiver = ? AND fingerprint = ? AND repeated "
      "= 1 AND told < ? AND ended IS NULL")
      .bind(std::optional(notification.told))
      .bind(receiver)
      .bind(notification.fingerprint)
      .bind(std::optional(notification.told))
      .run();
  Statement(database,
            "INSERT INTO outbox (receiver, fingerprint, state, told, repeated, notification, added) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING")
      .bind(receiver)
      .bind(notification.fingerprint)
      .bind(name(notification.state))
      .bind(std::optional(notification.told))
      .bind(std::int64_t{firing && notification.repeated ? 1 : 0})
      .bind(stored)
      .bind(std::optional(notification.told))
      .run();
}
}  // namespace

Outbox::Outbox(const std::string& directory) : database_(std::make_unique<Database>(directory + "/state.db")) {
  // Unlike the journal, which is a cache: what waits here is known nowhere else.
  database_->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  database_->execute(schema);
}

Outbox::~Outbox() = default;

void Outbox::add(const Notification& notification, const std::vector<std::string>& receivers) {
  const std::string stored = to_stored(notification);
  {
    const std::lock_guard lock(mutex_);
    try {
      Transaction transaction(*database_);
      for (const std::string& receiver : receivers) {
        add_one(*database_, notification, stored, receiver);
      }
      transaction.commit();
    } catch (const Error&) {
      // write_kept() meets the same error, and whoever calls it hears of it.
      for (const std::string& receiver : receivers) {
        keep(notification, receiver);
      }
    }
  }
  if (on_added_) {
    on_added_();
  }
}

void Outbox::keep(const Notification& notification, const std::string& receiver) {
  Kept& kept = kept_[next_kept_];
  kept.message.id = next_kept_--;
  kept.message.receiver = receiver;
  kept.message.notification = notification;
  kept.message.added = notification.told;
}

void Outbox::write_kept() {
  const std::lock_guard lock(mutex_);
  if (std::ranges::all_of(kept_, [](const auto& each) { return each.second.written; })) {
    return;
  }
  Transaction transaction(*database_);
  for (auto each = kept_.rbegin(); each != kept_.rend(); ++each) {  // the oldest has the highest number
    if (!each->second.written) {
      write(each->second);
    }
  }
  transaction.commit();
  for (auto& [id, kept] : kept_) {
    kept.written = true;
  }
  std::erase_if(kept_, [](const auto& each) { return each.second.ended.has_value(); });
}

void Outbox::write(const Kept& kept) {
  const Notification& notification = kept.message.notification;
  add_one(*database_, notification, to_stored(notification), kept.message.receiver);
  if (kept.ended) {
    Statement(
        *database_,
        "UPDATE outbox SET ended = ?, sent = ?, problem = ? WHERE receiver = ? AND fingerprint = ? AND state = ? AND told = ?")
        .bind(kept.ended)
        .bind(std::int64_t{kept.sent ? 1 : 0})
        .bind(kept.problem)
        .bind(kept.message.receiver)
        .bind(notification.fingerprint)
        .bind(name(notification.state))
        .bind(std::optional(notification.told))
        .run();
  }
}

std::vector<Outgoing> Outbox::waiting(const std::string& receiver) const {
  const std::lock_guard lock(mutex_);
  Statement rows(*database_,
                 "SELECT id, notification, added, first_try, not_before, tries, problem FROM outbox WHERE receiver = ? AND ended "
                 "IS NULL ORDER BY id LIMIT 1000");
  rows.bind(receiver);
  std::vector<Outgoing> all;
  while (rows.step()) {
    Outgoing& message = all.emplace_back();
    message.id = rows.number();
    message.receiver = receiver;
    message.notification = notification_of(rows.text());
    message.added = rows.time();
    message.first_try = rows.optional_time();
    message.not_before = rows.optional_time();
    message.tries = static_cast<unsigned>(rows.number());
    message.problem = rows.text();
  }
  for (auto each = kept_.rbegin(); each != kept_.rend(); ++each) {
    const Kept& kept = each->second;
    if (kept.message.receiver == receiver && !kept.written && !kept.ended) {
      all.push_back(kept.message);
    }
  }
  return all;
}

std::uint64_t Outbox::count_waiting(const std::string& receiver) const {
  const std::lock_guard lock(mutex_);
  Statement row(*database_, "SELECT count(*) FROM outbox WHERE receiver = ? AND ended IS NULL");
  return row.bind(receiver).step() ? static_cast<std::uint64_t>(row.number()) : 0;
}

std::vector<std::string> Outbox::receivers() const {
  const std::lock_guard lock(mutex_);
  Statement rows(*database_, "SELECT DISTINCT receiver FROM outbox WHERE ended IS NULL ORDER BY receiver");
  std::vector<std::string> all;
  while (rows.step()) {
    all.push_back(rows.text());
  }
  return all;
}

// `kept_` has what could not be written; what was written meanwhile is a row like others.
void Outbox::end(std::int64_t id, Time when, bool sent, const std::string& problem) {
  const std::lock_guard lock(mutex_);
  if (const auto found = kept_.find(id); found != kept_.end()) {
    Kept& kept = found->second;
    kept.ended = when;
    kept.sent = sent;
    kept.problem = problem;
    if (kept.written) {
      write(kept);
      kept_.erase(found);
    }
    return;
  }
  Statement(*database_, "UPDATE outbox SET ended = ?, sent = ?, problem = ? WHERE id = ? AND ended IS NULL")
      .bind(std::optional(when))
      .bind(std::int64_t{sent ? 1 : 0})
      .bind(problem)
      .bind(id)
      .run();
}

void Outbox::mark_sent(std::int64_t id, Time when) { end(id, when, true, {}); }

void Outbox::mark_dropped(std::int64_t id, Time when, const std::string& problem) { end(id, when, false, problem); }

void Outbox::mark_tried(std::int64_t id, Time when, Time not_before, const std::string& problem) {
  const std::lock_guard lock(mutex_);
  if (const auto found = kept_.find(id); found != kept_.end()) {
    if (found->second.written) {
      kept_.erase(found);  // the row is tried anew
      return;
    }
    Outgoing& message = found->second.message;
    message.first_try = message.first_try.value_or(when);
    message.not_before = not_before;
    ++message.tries;
    message.problem = problem;
    return;
  }
  Statement(*database_,
            "UPDATE outbox SET first_try = coalesce(first_try, ?), not_before = ?, tries = tries + 1, problem = ? WHERE id = ?")
      .bind(std::optional(when))
      .bind(std::optional(not_before))
      .bind(problem)
      .bind(id)
      .run();
}

void Outbox::retry_soon(const std::string& receiver) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, kept] : kept_) {
    if (kept.message.receiver == receiver) {
      kept.message.not_before.reset();
    }
  }
  Statement(*database_, "UPDATE outbox SET not_before = NULL WHERE receiver = ? AND ended IS NULL").bind(receiver).run();
}

void Outbox::forget(Time before) {
  const std::lock_guard lock(mutex_);
  Statement(*database_, "DELETE FROM outbox WHERE ended < ?").bind(std::optional(before)).run();
}

}  // namespace pgrecall
