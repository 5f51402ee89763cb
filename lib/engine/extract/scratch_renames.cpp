#include <set>

#include "base/error.h"
#include "base/wording.h"
#include "engine/extract/scratch_database.h"

namespace pgrecall {

struct ScratchDatabase::RenameStep {
  QualifiedName from;
  QualifiedName to;
  // statistics: their schema does not follow that of their table. part: an index or owned sequence, whose schema does.
  enum class Kind { table, part, statistics } kind = Kind::table;
};

namespace {

std::string alter(const QualifiedName& name, std::string_view kind, const std::string& what) {
  return "alter " + std::string(kind) + " " + name.quoted() + " " + what;
}

}  // namespace

// A table, its partitions and what is named in the same space: indexes, owned sequences, extended statistics.
std::vector<ScratchDatabase::RenameStep> ScratchDatabase::steps_of(const TableRename& rename, std::set<std::string>& taken) {
  const std::string root = quote_literal(rename.from.quoted()) + "::regclass";
  const Result tree =
      connection_.exec("with recursive tree(oid, depth) as (select " + root +
                       "::oid, 0 union select i.inhrelid, tree.depth + 1 from pg_inherits i join tree on i.inhparent = tree.oid"
                       " join pg_class c on c.oid = i.inhrelid where c.relispartition)"
                       " select tree.oid, n.nspname, c.relname from tree join pg_class c on c.oid = tree.oid"
                       " join pg_namespace n on n.oid = c.relnamespace order by tree.depth, 2, 3");
  std::vector<RenameStep> steps;
  for (int row = 0; row < tree.rows(); ++row) {
    const std::string oid(tree.text(row, 0));
    const QualifiedName from{.schema = std::string(tree.text(row, 1)), .name = std::string(tree.text(row, 2))};
    const bool renamed = rename.from.name != rename.to.name;
    const auto name_of = [&](const std::string& part, const std::string& old_name, const std::string& new_name) {
      return renamed ? name_of_part(part, old_name, new_name, taken) : part;
    };
    QualifiedName to{.schema = from.schema == rename.from.schema ? rename.to.schema : from.schema,
                     .name = row == 0 ? rename.to.name : name_of(from.name, rename.from.name, rename.to.name)};
    taken.insert(to.name);
    steps.push_back({.from = from, .to = to, .kind = RenameStep::Kind::table});
    const Result parts = connection_.exec(
        "select relname, 0 from pg_class where oid in (select indexrelid from pg_index where indrelid = " + oid +
        " union select objid from pg_depend where classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass"
        " and refobjid = " +
        oid +
        " and refobjsubid > 0 and deptype in ('a', 'i') and objid in"
        " (select oid from pg_class where relkind = 'S'))"
        " union all select stxname, 1 from pg_statistic_ext where stxrelid = " +
        oid + " order by 2, 1");
    for (int part = 0; part < parts.rows(); ++part) {
      const std::string name(parts.text(part, 0));
      steps.push_back({.from = {.schema = from.schema, .name = name},
                       .to = {.schema = to.schema, .name = name_of(name, from.name, to.name)},
                       .kind = parts.text(part, 1) == "0" ? RenameStep::Kind::part : RenameStep::Kind::statistics});
    }
  }
  return steps;
}

void ScratchDatabase::clear_the_way(const QualifiedName& name) {
  const std::vector<std::optional<std::string>> parameters{name.schema, name.name};
  const Result found = connection_.exec_params(
      "select case c.relkind when 'c' then 'type' else 'table' end from pg_class c join pg_namespace n on n.oid = c.relnamespace "
      "where n.nspname = $1 and c.relname = $2"
      " union all select 'statistics' from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace"
      " where n.nspname = $1 and s.stxname = $2"
      " union all select 'type' from pg_type t join pg_namespace n on n.oid = t.typnamespace"
      " where n.nspname = $1 and t.typname = $2 and t.typrelid = 0 and t.typcategory <> 'A'",
      parameters);
  for (int row = 0; row < found.rows(); ++row) {
    connection_.exec(alter(name, found.text(row, 0), "rename to pgrecall_in_way_" + std::to_string(++in_way_)));
  }
}

// By way of names that nobody has, so that a=b and b=a work at once.
void ScratchDatabase::carry_out(const std::vector<RenameStep>& steps) {
  std::vector<QualifiedName> between;
  const auto kind_of = [](const RenameStep& step) { return step.kind == RenameStep::Kind::statistics ? "statistics" : "table"; };
  for (const RenameStep& step : steps) {
    const std::string passing = "pgrecall_passing_" + std::to_string(++in_way_);
    connection_.exec(alter(step.from, kind_of(step), "rename to " + passing));
    between.push_back({.schema = step.from.schema, .name = passing});
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].to.schema != steps[i].from.schema) {
      if (steps[i].kind != RenameStep::Kind::part) {
        connection_.exec(alter(between[i], kind_of(steps[i]), "set schema " + quote_identifier(steps[i].to.schema)));
      }
      between[i].schema = steps[i].to.schema;
    }
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    clear_the_way(steps[i].to);
    connection_.exec(alter(between[i], kind_of(steps[i]), "rename to " + quote_identifier(steps[i].to.name)));
  }
}

