#include "alert/book.h"

#include <algorithm>
#include <exception>

#include "journal/database.h"

namespace pgrecall {

std::string_view name(AlertState state) noexcept {
  switch (state) {
    case AlertState::pending: return "pending";
    case AlertState::firing: return "firing";
    case AlertState::settling: return "settling";
    case AlertState::resolved: break;
  }
  return "resolved";
}

void AlertBook::update(const Judgement& judgement, const Options& options, Time now) {
  std::vector<Judged> conditions = judgement.conditions;
  add_happenings(conditions, now);
  std::map<std::string, const Judged*> wrong;
  for (const Judged& judged : conditions) {
    wrong.emplace(fingerprint(judged.alert), &judged);  // of two with one fingerprint the first
  }
  for (auto& [print, row] : rows_) {
    forgive_clock(row, now);
    if (!wrong.contains(print)) {
      may_end(row, judgement, now);
    }
  }
  std::vector<std::pair<std::string, const Judged*>> in_order(wrong.begin(), wrong.end());
  std::ranges::stable_sort(in_order, {}, [](const auto& each) { return rank(each.second->alert); });
  for (const auto& [print, judged] : in_order) {
    const auto found = rows_.find(print);
    if (found == rows_.end()) {
      begin(*judged, print, options, now);
    } else {
      go_on(found->second, *judged, now);
    }
    decide(rows_.at(print), *judged, options, now);
  }
  std::erase_if(rows_,
                [](const auto& each) { return each.second.entry.state == AlertState::pending && each.second.gone.has_value(); });
  // First everything is written down, then it is handed over, then that this was done: whenever the daemon dies, the next one
  // hands over what may not have been, with the same `told`. What cannot be written is handed over all the same.
  std::exception_ptr failure;
  const auto and_go_on = [&failure](const auto& work) {
    try {
      work();
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
  };
  and_go_on([&] { store_changes(now); });
  const bool can_write = !failure;
  and_go_on([&] { pay(options); });
  if (can_write) {
    and_go_on([&] { store_changes(now); });
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
}

void AlertBook::begin(const Judged& judged, const std::string& fingerprint, const Options& options, Time now) {
  Row& row = rows_[fingerprint];
  row.entry.alert = judged.alert;
  row.entry.fingerprint = fingerprint;
  row.entry.since = now;
  row.settle = judged.settle;
  if (ended_lately(fingerprint, options.settle, now)) {
    row.settle = std::max(row.settle, options.settle);  // it comes and goes: told to be over once it stays away
  }
}

void AlertBook::go_on(Row& row, const Judged& judged, Time now) {
  if (row.entry.state == AlertState::resolved) {
    return;  // its end is not handed over yet; it begins anew after that
  }
  if (row.entry.state == AlertState::settling) {
    row.entry.state = AlertState::firing;
    row.changed = true;
  }
  row.gone.reset();
  row.settle = std::max(row.settle, judged.settle);
  const bool worse = judged.alert.severity == Severity::critical && row.entry.alert.severity == Severity::warning;
  row.entry.alert = judged.alert;
  if (worse && row.entry.told && row.owed == Owed::nothing && silence_of(judged.alert, now) == nullptr) {
    row.owed = Owed::repeated;
    row.owed_since = now;
    row.entry.told = now;
    ++row.entry.times_told;
    row.changed = true;
  }
}

void AlertBook::decide(Row& row, const Judged& judged, const Options& options, Time now) {
  if (row.entry.state == AlertState::resolved || now - row.entry.since < judged.hold) {
    return;
  }
  if (row.entry.state == AlertState::pending) {
    row.entry.state = AlertState::firing;
    row.changed = true;
  }
  if (silence_of(row.entry.alert, now) != nullptr || row.owed != Owed::nothing || is_explained(row.entry.alert)) {
    return;
  }
  if (row.entry.told && now - *row.entry.told < options.repeat_interval) {
    return;
  }
  row.owed = row.entry.told ? Owed::repeated : Owed::firing;
  row.owed_since = now;
  row.entry.told = now;
  ++row.entry.times_told;
  row.changed = true;
}

// By one that somebody was told of and that is not over.
bool AlertBook::is_explained(const Alert& alert) const {
  return std::ranges::any_of(rows_, [&](const auto& each) {
    const AlertEntry& entry = each.second.entry;
    const bool open = entry.state == AlertState::firing || entry.state == AlertState::settling;
    return open && entry.told && explains(entry.alert, alert);
  });
}

void AlertBook::may_end(Row& row, const Judgement& judgement, Time now) {
  const Alert& alert = row.entry.alert;
  const bool of_repository = alert.name == condition::repository_filling || alert.name == condition::repository_space_low;
  if (row.entry.state == AlertState::resolved || judgement.unknown_clusters.contains(alert.cluster) ||
      (of_repository && judgement.unknown_repositories.contains(alert.subject))) {
    return;
  }
  if (!row.gone) {
    row.gone = now;
    row.changed = true;
  }
  if (row.entry.state == AlertState::pending || row.owed != Owed::nothing) {
    return;
  }
  if (now - *row.gone < row.settle) {
    row.entry.state = AlertState::settling;
    return;
  }
  row.entry.state = AlertState::resolved;
  row.entry.resolved = row.gone;
  row.owed = Owed::resolved;
  row.owed_since = now;
  row.changed = true;
}

// A clock that was set back must not make anything wait until it has caught up.
void AlertBook::forgive_clock(Row& row, Time now) {
  row.entry.since = std::min(row.entry.since, now);
  if (row.entry.told) {
    row.entry.told = std::min(*row.entry.told, now);
  }
  if (row.gone) {
    row.gone = std::min(*row.gone, now);
  }
}

void AlertBook::pay(const Options& options) {
  std::exception_ptr failure;
  for (auto& [print, row] : rows_) {
    if (row.owed == Owed::nothing) {
      continue;
    }
    try {
      pay(row, options);
    } catch (const std::exception&) {
      failure = std::current_exception();  // the others are told all the same
      continue;
    }
    if (row.entry.state == AlertState::resolved) {
      ended_[print] = row.entry.resolved.value_or(row.owed_since);
      unclosed_.push_back(row);
    }
  }
  std::erase_if(rows_, [](const auto& each) {
    return each.second.entry.state == AlertState::resolved && each.second.owed == Owed::nothing;
  });
  if (failure) {
    std::rethrow_exception(failure);
  }
}

void AlertBook::pay(Row& row, const Options& options) {
  const AlertEntry& entry = row.entry;
  if (row.owed != Owed::resolved || entry.told) {
    Notification notification;
    notification.state = row.owed == Owed::resolved ? Notification::State::resolved : Notification::State::firing;
    notification.alert = entry.alert;
    notification.fingerprint = entry.fingerprint;
    notification.since = entry.since;
    notification.told = row.owed_since;
    notification.resolved = row.owed == Owed::resolved ? entry.resolved : std::nullopt;
    notification.repeated = row.owed == Owed::repeated;
    notification.host = options.host;
    tell_(notification);
  }
  row.owed = Owed::nothing;
  row.changed = true;
}

std::vector<AlertEntry> AlertBook::open(Time now) const {
  std::vector<AlertEntry> entries;
  for (const auto& [print, row] : rows_) {
    if (row.entry.state == AlertState::resolved) {
      continue;
    }
    entries.push_back(row.entry);
    if (const Silence* silence = silence_of(row.entry.alert, now)) {
      entries.back().silence = *silence;
    }
  }
  std::sort(entries.begin(), entries.end(), [](const AlertEntry& a, const AlertEntry& b) {
    return std::tie(a.since, a.alert.cluster, a.alert.name, a.fingerprint) <
           std::tie(b.since, b.alert.cluster, b.alert.name, b.fingerprint);
  });
  return entries;
}

bool AlertBook::ended_lately(const std::string& fingerprint, std::chrono::microseconds span, Time now) const {
  const auto found = ended_.find(fingerprint);
  return found != ended_.end() && found->second > now - span;
}

const Silence* AlertBook::silence_of(const Alert& alert, Time now) const {
  const Silence* longest = nullptr;
  for (const Silence& silence : silences_) {
    const bool concerns =
        !alert.cluster.empty() && silence.cluster == alert.cluster && (silence.alert.empty() || silence.alert == alert.name);
    if (concerns && silence.until > now && (longest == nullptr || silence.until > longest->until)) {
      longest = &silence;
    }
  }
  return longest;
}

std::vector<Silence> AlertBook::silences(Time now) const {
  std::vector<Silence> found;
  std::copy_if(silences_.begin(), silences_.end(), std::back_inserter(found),
               [&](const Silence& each) { return each.until > now; });
  std::sort(found.begin(), found.end(),
            [](const Silence& a, const Silence& b) { return std::tie(a.cluster, a.until) < std::tie(b.cluster, b.until); });
  return found;
}

}  // namespace pgrecall
