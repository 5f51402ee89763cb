#include "engine/extract/transfer.h"

#include "base/error.h"
#include "engine/extract/dump_program.h"
#include "io/rate_limiter.h"

namespace pgrecall {

namespace {

using What = ExtractRequest::What;

constexpr std::string_view reading = "reading rows";

// Runs a COPY ... TO STDOUT; returns its bytes.
std::uint64_t copy_to(Connection& from, const std::string& command, ExtractSink& sink, Progress& progress) {
  from.send(command, reading);
  const auto answer = from.next_result(reading);
  if (!answer || answer->kind() != Result::Kind::copy_out) {
    throw from.error("the scratch server gives no rows");
  }
  std::uint64_t bytes = 0;
  std::span<const std::byte> message;
  while (from.next_copy_message(message, reading) == Connection::CopyState::message) {
    sink.rows(message);
    bytes += message.size();
    progress.add_done(message.size());
  }
  from.finish_command(reading);
  return bytes;
}

std::string without_end(std::string query) {
  const std::size_t last = query.find_last_not_of(" \t\r\n;");
  query.resize(last == std::string::npos ? 0 : last + 1);
  return query;
}

}  // namespace

Transfer::Transfer(const ExtractRequest& request, ExtractReport& report, const ScratchServer& server, ScratchDatabase& source,
                   Progress& progress, const std::stop_token& stop)
    : request_(request),
      report_(report),
      server_(server),
      source_(source),
      progress_(progress),
      stop_(stop),
      owners_(request.owners) {}

std::vector<std::string> Transfer::dump_arguments(const std::string& section) const {
  // Tablespaces, providers of labels and publishers are the old server's. Large objects come with the rows.
  std::vector<std::string> arguments{"--section=" + section,
                                     "--quote-all-identifiers",
                                     "--no-tablespaces",
                                     "--no-security-labels",
                                     "--no-subscriptions",
                                     "--no-blobs",
                                     "-d",
                                     server_.conninfo(source_.name())};
  if (request_.what != What::database) {
    arguments.emplace_back("--no-publications");
    arguments.emplace_back("--strict-names");
  } else if (request_.into) {
    arguments.emplace_back("--create");
  }
  if (owners_ == ExtractRequest::Owners::leave) {
    arguments.insert(arguments.end(), {"--no-owner", "--no-privileges"});
  }
  if (request_.what == What::tables) {
    for (const QualifiedName& name : source_.relations()) {
      arguments.insert(arguments.end(), {"-t", name.quoted()});
    }
  }
  for (const std::string& schema : request_.schemas) {
    std::string name = schema;
    for (const auto& [from, to] : request_.renames) {
      name = from == schema ? to : name;
    }
    arguments.insert(arguments.end(), {"-n", quote_identifier(name)});
  }
  return arguments;
}

void Transfer::read_definitions() {
  progress_.enter("reading definitions", "extract");
  const DumpProgram program{.path = report_.plan.dump_program, .major = 0};
  before_rows_ = run_dump(program, dump_arguments("pre-data"), stop_);
  after_rows_ = run_dump(program, dump_arguments("post-data"), stop_);
  // Every new database has it.
  before_rows_ = without_line(before_rows_, "CREATE SCHEMA " + quote_identifier("public") + ";");
}

void Transfer::drop_database_statements(const std::string& database) {
  for (std::string* text : {&before_rows_, &after_rows_}) {
    *text = without_line(*text, line_that_begins(*text, "CREATE DATABASE " + quote_identifier(database)));
    for (std::string line; !(line = line_that_begins(*text, "\\connect ")).empty();) {
      *text = without_line(*text, line);
    }
  }
}

void Transfer::copy_rows(ExtractedTable& table, ExtractSink& sink) {
  throw_if_stopped(stop_);
  sink.begin_rows(table);
  const std::string list = table.columns.empty() ? "" : table.columns.substr(1, table.columns.size() - 2);
  const std::string what = table.condition.empty()
                               ? table.now.quoted() + " " + table.columns
                               : "(select " + list + " from only " + table.now.quoted() + " " + table.condition + ")";
  table.bytes = copy_to(source_.connection(), "copy " + what + " to stdout" + sink.copy_options(), sink, progress_);
  sink.end_rows();
  // Counted by itself: by another way than the one that brought them.
  table.rows = source_.connection()
                   .exec("select pg_catalog.count(*) from only " + table.now.quoted() + " t " + table.condition)
                   .unsigned_number(0, 0);
  progress_.add_files(1);
}

void Transfer::bring_large_objects(ExtractSink& sink) {
  constexpr const char* page_bytes = "2048";  // LOBLKSIZE, src/include/storage/large_object.h: a quarter of the usual page
  Connection& from = source_.connection();
  const Result objects = from.exec("select oid, pg_get_userbyid(lomowner) from pg_largeobject_metadata order by oid");
  for (int row = 0; row < objects.rows(); ++row) {
    throw_if_stopped(stop_);
    const std::string oid(objects.text(row, 0));
    sink.statement("SELECT pg_catalog.lo_create(" + oid + ");");
    const Result numbers = from.exec("select pageno from pg_largeobject where loid = " + oid + " order by pageno");
    for (int page = 0; page < numbers.rows(); ++page) {
      const std::string number(numbers.text(page, 0));
      const Result data =
          from.exec("select encode(data, 'hex') from pg_largeobject where loid = " + oid + " and pageno = " + number);
      sink.statement("SELECT pg_catalog.lo_put(" + oid + ", " + number + "::bigint * " + page_bytes + ", '\\x" +
                     std::string(data.text(0, 0)) + "');");
    }
    if (owners_ == ExtractRequest::Owners::keep) {
      sink.statement("ALTER LARGE OBJECT " + oid + " OWNER TO " + quote_identifier(objects.text(row, 1)) + ";");
    }
  }
  if (objects.rows() > 0) {
    report_.notes.push_back({.text = std::to_string(objects.rows()) + (objects.rows() == 1 ? " large object" : " large objects") +
                                     " came along, without grants",
                             .statement = {}});
  }
}

void Transfer::compare(ExtractSink& sink) {
  for (ExtractedTable& table : report_.tables) {
    table.arrived = sink.count(table);
    if (table.arrived != table.rows) {
      throw Error(ErrorKind::failed, "table " + table.now.text() + ": other rows arrived than there were; nothing is left of it",
                  "look for what changes rows where they arrive, such as an event trigger or a rule")
          .with("expected", table.rows)
          .with("found", table.arrived);
    }
  }
}

void Transfer::into(ExtractSink& sink) {
  report_.tables = source_.tables();
  report_.sequences = source_.sequences();
  // Rows alone have no constraints that could be made up for.
  const bool all = sink.takes_definitions();
  const std::vector<ExtractNote> notes = source_.notes(all ? ScratchDatabase::Notes::all : ScratchDatabase::Notes::of_rows);
  report_.notes.insert(report_.notes.end(), notes.begin(), notes.end());
  sink.definitions(before_rows_);
  progress_.enter("bringing rows", "extract");
  for (ExtractedTable& table : report_.tables) {
    copy_rows(table, sink);
  }
  for (const ExtractedSequence& sequence : report_.sequences) {
    sink.statement(setval_statement(sequence));
  }
  if (request_.what == What::database) {
    bring_large_objects(sink);
  }
  // Before row security, which could hide rows from whoever counts.
  progress_.enter("counting rows", "extract");
  compare(sink);
  progress_.enter("building indexes and constraints", "extract");
  sink.definitions(after_rows_);
  if (request_.what == What::tables && line_that_begins(after_rows_, "CREATE STATISTICS ").empty()) {
    for (const std::string& statement : source_.statistics()) {
      sink.statement(statement);
    }
  }
}

void copy_query(Connection connection, const std::string& query, ExtractSink& sink, ExtractReport& report, Progress& progress) {
  const std::string encoding = connection.parameter("server_encoding");
  connection.exec("set client_encoding = '" + (encoding == "SQL_ASCII" ? encoding : "UTF8") + "'");
  connection.exec("begin read only");
  ExtractedTable table;
  table.now = {.schema = "", .name = "query"};
  table.then = table.now;
  try {
    sink.begin_rows(table);
    // The line feed ends a comment at the end of the query.
    table.bytes = copy_to(connection, "copy (" + without_end(query) + "\n) to stdout" + sink.copy_options(), sink, progress);
    sink.end_rows();
  } catch (const Error& error) {
    if (error.context("sqlstate").empty()) {
      throw;
    }
    throw Error(ErrorKind::failed, "the query fails in the database of that moment: " + error.message(),
                "tables without a schema are looked for in the search path of the superuser; what was there: pgrecall wal events")
        .with("sqlstate", error.context("sqlstate"));
  }
  table.rows = table.arrived = sink.count(table);
  report.tables.push_back(std::move(table));
}

}  // namespace pgrecall