void ScratchDatabase::rename_tables(const std::vector<TableRename>& renames) {
  std::vector<RenameStep> steps;
  std::set<std::string> taken;
  for (const TableRename& rename : renames) {
    taken.insert(rename.to.name);
  }
  for (const TableRename& rename : renames) {
    const std::vector<std::optional<std::string>> parameters{rename.to.schema};
    if (connection_.exec_params("select from pg_namespace where nspname = $1", parameters).rows() == 0) {
      connection_.exec("create schema " + quote_identifier(rename.to.schema));
    }
    const std::vector<RenameStep> more = steps_of(rename, taken);
    steps.insert(steps.end(), more.begin(), more.end());
  }
  carry_out(steps);
}

void ScratchDatabase::rename_schemas(const std::vector<std::pair<std::string, std::string>>& renames) {
  const auto rename = [&](const std::string& from, const std::string& to) {
    connection_.exec("alter schema " + quote_identifier(from) + " rename to " + quote_identifier(to));
  };
  std::vector<std::pair<std::string, std::vector<std::string>>> extensions;  // by the schema that they stay in
  std::vector<std::string> between;
  for (const auto& [from, to] : renames) {
    const std::vector<std::optional<std::string>> parameters{from};
    const Result found = connection_.exec_params(
        "select extname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where n.nspname = $1", parameters);
    std::vector<std::string> names;
    for (int row = 0; row < found.rows(); ++row) {
      names.emplace_back(found.text(row, 0));
    }
    if (!names.empty()) {
      extensions.emplace_back(from, std::move(names));
    }
    between.push_back("pgrecall_passing_" + std::to_string(++in_way_));
    rename(from, between.back());
  }
  for (std::size_t i = 0; i < renames.size(); ++i) {
    const std::vector<std::optional<std::string>> parameters{renames[i].second};
    if (connection_.exec_params("select from pg_namespace where nspname = $1", parameters).rows() > 0) {
      rename(renames[i].second, "pgrecall_in_way_" + std::to_string(++in_way_));
    }
    rename(between[i], renames[i].second);
  }
  // What is extracted needs an extension where the live database has it: in the schema of the old name.
  for (const auto& [schema, names] : extensions) {
    connection_.exec("create schema if not exists " + quote_identifier(schema));
    for (const std::string& name : names) {
      try {
        connection_.exec("alter extension " + quote_identifier(name) + " set schema " + quote_identifier(schema));
      } catch (const Error& error) {
        throw Error(ErrorKind::failed, "schema " + in_quotes(schema) + " cannot be renamed: extension " + name + " lives in it",
                    "extract its tables (--table) under other names, or the schema to files (--to DIR)")
            .caused_by(error);
      }
    }
  }
}

}  // namespace pgrecall
