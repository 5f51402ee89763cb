#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/units.h"
#include "commands/commands.h"
#include "output/table.h"
#include "output/text.h"
#include "repository/catalog.h"
#include "repository/lease.h"
#include "repository/repository.h"

namespace pgrecall {

namespace {
using nlohmann::ordered_json;

struct RepoOptions {
  std::string name;
  bool seal = false;
  std::string to;
};

KeySource key_for_sealing(const RepositoryAddress& where) {
  if (!where.key.key_file && !where.key.passphrase) {
    throw Error(ErrorKind::usage, "--seal needs a key",
                "name a key file by --key-file (one is made when it is not there), or give a passphrase by --passphrase-file");
  }
  return where.key;
}

int run_init(const RepoOptions& options, Session& session) {
  const RepositoryAddress where = session.address(options.name);
  // A configuration that names a key means a sealed repository; on the command line --seal says so, as a forgotten
  // PGRECALL_PASSPHRASE in the environment must not decide what cannot be changed afterwards.
  const bool seal = options.seal || (!where.name.empty() && (where.key.key_file || where.key.passphrase));
  if (!seal && where.key.key_file) {
    throw Error(ErrorKind::usage, "a key file was given, but not --seal", "add --seal to make a sealed repository");
  }
  const KeySource key = seal ? key_for_sealing(where) : KeySource{};
  const bool key_is_new = key.key_file && !std::filesystem::exists(*key.key_file);
  const auto store = open_store(where.url);
  const Repository repository =
      Repository::create(*store, seal ? Repository::Sealing::sealed : Repository::Sealing::none, key, session.clock());
  Console& console = session.console();
  if (!seal && where.key.passphrase) {
    console.warning("a passphrase was given, but not --seal: this repository is not sealed, and cannot be later");
  }
  if (seal) {
    const std::string what = key.key_file ? "the key file " + *key.key_file : std::string("the passphrase");
    console.warning((key_is_new ? "made " : "") + what + (key_is_new ? ". KEEP A COPY" : ": KEEP A COPY") +
                    " somewhere other than this host and the repository: without it every backup is lost");
  }
  if (console.json()) {
    ordered_json json{{"id", repository.identity().id}, {"address", store->address()}, {"sealed", seal}};
    json["key_file"] = key.key_file ? ordered_json(*key.key_file) : ordered_json(nullptr);
    json["key_file_made"] = key_is_new;
    console.json_data(ordered_json{{"repository", json}});
  }
  console.summary("made a " + std::string(seal ? "sealed" : "plain") + " repository at " + printable(store->address()) + "\n");
  return exit_done;
}

struct RepositoryFacts {
  const OpenRepository* open = nullptr;
  std::vector<std::pair<std::string, std::uint64_t>> clusters;  // name, backups
  std::uint64_t stored_bytes = 0;                               // of the listed backups
  std::vector<ListedLease> leases;
  std::vector<Repository::KeyInfo> keys;
  std::optional<StoreSpace> space;
};

RepositoryFacts facts_of(const OpenRepository& open) {
  RepositoryFacts facts;
  facts.open = &open;
  for (const std::string& cluster : list_clusters(*open.repository)) {
    const Catalog catalog = read_catalog(*open.repository, cluster);
    facts.clusters.emplace_back(cluster, catalog.backups.size());
    for (const ListedBackup& backup : catalog.backups) {
      facts.stored_bytes += backup.summary.stored_bytes;
    }
  }
  facts.leases = list_leases(*open.repository);
  if (open.repository->sealed()) {
    facts.keys = open.repository->keys();
  }
  facts.space = open.store->space();
  return facts;
}

ordered_json json_of(const RepositoryFacts& facts) {
  const Repository::Identity& identity = facts.open->repository->identity();
  ordered_json json{{"name", facts.open->name},  {"address", facts.open->store->address()},  {"id", identity.id},
                    {"sealed", identity.sealed}, {"created", format_time(identity.created)}, {"created_by", identity.created_by}};
  json["stored_bytes"] = facts.stored_bytes;
  json["space_total_bytes"] = facts.space ? ordered_json(facts.space->total) : ordered_json(nullptr);
  json["space_available_bytes"] = facts.space ? ordered_json(facts.space->available) : ordered_json(nullptr);
  json["clusters"] = ordered_json::array();
  for (const auto& [cluster, backups] : facts.clusters) {
    json["clusters"].push_back({{"cluster", cluster}, {"backups", backups}});
  }
  json["keys"] = ordered_json::array();
  for (const Repository::KeyInfo& key : facts.keys) {
    json["keys"].push_back({{"id", key.id}, {"kind", key.kind}, {"created", format_time(key.created)}});
  }
  json["leases"] = ordered_json::array();
  for (const ListedLease& lease : facts.leases) {
    json["leases"].push_back({{"name", lease.name},
                              {"owner", lease.holder.owner},
                              {"why", lease.holder.why},
                              {"taken", format_time(lease.holder.taken)},
                              {"expires", format_time(lease.holder.expires)}});
  }
  return json;
}

std::string text_of(const RepositoryFacts& facts, const Style& style) {
  const Repository::Identity& identity = facts.open->repository->identity();
  std::string out = style.paint(Tone::strong, printable(facts.open->store->address())) +
                    (facts.open->name.empty() ? "" : " (" + facts.open->name + ")") + "\n";
  const auto line = [&](const std::string& label, const std::string& text) {
    out += "  " + style.paint(Tone::faint, label + std::string(label.size() < 10 ? 10 - label.size() : 1, ' ')) +
           printable(text) + "\n";
  };
  line("id", identity.id);
  line("made", format_local_time(identity.created) + " by " + identity.created_by);
  line("sealed", identity.sealed ? "yes, AES-256-GCM" : "no");
  for (const Repository::KeyInfo& key : facts.keys) {
    line("key", key.id + ", " + key.kind + ", " + format_local_date(key.created));
  }
  for (const auto& [cluster, backups] : facts.clusters) {
    line("cluster", cluster + ", " + format_count(backups, "backup", "backups"));
  }
  line("stored", format_size(facts.stored_bytes) + " by the backups listed");
  if (facts.space) {
    line("space", format_size(facts.space->available) + " free of " + format_size(facts.space->total));
  }
  for (const ListedLease& lease : facts.leases) {
    line("lease", lease.name + " held by " + lease.holder.owner + " until " + format_local_time(lease.holder.expires) + " for " +
                      lease.holder.why);
  }
  return out;
}

int run_info(const RepoOptions& options, Session& session) {
  std::vector<OpenRepository*> all;
  if (options.name.empty()) {
    all = session.repositories();
  } else {
    all.push_back(&session.open(options.name));
  }
  Console& console = session.console();
  ordered_json json = ordered_json::array();
  std::string out;
  for (const OpenRepository* open : all) {
    const RepositoryFacts facts = facts_of(*open);
    json.push_back(json_of(facts));
    out += (out.empty() ? "" : "\n") + text_of(facts, console.style());
  }
  if (console.json()) {
    console.json_data(ordered_json{{"repositories", json}});
  } else {
    console.data(out);
  }
  return exit_done;
}

// A new file that only its owner can read; never one that is there already.
void write_key_file(const std::string& path, const Secret& text) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) {
    throw errno == EEXIST
        ? Error(ErrorKind::failed, "the file is there already, and is not overwritten", "name another by --to").with("path", path)
        : system_error("cannot make the key file", path, errno);
  }
  write_all(file, bytes_of(text.reveal()), path);
  sync_file(file, path);
  const std::string directory = std::filesystem::absolute(path).parent_path().string();
  sync_directory(directory);
}

