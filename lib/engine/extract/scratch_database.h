#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/extract/database_sink.h"
#include "engine/extract/names.h"
#include "engine/extract/sink.h"
#include "postgres/connection.h"

namespace pgrecall {

// What is left out, or was changed on the way, and what to do for it.
struct ExtractNote {
  std::string text;
  std::string statement;  // SQL that makes up for it; may be empty
};

struct NeededRole {
  std::string name;
  enum class Owns { nothing, something } owns = Owns::nothing;
};

// One database of a scratch server, and what of it is to be extracted. The copy is ours and goes away, so names, owners and what
// does not belong are changed in it, and pg_dump then writes what is wanted. The server must be out of recovery. One thread.
class ScratchDatabase {
 public:
  ScratchDatabase(Connection connection, std::string database);

  [[nodiscard]] Connection& connection() noexcept { return connection_; }
  [[nodiscard]] const std::string& name() const noexcept { return database_; }

  // What is extracted. Each returns the names that are not there.
  [[nodiscard]] std::vector<QualifiedName> select_tables(const std::vector<QualifiedName>& tables);
  [[nodiscard]] std::vector<std::string> select_schemas(const std::vector<std::string>& schemas);
  void select_everything();

  // Cuts what ties the selection to what is not extracted: foreign keys to other tables, parents that are not extracted. Then
  // everything that belongs to the selection (indexes, owned sequences, constraints ...) is known. Call once, after select_...
  void settle();
  // What the selection cannot do without and does not bring: types, functions, sequences, tables below views.
  [[nodiscard]] std::vector<ObjectAddress> needs();
  [[nodiscard]] std::vector<NeededRole> roles();
  // Whether something belongs to the superuser that initdb made; PostgreSQL gives nothing of that one away.
  [[nodiscard]] std::string bootstrap_owner();
  // Everything of `role` becomes `owner`'s; with Grants::drop, what was granted to it is revoked.
  enum class Grants { keep, drop };
  void hand_over(const std::string& role, const std::string& owner, Grants grants);

  void rename_tables(const std::vector<TableRename>& renames);
  void rename_schemas(const std::vector<std::pair<std::string, std::string>>& renames);

  // Under their names of now, with what they were at the moment.
  [[nodiscard]] std::vector<ExtractedTable> tables();
  [[nodiscard]] std::vector<ExtractedSequence> sequences();
  // All relations that pg_dump has to be told of by name: tables, partitions, views; not what comes with them.
  [[nodiscard]] std::vector<QualifiedName> relations();
  // All names that will be taken where this is brought to, indexes and sequences included.
  [[nodiscard]] std::vector<QualifiedName> all_names();
  // Statements that make extended statistics: pg_dump does not take these to belong to a table.
  [[nodiscard]] std::vector<std::string> statistics();
  // What was cut by settle(), and what does not come over as it is, in words of the names of now.
  enum class Notes { all, of_rows };
  [[nodiscard]] std::vector<ExtractNote> notes(Notes which);

 private:
  struct CutKey {
    std::string table;  // oid
    std::string name;
    std::string definition;
  };
  struct CutParent {
    std::string table;  // oid
    std::string parent;
    std::string bound;  // empty: plain inheritance
  };
  struct RenameStep;

  void seed(const std::string& select);
  void cut_parents();
  void cut_foreign_keys();
  void find_dependents();
  void remember_names();
  void note_incoming_keys(std::vector<ExtractNote>& list);
  void note_readers(std::vector<ExtractNote>& list);
  void note_publications(std::vector<ExtractNote>& list);
  void note_children(std::vector<ExtractNote>& list);
  void note_cuts(std::vector<ExtractNote>& list);
  // Of a row that begins with oid, schema and name of now.
  [[nodiscard]] bool has_other_name(const Result& relation, int row) const;
  void clear_the_way(const QualifiedName& name);
  void carry_out(const std::vector<RenameStep>& steps);
  [[nodiscard]] std::vector<RenameStep> steps_of(const TableRename& rename, std::set<std::string>& taken);
  [[nodiscard]] std::vector<QualifiedName> names_where(const std::string& condition);
  [[nodiscard]] QualifiedName then(const std::string& oid, const QualifiedName& now) const;
  [[nodiscard]] std::string relation_text(const std::string& oid);

  Connection connection_;
  std::string database_;
  std::map<std::string, QualifiedName> then_;  // by oid
  std::vector<CutKey> cut_keys_;
  std::vector<CutParent> cut_parents_;
  std::vector<std::string> left_partitions_;
  unsigned in_way_ = 0;
  enum class Selection { some, everything } selection_ = Selection::some;
};

}  // namespace pgrecall
