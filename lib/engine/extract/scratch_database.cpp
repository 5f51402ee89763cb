#include "engine/extract/scratch_database.h"

#include "base/error.h"
#include "base/wording.h"

namespace pgrecall {

namespace {

// pg_depend of PostgreSQL: auto, internal, partition (primary, secondary). What depends so on a table goes where the table goes.
constexpr const char* dependents_sql =
    "with recursive belonging(classid, objid) as ("
    " select classid, objid from pg_temp.pgrecall_seeds"
    " union select d.classid, d.objid from pg_depend d join belonging b on d.refclassid = b.classid and d.refobjid = b.objid"
    " where d.deptype in ('a', 'i', 'P', 'S'))"
    " insert into pg_temp.pgrecall_objects select classid, objid from belonging b"
    " where not exists (select from pg_depend e where e.classid = b.classid and e.objid = b.objid and e.deptype = 'e')";

// 16384: FirstNormalObjectId, src/include/access/transam.h.
constexpr const char* needs_sql =
    "select distinct a.type, a.object_names::text, a.object_args::text, pg_describe_object(d.refclassid, d.refobjid, 0)"
    " from pg_depend d join pg_temp.pgrecall_objects o on o.classid = d.classid and o.objid = d.objid,"
    " lateral pg_identify_object_as_address(d.refclassid, d.refobjid, 0) a"
    " where d.refobjid >= 16384 and d.deptype <> 'e'"
    " and d.refclassid not in ('pg_namespace'::regclass, 'pg_extension'::regclass, 'pg_publication'::regclass)"
    " and not exists (select from pg_temp.pgrecall_objects i where i.classid = d.refclassid and i.objid = d.refobjid) order by 4";

constexpr const char* roles_sql =
    "select r.rolname, bool_or(s.deptype = 'o') from pg_shdepend s join pg_roles r on r.oid = s.refobjid"
    " where s.refclassid = 'pg_authid'::regclass and ((s.dbid = (select oid from pg_database where datname = current_database())"
    " and (@EVERYTHING@ or exists (select from pg_temp.pgrecall_objects o where o.classid = s.classid and o.objid = s.objid)))"
    " or (@EVERYTHING@ and s.dbid = 0 and s.classid = 'pg_database'::regclass"
    " and s.objid = (select oid from pg_database where datname = current_database()))) group by 1 order by 1";

constexpr const char* bootstrap_owner_sql =
    "select pg_get_userbyid(10) where exists (select from pg_temp.pgrecall_objects o where"
    " (o.classid = 'pg_class'::regclass and exists (select from pg_class where oid = o.objid and relowner = 10))"
    " or (o.classid = 'pg_namespace'::regclass and exists (select from pg_namespace where oid = o.objid and nspowner = 10))"
    " or (o.classid = 'pg_proc'::regclass and exists (select from pg_proc where oid = o.objid and proowner = 10))"
    " or (o.classid = 'pg_type'::regclass and exists (select from pg_type where oid = o.objid and typowner = 10)))";

// Tables with the columns that COPY takes; it does without a list where there are none. Of tables that belong to an extension,
// only what the extension itself has dumped.
constexpr const char* tables_sql =
    "select c.oid, n.nspname, c.relname,"
    " coalesce((select '(' || string_agg('\"' || replace(attname, '\"', '\"\"') || '\"', ', ' order by attnum) || ')' from "
    "pg_attribute"
    "  where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = ''), ''), o.condition"
    " from (select objid, '' as condition from pg_temp.pgrecall_objects where classid = 'pg_class'::regclass"
    "  union all select x.oid, x.condition from pg_extension e, unnest(e.extconfig, e.extcondition) x(oid, condition)"
    "  where @EVERYTHING@) o"
    " join pg_class c on c.oid = o.objid join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' order by 2, 3";

std::string with_everything(std::string sql, bool everything) {
  constexpr std::string_view mark = "@EVERYTHING@";
  for (std::size_t at = sql.find(mark); at != std::string::npos; at = sql.find(mark)) {
    sql.replace(at, mark.size(), everything ? "true" : "false");
  }
  return sql;
}

QualifiedName name_at(const Result& result, int row, int schema_column) {
  return {.schema = std::string(result.text(row, schema_column)), .name = std::string(result.text(row, schema_column + 1))};
}

}  // namespace

ScratchDatabase::ScratchDatabase(Connection connection, std::string database)
    : connection_(std::move(connection)), database_(std::move(database)) {
  connection_.exec("select pg_catalog.set_config('search_path', '', false)");
  connection_.exec("set client_encoding = " + quote_literal(connection_.parameter("server_encoding")));
  connection_.exec("set datestyle = iso; set intervalstyle = postgres; set extra_float_digits = 3; set row_security = off");
  connection_.exec(
      "create temporary table pgrecall_seeds (classid oid, objid oid);"
      " create temporary table pgrecall_objects (classid oid, objid oid, primary key (classid, objid))");
  // Their transactions had not ended at the moment, and their locks would be in the way.
  const Result prepared = connection_.exec("select gid from pg_prepared_xacts where database = current_database()");
  for (int row = 0; row < prepared.rows(); ++row) {
    connection_.exec("rollback prepared " + quote_literal(prepared.text(row, 0)));
  }
}

void ScratchDatabase::seed(const std::string& select) { connection_.exec("insert into pg_temp.pgrecall_seeds " + select); }

std::vector<QualifiedName> ScratchDatabase::select_tables(const std::vector<QualifiedName>& tables) {
  std::vector<QualifiedName> missing;
  for (const QualifiedName& table : tables) {
    const std::vector<std::optional<std::string>> parameters{table.schema, table.name};
    const Result found = connection_.exec_params(
        "select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2"
        " and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')",
        parameters);
    if (found.rows() == 0) {
      missing.push_back(table);
      continue;
    }
    seed("with recursive tree(oid) as (select " + std::string(found.text(0, 0)) +
         "::oid union select i.inhrelid from pg_inherits i join tree on i.inhparent = tree.oid"
         " join pg_class c on c.oid = i.inhrelid where c.relispartition) select 'pg_class'::regclass, oid from tree");
  }
  return missing;
}

std::vector<std::string> ScratchDatabase::select_schemas(const std::vector<std::string>& schemas) {
  std::vector<std::string> missing;
  for (const std::string& schema : schemas) {
    const std::vector<std::optional<std::string>> parameters{schema};
    const Result found = connection_.exec_params("select oid from pg_namespace where nspname = $1", parameters);
    if (found.rows() == 0) {
      missing.push_back(schema);
      continue;
    }
    const std::string oid(found.text(0, 0));
    seed("select 'pg_namespace'::regclass, " + oid +
         "::oid union select classid, objid from pg_depend"
         " where refclassid = 'pg_namespace'::regclass and refobjid = " +
         oid + " and deptype = 'n'");
  }
  return missing;
}

void ScratchDatabase::select_everything() {
  selection_ = Selection::everything;
  seed(
      "select 'pg_class'::regclass, c.oid from pg_class c where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')"
      " and c.relpersistence <> 't'");
}

void ScratchDatabase::settle() {
  if (selection_ == Selection::some) {
    // 17 and later run without them.
    const Result triggers = connection_.exec("select evtname from pg_event_trigger where evtenabled <> 'D'");
    for (int row = 0; row < triggers.rows() && connection_.server_major() < 17; ++row) {
      connection_.exec("alter event trigger " + quote_identifier(triggers.text(row, 0)) + " disable");
    }
    cut_parents();
    cut_foreign_keys();
  }
  find_dependents();
  remember_names();
}

void ScratchDatabase::cut_parents() {
  const Result found = connection_.exec(
      "select i.inhrelid, i.inhparent::regclass::text, i.inhrelid::regclass::text, c.relispartition,"
      " coalesce(pg_get_expr(c.relpartbound, c.oid), '') from pg_inherits i join pg_class c on c.oid = i.inhrelid"
      " where c.relkind in ('r', 'p', 'f') and exists (select from pg_temp.pgrecall_seeds where objid = i.inhrelid)"
      " and not exists (select from pg_temp.pgrecall_seeds where objid = i.inhparent)");
  for (int row = 0; row < found.rows(); ++row) {
    const std::string parent(found.text(row, 1));
    const std::string child(found.text(row, 2));
    connection_.exec(found.boolean(row, 3) ? "alter table " + parent + " detach partition " + child
                                           : "alter table " + child + " no inherit " + parent);
    cut_parents_.push_back(
        {.table = std::string(found.text(row, 0)), .parent = parent, .bound = std::string(found.text(row, 4))});
  }
}

void ScratchDatabase::cut_foreign_keys() {
  const Result found = connection_.exec(
      "select k.conrelid, k.conname, k.conrelid::regclass::text, pg_get_constraintdef(k.oid) from pg_constraint k"
      " where k.contype = 'f' and k.conparentid = 0 and exists (select from pg_temp.pgrecall_seeds where objid = k.conrelid)"
      " and not exists (select from pg_temp.pgrecall_seeds where objid = k.confrelid) order by 3, 2");
  for (int row = 0; row < found.rows(); ++row) {
    const std::string constraint(found.text(row, 1));
    connection_.exec("alter table " + std::string(found.text(row, 2)) + " drop constraint " + quote_identifier(constraint));
    cut_keys_.push_back(
        {.table = std::string(found.text(row, 0)), .name = constraint, .definition = std::string(found.text(row, 3))});
  }
}

void ScratchDatabase::find_dependents() {
  connection_.exec(dependents_sql);
  if (selection_ == Selection::everything) {
    return;
  }
  // Of a schema's partitioned tables: pg_dump does not follow them there.
  const Result elsewhere = connection_.exec(
      "delete from pg_temp.pgrecall_objects o using pg_class c where o.classid = 'pg_class'::regclass and c.oid = o.objid"
      " and c.relispartition and c.relkind in ('r', 'p', 'f')"
      " and not exists (select from pg_temp.pgrecall_seeds s where s.objid = o.objid) returning c.oid::regclass::text");
  for (int row = 0; row < elsewhere.rows(); ++row) {
    left_partitions_.emplace_back(elsewhere.text(row, 0));
  }
}

void ScratchDatabase::remember_names() {
  const Result found = connection_.exec(
      "select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
      " join pg_temp.pgrecall_objects o on o.objid = c.oid and o.classid = 'pg_class'::regclass where c.relkind in ('r', 'p', "
      "'m', 'S')");
  for (int row = 0; row < found.rows(); ++row) {
    then_.emplace(std::string(found.text(row, 0)), name_at(found, row, 1));
  }
}

std::vector<ObjectAddress> ScratchDatabase::needs() {
  std::vector<ObjectAddress> objects;
  const Result found = connection_.exec(needs_sql);
  for (int row = 0; row < found.rows(); ++row) {
    objects.push_back({.type = std::string(found.text(row, 0)),
                       .names = std::string(found.text(row, 1)),
                       .arguments = std::string(found.text(row, 2)),
                       .description = std::string(found.text(row, 3))});
  }
  return objects;
}

std::vector<NeededRole> ScratchDatabase::roles() {
  std::vector<NeededRole> needed;
  const Result found = connection_.exec(with_everything(roles_sql, selection_ == Selection::everything));
  for (int row = 0; row < found.rows(); ++row) {
    needed.push_back({.name = std::string(found.text(row, 0)),
                      .owns = found.boolean(row, 1) ? NeededRole::Owns::something : NeededRole::Owns::nothing});
  }
  return needed;
}

std::string ScratchDatabase::bootstrap_owner() {
  const Result found = connection_.exec(bootstrap_owner_sql);
  return found.rows() > 0 ? std::string(found.text(0, 0)) : std::string();
}

void ScratchDatabase::hand_over(const std::string& role, const std::string& owner, Grants grants) {
  const std::vector<std::optional<std::string>> parameters{owner};
  if (connection_.exec_params("select from pg_roles where rolname = $1", parameters).rows() == 0) {
    connection_.exec("create role " + quote_identifier(owner));
  }
  connection_.exec("reassign owned by " + quote_identifier(role) + " to " + quote_identifier(owner));
  if (grants == Grants::drop) {
    connection_.exec("drop owned by " + quote_identifier(role));
  }
}

QualifiedName ScratchDatabase::then(const std::string& oid, const QualifiedName& now) const {
  const auto found = then_.find(oid);
  return found == then_.end() ? now : found->second;
}

std::vector<ExtractedTable> ScratchDatabase::tables() {
  std::vector<ExtractedTable> found_tables;
  const Result found = connection_.exec(with_everything(tables_sql, selection_ == Selection::everything));
  for (int row = 0; row < found.rows(); ++row) {
    ExtractedTable table;
    table.now = name_at(found, row, 1);
    table.then = then(std::string(found.text(row, 0)), table.now);
    table.columns = found.text(row, 3);
    table.condition = found.text(row, 4);
    found_tables.push_back(std::move(table));
  }
  return found_tables;
}

std::vector<ExtractedSequence> ScratchDatabase::sequences() {
  std::vector<ExtractedSequence> found_sequences;
  const Result found = connection_.exec(
      "select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
      " join pg_temp.pgrecall_objects o on o.objid = c.oid and o.classid = 'pg_class'::regclass"
      " where c.relkind = 'S' order by 2, 3");
  for (int row = 0; row < found.rows(); ++row) {
    ExtractedSequence sequence;
    sequence.now = name_at(found, row, 1);
    sequence.then = then(std::string(found.text(row, 0)), sequence.now);
    const Result value = connection_.exec("select last_value, is_called from " + sequence.now.quoted());
    sequence.last_value = value.number(0, 0);
    sequence.called = value.boolean(0, 1) ? ExtractedSequence::Called::yes : ExtractedSequence::Called::no;
    found_sequences.push_back(std::move(sequence));
  }
  return found_sequences;
}

std::vector<QualifiedName> ScratchDatabase::names_where(const std::string& condition) {
  std::vector<QualifiedName> names;
  const Result found = connection_.exec(
      "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
      " join pg_temp.pgrecall_objects o on o.objid = c.oid and o.classid = 'pg_class'::regclass where " +
      condition + " order by 1, 2");
  for (int row = 0; row < found.rows(); ++row) {
    names.push_back(name_at(found, row, 0));
  }
  return names;
}

std::vector<QualifiedName> ScratchDatabase::relations() {
  return names_where("exists (select from pg_temp.pgrecall_seeds s where s.objid = c.oid and s.classid = o.classid)");
}

std::vector<QualifiedName> ScratchDatabase::all_names() { return names_where("c.relkind <> 't' and n.nspname <> 'pg_toast'"); }

}  // namespace pgrecall
