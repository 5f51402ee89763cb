#include "page/parts.h"

#include <algorithm>
#include <array>

#include "base/units.h"

namespace pgrecall {

namespace {
std::string_view path_of(Standing standing) {
  switch (standing) {
    case Standing::good: return "M7 12.6l3.4 3.4 6.8-7.4";
    case Standing::elsewhere: return "M7.5 12h9";
    case Standing::unknown: return "M9.4 9.6a2.7 2.7 0 1 1 3.9 2.4c-.9.5-1.3 1-1.3 2M12 17.2v.05";
    case Standing::warning:
    case Standing::bad: break;
  }
  return "M12 6.8v6.4M12 17v.05";
}

bool is_command_word(std::string_view word, const std::string& cluster) {
  static constexpr std::array words{"alert",  "backup", "check",   "config", "expire",   "list", "pin",     "receive",
                                    "reload", "repo",   "restore", "runs",   "schedule", "show", "silence", "status",
                                    "sweep",  "test",   "unpin",   "verify", "wal",      "info"};
  return std::ranges::find(words, word) != words.end() || (!cluster.empty() && word == cluster) || word.starts_with("--") ||
         (word.size() > 16 && word.find('T') == 8);  // the id of a run or a backup
}
}  // namespace

Html sign(Standing standing) {
  return html(
      R"(<svg class="sign {}" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="11"/><path d="{}"/></svg>)",
      name(standing), path_of(standing));
}

Html gauge(double part, double other, const std::string& title) {
  const double filled = 100 * std::clamp(part, 0.0, 1.0);
  const double beside = std::min(100 * std::clamp(other, 0.0, 1.0), 100 - filled);
  Html svg =
      html(R"(<svg class="gauge" role="img" aria-label="{}"><title>{}</title><rect class="all" width="100%" height="8" rx="4"/>)",
           title, title);
  if (beside > 0) {
    svg += html(R"(<rect class="other" width="{:.2f}%" height="8" rx="4"/>)", filled + beside);
  }
  svg += html(R"(<rect class="part" width="{:.2f}%" height="8" rx="4"/></svg>)", filled);
  return svg;
}

Html with_commands(const std::string& text, const std::string& cluster) {
  constexpr std::string_view program = "pgrecall ";
  Html marked;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = text.find(program, at);
    std::size_t end = begin == std::string::npos ? begin : begin + program.size() - 1;
    while (end < text.size() && text[end] == ' ') {
      const std::size_t stop = std::min(text.find_first_of(" ,.:;)", end + 1), text.size());
      if (!is_command_word(std::string_view(text).substr(end + 1, stop - end - 1), cluster)) {
        break;
      }
      end = stop;
    }
    if (begin == std::string::npos) {
      break;
    }
    marked += html("{}", text.substr(at, begin - at));
    const bool command = end > begin + program.size();
    marked += html(command ? "<code>{}</code>" : "{}", text.substr(begin, end - begin));
    at = end;
  }
  marked += html("{}", std::string_view(text).substr(std::min(at, text.size())));
  return marked;
}

Html alert_card(const AlertEntry& entry, const Moments& moments) {
  const Alert& alert = entry.alert;
  const std::string severity(name(alert.severity));
  Html card = html(R"(<article class="card alert {}"><header><span class="pill {}">{}</span><h3>{}</h3></header>)", severity,
                   severity, severity, alert.summary);
  if (!alert.action.empty()) {
    card += html(R"(<p class="todo">{}</p>)", with_commands(alert.action, alert.cluster));
  }
  card.text += R"(<p class="meta">)";
  if (!alert.cluster.empty()) {
    card += html("<span>{}</span>", alert.cluster + (alert.subject.empty() ? "" : ", " + alert.subject));
  } else if (!alert.subject.empty()) {
    card += html("<span>{}</span>", alert.subject);
  }
  card += html("<span>since {}</span>", moments.relative(entry.since));
  if (entry.state == AlertState::settling) {
    card.text += "<span>no longer so; over when it stays away</span>";
  }
  if (entry.silence) {
    card += html("<span>silenced by {} until {}: {}</span>", entry.silence->who, moments.clock(entry.silence->until),
                 entry.silence->why);
  } else if (!entry.told) {
    card.text += "<span>nobody was told yet</span>";
  }
  // Anything else than an address of the web would be run by the browser.
  if (alert.runbook.starts_with("https://") || alert.runbook.starts_with("http://")) {
    card += html(R"(<a href="{}" rel="noreferrer">Runbook: {}</a>)", alert.runbook, alert.name);
  } else {
    card += html("<span>{}</span>", alert.name);
  }
  if (!alert.run.empty()) {
    card += html("<span>run <code>{}</code></span>", alert.run);
  }
  card.text += "</p></article>\n";
  return card;
}

namespace {
Html forecast(const RepositoryFigures& repository, Time now) {
  if (!repository.growth_bytes_per_second) {
    return {"How fast it grows is not known yet"};
  }
  const double a_day = *repository.growth_bytes_per_second * 86400;
  if (a_day < 1) {
    return {"It does not grow"};
  }
  const std::string growth = "grows by " + format_size(static_cast<std::uint64_t>(a_day)) + " a day";
  if (!repository.full_at) {
    return html("{}", growth);
  }
  const double left = seconds_between(now, *repository.full_at);
  return left < 86400 ? html(R"(<span class="unknown-value">full {}</span>, {})", left <= 0 ? "now" : "within a day", growth)
                      : html("full in about {} days, {}", static_cast<std::int64_t>(left / 86400), growth);
}
}  // namespace

Html repository_card(const RepositoryFigures& repository, Time now) {
  Html card = html(R"(<article class="card"><header><h3>{}</h3></header>)", repository.repository);
  if (!repository.problem.empty()) {
    card += html(R"(<p class="reason unknown-value">{}</p>)", repository.problem);
  }
  const auto size = [](const std::optional<std::uint64_t>& bytes) {
    return bytes ? format_size(*bytes) : std::string("unknown");
  };
  if (repository.capacity_bytes && repository.free_bytes && *repository.capacity_bytes > 0) {
    const auto all = static_cast<double>(*repository.capacity_bytes);
    const double used = 1 - static_cast<double>(*repository.free_bytes) / all;
    const double ours = std::min(used, static_cast<double>(repository.stored_bytes.value_or(0)) / all);
    card += html(R"(<div class="run"><p class="words"><span><b>{}</b> free of {}</span><span>{}</span></p>{}</div>)",
                 size(repository.free_bytes), size(repository.capacity_bytes), forecast(repository, now),
                 gauge(ours, used - ours, fmt::format("{:.0f}% of the disk is used", 100 * used)));
  } else {
    card.text += R"(<p class="reason unknown-value">How much room there is is unknown.</p>)";
  }
  card +=
      html(R"(<p class="run"><span class="quiet">Backups and WAL take {}.</span></p></article>)", size(repository.stored_bytes));
  card.text += "\n";
  return card;
}

}  // namespace pgrecall
