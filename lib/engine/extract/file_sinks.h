#pragma once

#include <map>
#include <memory>
#include <optional>

#include "engine/extract/sink.h"
#include "io/fd.h"

namespace pgrecall {

// A file that gets its name when it is whole and synced; before, it ends in ".partial", and is removed unless finished.
class PartialFile {
 public:
  PartialFile(const std::string& directory, const std::string& name);
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  ~PartialFile();

  void write(ByteView bytes);
  // Everything is on the disk.
  void seal();
  // After seal(): under its name.
  void publish();
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  void flush();

  std::string path_;
  Fd fd_;
  Bytes buffer_;
  enum class State { open, sealed, published } state_ = State::open;
};

// An absent directory is made; one that holds anything but partial files of an interrupted run is refused with Error{failed}.
void prepare_output_directory(const std::string& directory);

// <directory>/extract.sql, for psql.
class SqlFileSink final : public ExtractSink {
 public:
  explicit SqlFileSink(const std::string& directory) : directory_(directory), file_(directory, "extract.sql") {}

  [[nodiscard]] bool takes_definitions() const noexcept override { return true; }
  void definitions(std::string_view sql) override;
  [[nodiscard]] std::string copy_options() const override { return {}; }
  void begin_rows(const ExtractedTable& table) override;
  void rows(ByteView bytes) override;
  void end_rows() override;
  void statement(const std::string& sql) override;
  [[nodiscard]] std::uint64_t count(const ExtractedTable& table) override;
  void finish() override;
  [[nodiscard]] std::vector<std::string> files() const override { return {file_.path()}; }

 private:
  std::string directory_;
  PartialFile file_;
  QualifiedName table_;
  std::optional<RowCounter> counter_;
  std::map<QualifiedName, std::uint64_t> counts_;
};

// <directory>/<schema>.<table>.csv, one a table, or one file of the name given; the first line has the names of the columns.
class CsvSink final : public ExtractSink {
 public:
  explicit CsvSink(std::string directory, std::string only_file = {})
      : directory_(std::move(directory)), only_file_(std::move(only_file)) {}

  [[nodiscard]] bool takes_definitions() const noexcept override { return false; }
  void definitions(std::string_view) override {}
  [[nodiscard]] std::string copy_options() const override { return " (FORMAT csv, HEADER)"; }
  void begin_rows(const ExtractedTable& table) override;
  void rows(ByteView bytes) override;
  void end_rows() override;
  void statement(const std::string&) override {}
  [[nodiscard]] std::uint64_t count(const ExtractedTable& table) override;
  void finish() override;
  [[nodiscard]] std::vector<std::string> files() const override;

 private:
  std::string directory_;
  std::string only_file_;
  std::vector<std::unique_ptr<PartialFile>> files_;
  QualifiedName table_;
  std::optional<RowCounter> counter_;
  std::map<QualifiedName, std::uint64_t> counts_;
};

}  // namespace pgrecall
