#include "engine/drill/structure_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "base/units.h"
#include "base/wording.h"
#include "engine/drill/sampling.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

constexpr const char* structures = "amcheck";
constexpr int most_bad = 10;
constexpr unsigned first_with_heap = 14;
constexpr std::string_view query_cancelled = "57014";

struct Structure {
  std::string database;
  std::string oid;
  std::string shown;  // "public.orders"
  std::uint64_t bytes = 0;
  bool index = false;
  bool catalog = false;
};

struct Coverage {
  Sampled tables;
  Sampled indexes;
  int bad = 0;
  std::vector<std::string> lacking;  // databases where amcheck cannot be had
};

std::string statement_timeout(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return "set statement_timeout = " + std::to_string(std::max<std::int64_t>(1, left.count()));
}

class StructureCheck {
 public:
  StructureCheck(ScratchServer& server, std::chrono::steady_clock::time_point deadline, DrillChecks& checks, Progress& progress,
                 const std::stop_token& stop)
      : server_(server), deadline_(deadline), checks_(checks), progress_(progress), stop_(stop) {}

  void run(std::uint64_t seed);

 private:
  // Sees to it that the database has the extension; its schema, quoted, or nothing.
  [[nodiscard]] std::optional<std::string> prepare(const std::string& database);
  void gather(Connection& connection, const std::string& database);
  void look_at(const Structure& structure);
  void check_index(const Structure& structure);
  void check_table(const Structure& structure);
  void found(const Structure& structure, const std::string& what);
  void tell() const;

  ScratchServer& server_;
  const std::chrono::steady_clock::time_point deadline_;
  DrillChecks& checks_;
  Progress& progress_;
  const std::stop_token& stop_;
  std::vector<Structure> all_;
  std::map<std::string, std::string> schemas_;  // of amcheck, quoted, by database
  std::optional<Connection> connection_;
  std::string connected_;  // to this database
  Coverage coverage_;
};

std::optional<std::string> StructureCheck::prepare(const std::string& database) {
  constexpr const char* where =
      "select pg_catalog.quote_ident(n.nspname) from pg_catalog.pg_extension e join pg_catalog.pg_namespace n"
      " on n.oid = e.extnamespace where e.extname = 'amcheck'";
  Connection connection = server_.connect(database);
  Result there = connection.exec(where);
  if (there.rows() == 0) {
    if (connection.exec("select 1 from pg_catalog.pg_available_extensions where name = 'amcheck'").rows() == 0) {
      return std::nullopt;
    }
    // Triggers of the database's own would run by what comes next, and might reach out of the copy. Commands about them fire
    // none.
    const Result triggers =
        connection.exec("select pg_catalog.quote_ident(evtname) from pg_catalog.pg_event_trigger where evtenabled <> 'D'");
    for (int row = 0; row < triggers.rows(); ++row) {
      connection.exec("alter event trigger " + std::string(triggers.text(row, 0)) + " disable");
    }
    connection.exec("create extension amcheck schema pg_catalog");
    there = connection.exec(where);
  }
  gather(connection, database);
  return std::string(there.text(0, 0));
}

void StructureCheck::gather(Connection& connection, const std::string& database) {
  const Result rows = connection.exec(
      "select c.oid, c.oid::pg_catalog.regclass, pg_catalog.pg_relation_size(c.oid), c.relkind = 'i',"
      " c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace"
      " from pg_catalog.pg_class c left join pg_catalog.pg_index i on i.indexrelid = c.oid"
      " where c.relpersistence = 'p' and (c.relkind in ('r', 't', 'm') or"
      " (c.relkind = 'i' and c.relam = 403 and i.indisvalid and i.indisready))"
      " and (not c.relisshared or pg_catalog.current_database() = (select min(datname collate \"C\") from pg_catalog.pg_database"
      " where datallowconn))");
  for (int row = 0; row < rows.rows(); ++row) {
    const bool index = rows.boolean(row, 3);
    if (!index && server_.major() < first_with_heap) {
      continue;
    }
    all_.push_back({.database = database,
                    .oid = std::string(rows.text(row, 0)),
                    .shown = std::string(rows.text(row, 1)),
                    .bytes = rows.unsigned_number(row, 2),
                    .index = index,
                    .catalog = rows.boolean(row, 4)});
    Sampled& sampled = index ? coverage_.indexes : coverage_.tables;
    sampled.all += 1;
    sampled.all_bytes += all_.back().bytes;
  }
}

