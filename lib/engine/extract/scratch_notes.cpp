#include "engine/extract/scratch_database.h"

namespace pgrecall {

std::vector<std::string> ScratchDatabase::statistics() {
  std::vector<std::string> statements;
  const Result found = connection_.exec(
      "select pg_get_statisticsobjdef(o.objid) from pg_temp.pgrecall_objects o"
      " where o.classid = 'pg_statistic_ext'::regclass order by 1");
  for (int row = 0; row < found.rows(); ++row) {
    statements.push_back(std::string(found.text(row, 0)) + ";");
  }
  return statements;
}

std::string ScratchDatabase::relation_text(const std::string& oid) {
  return std::string(connection_.exec("select " + oid + "::regclass::text").text(0, 0));
}

// Under another name it stands beside what the others point to and read, and changes nothing for them.
bool ScratchDatabase::has_other_name(const Result& relation, int row) const {
  const QualifiedName now{.schema = std::string(relation.text(row, 1)), .name = std::string(relation.text(row, 2))};
  return then(std::string(relation.text(row, 0)), now) != now;
}

void ScratchDatabase::note_incoming_keys(std::vector<ExtractNote>& list) {
  const Result incoming = connection_.exec(
      "select c.oid, n.nspname, c.relname, k.conrelid::regclass::text, k.conname, c.oid::regclass::text,"
      " pg_get_constraintdef(k.oid) from pg_constraint k join pg_class c on c.oid = k.confrelid"
      " join pg_namespace n on n.oid = c.relnamespace where k.contype = 'f' and k.conparentid = 0"
      " and exists (select from pg_temp.pgrecall_objects where classid = 'pg_class'::regclass and objid = k.confrelid)"
      " and not exists (select from pg_temp.pgrecall_objects where classid = 'pg_class'::regclass and objid = k.conrelid)"
      " order by 4, 5");
  for (int row = 0; row < incoming.rows(); ++row) {
    if (has_other_name(incoming, row)) {
      continue;
    }
    const std::string table(incoming.text(row, 3));
    const std::string constraint = quote_identifier(incoming.text(row, 4));
    list.push_back(
        {.text = "foreign key " + constraint + " of " + table + ", which is not extracted, pointed to " +
                 std::string(incoming.text(row, 5)) + ": where a DROP ... CASCADE removed it, this adds it again",
         .statement = "ALTER TABLE " + table + " ADD CONSTRAINT " + constraint + " " + std::string(incoming.text(row, 6)) + ";"});
  }
}

void ScratchDatabase::note_readers(std::vector<ExtractNote>& list) {
  const Result found = connection_.exec(
      "with recursive reading(view, oid) as ("
      " select r.ev_class, o.objid from pg_temp.pgrecall_objects o join pg_depend d on d.refclassid = 'pg_class'::regclass"
      " and d.refobjid = o.objid and d.classid = 'pg_rewrite'::regclass join pg_rewrite r on r.oid = d.objid"
      " where o.classid = 'pg_class'::regclass and r.ev_type = '1' union select r.ev_class, reading.oid from reading"
      " join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = reading.view"
      " and d.classid = 'pg_rewrite'::regclass join pg_rewrite r on r.oid = d.objid where r.ev_type = '1')"
      " select distinct c.oid, n.nspname, c.relname, view::regclass::text from reading join pg_class c on c.oid = reading.oid"
      " join pg_namespace n on n.oid = c.relnamespace where not exists"
      " (select from pg_temp.pgrecall_objects where classid = 'pg_class'::regclass and objid = view) order by 4");
  for (int row = 0; row < found.rows(); ++row) {
    if (!has_other_name(found, row)) {
      const std::string view(found.text(row, 3));
      list.push_back({.text = "view " + view + ", which is not extracted, reads " +
                              relation_text(std::string(found.text(row, 0))) +
                              ": where a DROP ... CASCADE removed it, --table brings it back, too",
                      .statement = {}});
    }
  }
}

// What is left out with no word is missed late: replication that no longer has a table says nothing.
void ScratchDatabase::note_publications(std::vector<ExtractNote>& list) {
  const bool filters = connection_.server_major() >= 15;
  const Result published = connection_.exec(
      std::string("select c.oid, n.nspname, c.relname, p.pubname, ") +
      (filters ? "coalesce((select ' (' || string_agg(quote_ident(attname), ', ' order by attnum) || ')' from pg_attribute"
                 " where attrelid = c.oid and attnum = any(m.prattrs)), '')"
                 " || coalesce(' WHERE (' || pg_get_expr(m.prqual, c.oid) || ')', '')"
               : "''") +
      " from pg_publication_rel m join pg_publication p on p.oid = m.prpubid join pg_class c on c.oid = m.prrelid"
      " join pg_namespace n on n.oid = c.relnamespace where exists (select from pg_temp.pgrecall_objects"
      " where classid = 'pg_class'::regclass and objid = c.oid) order by 2, 3, 4");
  for (int row = 0; row < published.rows(); ++row) {
    const std::string table = relation_text(std::string(published.text(row, 0)));
    const std::string publication = quote_identifier(published.text(row, 3));
    if (!has_other_name(published, row)) {
      list.push_back({.text = table + " was in publication " + publication + ", which is left out",
                      .statement = "ALTER PUBLICATION " + publication + " ADD TABLE ONLY " + table +
                                   std::string(published.text(row, 4)) + ";"});
    }
  }
}

void ScratchDatabase::note_children(std::vector<ExtractNote>& list) {
  const Result children = connection_.exec(
      "select i.inhparent::regclass::text, string_agg(i.inhrelid::regclass::text, ', ' order by 1) from pg_inherits i"
      " join pg_class c on c.oid = i.inhrelid where not c.relispartition and c.relkind in ('r', 'f')"
      " and exists (select from pg_temp.pgrecall_objects where classid = 'pg_class'::regclass and objid = i.inhparent)"
      " and not exists (select from pg_temp.pgrecall_objects where classid = 'pg_class'::regclass and objid = i.inhrelid)"
      " group by 1 order by 1");
  for (int row = 0; row < children.rows(); ++row) {
    list.push_back({.text = std::string(children.text(row, 0)) +
                            " had children that are not extracted, nor are their rows: " + std::string(children.text(row, 1)),
                    .statement = {}});
  }
}

void ScratchDatabase::note_cuts(std::vector<ExtractNote>& list) {
  for (const CutKey& key : cut_keys_) {
    const std::string table = relation_text(key.table);
    const bool partitioned = connection_.exec("select relkind = 'p' from pg_class where oid = " + key.table).boolean(0, 0);
    const std::string validity = partitioned || key.definition.ends_with(" NOT VALID") ? "" : " NOT VALID";
    list.push_back({.text = "foreign key " + quote_identifier(key.name) + " of " + table +
                            " is left out: the table that it points to is not extracted",
                    .statement = "ALTER TABLE " + table + " ADD CONSTRAINT " + quote_identifier(key.name) + " " + key.definition +
                                 validity + ";"});
  }
  for (const CutParent& cut : cut_parents_) {
    const std::string table = relation_text(cut.table);
    list.push_back({.text = table + " was a " + (cut.bound.empty() ? "child" : "partition") + " of " + cut.parent +
                            ", which is not extracted: it comes as a table of its own",
                    .statement = cut.bound.empty()
                                     ? "ALTER TABLE " + table + " INHERIT " + cut.parent + ";"
                                     : "ALTER TABLE " + cut.parent + " ATTACH PARTITION " + table + " " + cut.bound + ";"});
  }
}

std::vector<ExtractNote> ScratchDatabase::notes(Notes which) {
  std::vector<ExtractNote> list;
  if (which == Notes::all) {
    note_cuts(list);
  }
  for (const std::string& partition : left_partitions_) {
    list.push_back(
        {.text = "partition " + partition + " is in another schema: it is not extracted, nor are its rows", .statement = {}});
  }
  if (selection_ == Selection::some) {
    if (which == Notes::all) {
      note_incoming_keys(list);
      note_readers(list);
      note_publications(list);
    }
    note_children(list);
  }
  for (const auto& [condition, text] : std::vector<std::pair<std::string, std::string>>{
           {"c.relkind = 'r' and c.relpersistence = 'u'", " is unlogged: PostgreSQL keeps its rows in no backup, it comes empty"},
           {"c.relkind = 'm'", " is filled anew by its query, from the tables as they are where it is brought to"},
           {"c.relkind = 'f'", " is a foreign table: its rows are on another server"}}) {
    for (const QualifiedName& name : names_where(condition)) {
      list.push_back({.text = name.text() + text, .statement = {}});
    }
  }
  return list;
}

}  // namespace pgrecall
