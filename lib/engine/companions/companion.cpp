#include "engine/companions/companion.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/units.h"
#include "engine/companions/companion_command.h"
#include "engine/companions/companion_tar.h"
#include "engine/companions/companion_tree.h"
#include "engine/companions/companion_walk.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {
constexpr std::size_t most_secrets = 100;
constexpr std::uint32_t mode_of_output = 0600;

std::string_view base_name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// For messages that go into JSON and alerts, whatever a command said or a file is called.
std::string readable(const std::string& text) {
  using nlohmann::json;
  std::string out = json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return out;
}

// One file of what the command writes.
void run_for_file(const CompanionSource& source, GatheredCompanion& gathered, CompanionTree& tree, const std::stop_token& stop) {
  const auto now = std::chrono::floor<std::chrono::seconds>(gathered.gathered).time_since_epoch().count();
  tree.begin_file(source.file.empty() ? source.name : source.file, mode_of_output, now);
  run_companion_command(
      source.command, source.time_limit, [&](ByteView bytes) { tree.append(bytes); }, stop);
  if (gathered.content.size() == 0) {
    throw Error(ErrorKind::failed, "the command wrote nothing to its standard output",
                "run it by hand, as the user who runs pgrecall")
        .with("program", source.command.front());
  }
  tree.end_file();
}

void run_for_tar(const CompanionSource& source, CompanionTree& tree, const std::stop_token& stop) {
  CompanionTar tar(tree);
  run_companion_command(
      source.command, source.time_limit, [&](ByteView bytes) { tar.feed(bytes); }, stop);
  tar.finish();
}

void walk_path(const CompanionSource& source, CompanionTree& tree, const std::stop_token& stop) {
  const auto until = std::chrono::steady_clock::now() + source.time_limit;
  walk_companion(source.path, tree, [&] {
    throw_if_stopped(stop);
    if (std::chrono::steady_clock::now() >= until) {
      throw Error(ErrorKind::failed, "it was not read within " + format_duration(source.time_limit),
                  "see why it takes so long; where it may, set time_limit of the companion")
          .with("path", source.path);
    }
  });
}

void gather_all(const CompanionSource& source, GatheredCompanion& gathered, const std::stop_token& stop) {
  CompanionTree tree(gathered);
  if (source.command.empty()) {
    walk_path(source, tree, stop);
  } else if (source.format == CompanionSource::Format::tar) {
    run_for_tar(source, tree, stop);
  } else {
    run_for_file(source, gathered, tree, stop);
  }
  tree.finish();
}
}  // namespace

GatheredCompanion gather_companion(const CompanionSource& source, const std::string& spool_directory, const Clock& clock,
                                   const std::stop_token& stop) {
  GatheredCompanion gathered{.name = source.name,
                             .gathered = clock.now(),
                             .problem = {},
                             .warnings = {},
                             .entries = {},
                             .content = CompanionContent(spool_directory, source.max_size)};
  try {
    gather_all(source, gathered, stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) {
      throw;
    }
    gathered.problem = readable(std::string(error.what()) + (error.hint().empty() ? "" : "; " + error.hint()));
    gathered.warnings.clear();
    gathered.entries.clear();
    gathered.content = CompanionContent();
  }
  std::transform(gathered.warnings.begin(), gathered.warnings.end(), gathered.warnings.begin(), readable);
  return gathered;
}

SummaryCompanion GatheredCompanion::summary() const {
  SummaryCompanion summary{.name = name, .gathered = gathered, .files = 0, .bytes = 0, .problem = problem, .secrets = {}};
  for (const CompanionEntry& entry : entries) {
    if (entry.type != EntryType::file) {
      continue;
    }
    summary.files += 1;
    summary.bytes += entry.size;
    // An empty one opens nothing.
    if (!looks_secret(entry.path) || entry.size == 0) {
      continue;
    }
    if (base_name_of(entry.path) == vault_key_file) {
      summary.secrets.insert(summary.secrets.begin(), entry.path);
    } else {
      summary.secrets.push_back(entry.path);
    }
    summary.secrets.resize(std::min(summary.secrets.size(), most_secrets));
  }
  return summary;
}

ManifestEntry GatheredCompanion::manifest_entry(const CompanionEntry& entry) const {
  return {.type = entry.type,
          .tree = EntryTree::companion,
          .path = entry.path.empty() ? name : name + "/" + entry.path,
          .mode = entry.mode,
          .mtime = entry.mtime,
          .target = entry.target,
          .size = entry.size,
          .content = ZeroContent{}};
}

bool holds_vault_key(const SummaryCompanion& companion) {
  return companion.problem.empty() &&
         std::ranges::any_of(companion.secrets, [](const std::string& path) { return base_name_of(path) == vault_key_file; });
}

bool looks_secret(std::string_view path) {
  std::string name(base_name_of(path));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 9> ends{".key", "-key", "_key", ".env", ".pem", ".p12", ".pfx", ".jks", ".keystore"};
  constexpr std::array<std::string_view, 8> parts{"secret", "passw",      "credential", "service_account",
                                                  "id_rsa", "id_ed25519", "id_ecdsa",   "pgpass"};
  return name == "key" || name.starts_with(".env") ||
         std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); }) ||
         std::ranges::any_of(parts, [&](std::string_view part) { return name.find(part) != std::string::npos; });
}

}  // namespace pgrecall
