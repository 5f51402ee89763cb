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

void ScratchDatabase::note_incoming_keys(std::vector<ExtractNote>& list) {
  const Result incoming = connection_.exec(
      "select k.conrelid::regclass::text, k.conname, k.confrelid::regclass::text, pg_get_constraintdef(k.oid)"
      " from pg_constraint k where k.contype = 'f' and k.conparentid = 0"
      " and exists (select from pg_temp.pgrecall_objects where classid = 'pg_class'::regclass and objid = k.confrelid)"
      " and not exists (select from pg_temp.pgrecall_objects where classid = 'pg_class'::regclass and objid = k.conrelid)"
      " order by 1, 2");
  for (int row = 0; row < incoming.rows(); ++row) {
    const std::string table(incoming.text(row, 0));
    const std::string constraint = quote_identifier(incoming.text(row, 1));
    list.push_back(
        {.text = "foreign key " + constraint + " of " + table + ", which is not extracted, pointed to " +
                 std::string(incoming.text(row, 2)) + ": where a DROP ... CASCADE removed it, this adds it again",
         .statement = "ALTER TABLE " + table + " ADD CONSTRAINT " + constraint + " " + std::string(incoming.text(row, 3)) + ";"});
  }
}

std::vector<ExtractNote> ScratchDatabase::notes() {
  std::vector<ExtractNote> list;
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
  for (const std::string& partition : left_partitions_) {
    list.push_back(
        {.text = "partition " + partition + " is in another schema: it is not extracted, nor are its rows", .statement = {}});
  }
  if (selection_ == Selection::some) {
    note_incoming_keys(list);
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