int run_key_export(const RepoOptions& options, Session& session) {
  Console& console = session.console();
  const OpenRepository& open = session.open(options.name);
  if (!open.repository->sealed()) {
    throw Error(ErrorKind::failed, "the repository is not sealed: it has no key").with("repository", open.store->address());
  }
  const Secret key = open.repository->export_key();
  if (options.to == "-") {
    if (isatty(STDOUT_FILENO) == 1) {
      throw Error(ErrorKind::usage, "a key is not shown on a terminal", "send it to a file by --to FILE, or through a pipe");
    }
    console.data(key.reveal());
    return exit_done;
  }
  write_key_file(options.to, key);
  console.warning("whoever has " + options.to + " can read every backup of this repository, for ever: keep it apart and safe");
  if (console.json()) {
    console.json_data(ordered_json{{"key_file", options.to}});
  }
  console.summary("wrote the repository's key to " + printable(options.to) + "\n");
  return exit_done;
}

template <typename Run>
void add(CommandLine& line, CLI::App& verb, const std::shared_ptr<RepoOptions>& options, Run run) {
  on_chosen(line, verb, [options, run](Session& session) { return run(*options, session); });
}
}  // namespace

void add_repo(CommandLine& line) {
  const auto options = std::make_shared<RepoOptions>();
  CLI::App& group = add_group(line, "repo", "Repositories");

  CLI::App& init = add_verb(group, "init", "Make a repository");
  init.add_option("NAME", options->name, "Its name in the configuration");
  init.add_flag("--seal", options->seal, "Encrypt everything in it with the key file (made when absent) or passphrase; for good");
  add(line, init, options, run_init);

  CLI::App& info = add_verb(group, "info", "What a repository is and holds");
  info.add_option("NAME", options->name, "Its name in the configuration (default: all)");
  add(line, info, options, run_info);

  add_repo_sweep(line, group);

  CLI::App* key = &add_verb(group, "key", "Its key");
  key->require_subcommand(1);
  CLI::App& key_export =
      add_verb(*key, "export", "Write the key that opens a sealed repository by itself, to be kept safe elsewhere");
  key_export.add_option("NAME", options->name, "Its name in the configuration");
  key_export.add_option("--to", options->to, "A new file (mode 0600; required), or - for a pipe")->type_name("FILE")->required();
  add(line, key_export, options, run_key_export);
}

}  // namespace pgrecall
