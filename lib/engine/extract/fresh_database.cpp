#include "engine/extract/fresh_database.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/wording.h"
#include "postgres/conninfo.h"

namespace pgrecall {

namespace {

constexpr std::string_view working_begin = "pgrecall_extract_";
constexpr std::size_t working_random = 4;  // bytes
// Of an advisory lock: held, shared, by all who work on such databases. "pgrecall" in ASCII.
constexpr const char* lock_key = "8099849164183694444";

// The same server, whatever form the conninfo has; never shown, since it may hold a password.
ConnectionSettings with_database(const ConnectionSettings& settings, const std::string& database) {
  ConnectionSettings other = settings;
  other.conninfo.clear();
  for (const auto& [keyword, value] : connect_parameters(settings, ReplicationMode::none).options) {
    if (keyword != "dbname" && !value.empty()) {
      other.conninfo += keyword + "=" + conninfo_quoted(value.reveal()) + " ";
    }
  }
  other.conninfo += "dbname=" + conninfo_quoted(database);
  return other;
}

}  // namespace

FreshDatabase::FreshDatabase(const ConnectionSettings& settings, std::string final_name, unsigned source_major,
                             const std::stop_token& stop)
    : settings_(settings),
      final_name_(std::move(final_name)),
      working_name_(std::string(working_begin) + random_hex(working_random)),
      source_major_(source_major),
      stop_(stop),
      server_(settings, source_major, stop) {
  drop_leavings();
  server_.execute_alone(std::string("select pg_catalog.pg_advisory_lock_shared(") + lock_key + ")");
}

FreshDatabase::~FreshDatabase() {
  if (state_ != State::made) {
    return;
  }
  try {
    server_.outlive_stop();
    server_.execute_alone("drop database " + quote_identifier(working_name_));
  } catch (const Error&) {
    state_ = State::none;  // the next run on that server drops it
  }
}

void FreshDatabase::drop_leavings() {
  for (const std::string& name : server_.unlocked_databases(std::string(working_begin), lock_key)) {
    server_.execute_alone("drop database if exists " + quote_identifier(name));
  }
}

void FreshDatabase::create(const std::string& statement) {
  if (!statement.starts_with("CREATE DATABASE " + quote_identifier(working_name_))) {
    throw Error(ErrorKind::failed, "pg_dump does not say how to make the database");
  }
  server_.execute_alone(statement);
  state_ = State::made;
}

DatabaseSink FreshDatabase::connect() const { return {with_database(settings_, working_name_), source_major_, stop_}; }

void FreshDatabase::publish() {
  server_.execute_alone("alter database " + quote_identifier(working_name_) + " rename to " + quote_identifier(final_name_));
  state_ = State::published;
}

}  // namespace pgrecall
