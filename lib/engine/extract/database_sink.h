#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/extract/sink.h"
#include "postgres/connection.h"

namespace pgrecall {

// What somebody else's object is called by pg_identify_object_as_address(), and for people.
struct ObjectAddress {
  std::string type;
  std::string names;      // text[]
  std::string arguments;  // text[]
  std::string description;
};

// A live database that gets what was extracted: all of it in one transaction, or nothing. Not for two threads at once.
class DatabaseSink final : public ExtractSink {
 public:
  // Connects. Error{failed} when the server is older than `source_major`: what it does not know would come over half.
  DatabaseSink(const ConnectionSettings& settings, unsigned source_major, std::stop_token stop);

  [[nodiscard]] unsigned major() const { return static_cast<unsigned>(connection_.server_major()); }
  [[nodiscard]] const std::string& database() const noexcept { return database_; }
  [[nodiscard]] const std::string& user() const noexcept { return user_; }
  // "database D on host H".
  [[nodiscard]] const std::string& description() const noexcept { return description_; }
  [[nodiscard]] bool database_exists(const std::string& name);
  // Of these relations, those whose names are taken.
  [[nodiscard]] std::vector<QualifiedName> taken(const std::vector<QualifiedName>& names);
  enum class SchemaState { missing, empty, used };
  [[nodiscard]] SchemaState schema_state(const std::string& schema);
  // Of these roles, those that are there; and those of them that this session may make owners.
  [[nodiscard]] std::set<std::string> known_roles(const std::vector<std::string>& roles);
  [[nodiscard]] std::set<std::string> possible_owners(const std::vector<std::string>& roles);
  // Of these objects, those that are not there.
  [[nodiscard]] std::vector<ObjectAddress> missing(const std::vector<ObjectAddress>& objects);

  // Databases whose names begin so and that nobody works on: none while another session holds the advisory lock.
  [[nodiscard]] std::vector<std::string> unlocked_databases(const std::string& begin, const std::string& lock_key);
  // From now on it may still say and hear what has to be, after the work was cancelled.
  void outlive_stop() noexcept { connection_.outlive_stop(); }
  // Outside of the transaction.
  void execute_alone(const std::string& sql);
  // Before definitions().
  void begin();
  void create_schema(const std::string& schema);
  // Empty schemas that are there already: what pg_dump writes must not make them.
  void keep_schema(const std::string& schema) { kept_schemas_.push_back(schema); }

  [[nodiscard]] bool takes_definitions() const noexcept override { return true; }
  void definitions(std::string_view sql) override;
  [[nodiscard]] std::string copy_options() const override { return {}; }
  void begin_rows(const ExtractedTable& table) override;
  void rows(ByteView bytes) override;
  void end_rows() override;
  void statement(const std::string& sql) override;
  [[nodiscard]] std::uint64_t count(const ExtractedTable& table) override;
  void finish() override;

 private:
  template <typename Operation>
  auto told(const std::string& what, Operation operation);
  void flush();

  Connection connection_;
  std::string database_;
  std::string user_;
  std::string description_;
  std::vector<std::string> kept_schemas_;
  Bytes buffer_;
  std::string table_;
};

}  // namespace pgrecall
