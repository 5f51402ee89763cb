#include <libpq-fe.h>

#include <charconv>

#include "postgres/connection.h"

namespace pgrecall {
namespace {

[[noreturn]] void refuse(const pg_result* result, int column, std::string_view what) {
  // Asking libpq for a column that is not there would call the notice receiver of a connection that may be gone.
  const char* column_name = column >= 0 && column < PQnfields(result) ? PQfname(result, column) : nullptr;
  throw Error(ErrorKind::database_unreachable, "the server's answer has " + std::string(what))
      .with("column", column_name == nullptr ? std::to_string(column) : std::string(column_name));
}

template <typename T>
T parse(const pg_result* result, int column, std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    refuse(result, column, "no number where one belongs");
  }
  return value;
}

}  // namespace

void Result::Clear::operator()(pg_result* result) const noexcept { PQclear(result); }

Result::Kind Result::kind() const noexcept {
  if (!result_) {
    return Kind::none;
  }
  switch (PQresultStatus(result_.get())) {
    case PGRES_COMMAND_OK: return Kind::command;
    case PGRES_TUPLES_OK: return Kind::rows;
    case PGRES_COPY_IN: return Kind::copy_in;
    case PGRES_COPY_OUT: return Kind::copy_out;
    case PGRES_COPY_BOTH: return Kind::copy_both;
    default: return Kind::other;
  }
}

int Result::rows() const noexcept { return PQntuples(result_.get()); }

int Result::columns() const noexcept { return PQnfields(result_.get()); }

bool Result::is_null(int row, int column) const {
  if (row < 0 || row >= rows() || column < 0 || column >= columns()) {
    refuse(result_.get(), column, "fewer rows or columns than expected");
  }
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::optional<std::string_view> Result::optional_text(int row, int column) const {
  if (is_null(row, column)) {
    return std::nullopt;
  }
  return std::string_view(PQgetvalue(result_.get(), row, column),
                          static_cast<std::size_t>(PQgetlength(result_.get(), row, column)));
}

std::string_view Result::text(int row, int column) const {
  const auto text = optional_text(row, column);
  if (!text) {
    refuse(result_.get(), column, "a NULL where a value belongs");
  }
  return *text;
}

std::uint64_t Result::unsigned_number(int row, int column) const {
  return parse<std::uint64_t>(result_.get(), column, text(row, column));
}

std::int64_t Result::number(int row, int column) const { return parse<std::int64_t>(result_.get(), column, text(row, column)); }

bool Result::boolean(int row, int column) const {
  const std::string_view value = text(row, column);
  if (value == "t" || value == "on") {
    return true;
  }
  if (value == "f" || value == "off") {
    return false;
  }
  refuse(result_.get(), column, "no boolean where one belongs");
}

Lsn Result::lsn(int row, int column) const {
  const auto lsn = Lsn::parse(text(row, column));
  if (!lsn) {
    refuse(result_.get(), column, "no LSN where one belongs");
  }
  return *lsn;
}

std::vector<std::optional<std::string_view>> Result::fields(int row) const {
  std::vector<std::optional<std::string_view>> fields;
  fields.reserve(static_cast<std::size_t>(columns()));
  for (int column = 0; column < columns(); ++column) {
    fields.push_back(optional_text(row, column));
  }
  return fields;
}

}  // namespace pgrecall