void StructureCheck::found(const Structure& structure, const std::string& what) {
  if (++coverage_.bad <= most_bad) {
    checks_.bad(structures,
                std::string(structure.index ? "index " : "table ") + structure.shown + " in database " +
                    in_quotes(structure.database) + " is damaged: " + what,
                structure.index ? "look whether the source's is, too (pg_amcheck), and REINDEX there"
                                : "look whether the source's is, too (pg_amcheck); an older backup may have what is lost");
  }
}

void StructureCheck::check_index(const Structure& structure) {
  connection_->exec("select " + schemas_.at(structure.database) + ".bt_index_check(" + structure.oid +
                    "::pg_catalog.oid::pg_catalog.regclass, true)");
}

void StructureCheck::check_table(const Structure& structure) {
  const Result rows = connection_->exec("select blkno, offnum, msg from " + schemas_.at(structure.database) + ".verify_heapam(" +
                                        structure.oid + "::pg_catalog.oid::pg_catalog.regclass, on_error_stop := true) limit 1");
  if (rows.rows() > 0) {
    found(structure, "block " + std::string(rows.text(0, 0)) +
                         (rows.is_null(0, 1) ? "" : ", item " + std::string(rows.text(0, 1))) + ": " +
                         std::string(rows.text(0, 2)));
  }
}

void StructureCheck::look_at(const Structure& structure) {
  if (!connection_ || connected_ != structure.database) {
    connection_.emplace(server_.connect(structure.database));
    connected_ = structure.database;
  }
  Sampled& sampled = structure.index ? coverage_.indexes : coverage_.tables;
  try {
    connection_->exec(statement_timeout(deadline_));
    structure.index ? check_index(structure) : check_table(structure);
  } catch (const Error& error) {
    const std::string_view sqlstate = error.context("sqlstate");
    if (sqlstate.empty()) {
      throw;
    }
    if (sqlstate == query_cancelled) {
      return;  // the time is over
    }
    found(structure, error.message());
  }
  sampled.looked_at += 1;
  sampled.bytes += structure.bytes;
  progress_.add_done(structure.bytes);
}

void StructureCheck::tell() const {
  const auto covered = [](const Sampled& sampled, const std::string& what) {
    return std::to_string(sampled.looked_at) + " of " + std::to_string(sampled.all) + " " + what + " (" +
           format_size(sampled.bytes) + (sampled.complete() ? "" : " of " + format_size(sampled.all_bytes)) + ")";
  };
  const std::string indexes = covered(coverage_.indexes, "B-tree indexes, with the rows that belong into them");
  if (coverage_.bad > most_bad) {
    checks_.bad(structures, std::to_string(coverage_.bad - most_bad) + " more are damaged", "see them with pg_amcheck");
  }
  if (coverage_.bad == 0 && coverage_.tables.looked_at + coverage_.indexes.looked_at > 0) {
    checks_.good(structures, server_.major() < first_with_heap ? indexes : covered(coverage_.tables, "tables") + ", " + indexes);
  }
  if (server_.major() < first_with_heap) {
    checks_.not_checked("amcheck of tables", "PostgreSQL 13 has no verify_heapam(): only indexes were looked at");
  }
  if (!coverage_.tables.complete() || !coverage_.indexes.complete()) {
    checks_.not_checked("amcheck of the rest", "the time for it (drill.budget) was over; other drills look at others");
  }
  for (const std::string& database : coverage_.lacking) {
    checks_.not_checked(
        structures,
        "the extension amcheck is not installed on this host: nothing in database " + in_quotes(database) + " was checked",
        "install PostgreSQL's contrib package of this version");
  }
}

void StructureCheck::run(std::uint64_t seed) {
  for (const std::string& database : server_.databases()) {
    throw_if_stopped(stop_);
    if (auto schema = prepare(database)) {
      schemas_[database] = std::move(*schema);
    } else {
      coverage_.lacking.push_back(database);
    }
  }
  progress_.set_total(progress_.snapshot().done + coverage_.tables.all_bytes + coverage_.indexes.all_bytes);
  std::vector<std::uint64_t> sizes;
  for (const Structure& structure : all_) {
    sizes.push_back(structure.bytes);
  }
  std::vector<std::size_t> order = sampling_order(sizes, seed);
  std::stable_partition(order.begin(), order.end(), [&](std::size_t index) { return all_[index].catalog; });
  for (const std::size_t index : order) {
    throw_if_stopped(stop_);
    if (std::chrono::steady_clock::now() >= deadline_) {
      break;
    }
    look_at(all_[index]);
  }
  tell();
}

}  // namespace

void check_structures(ScratchServer& server, std::chrono::steady_clock::time_point deadline, std::uint64_t seed,
                      DrillChecks& checks, Progress& progress, const std::stop_token& stop) {
  StructureCheck(server, deadline, checks, progress, stop).run(seed);
}

}  // namespace pgrecall
