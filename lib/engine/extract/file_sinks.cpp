#include "engine/extract/file_sinks.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/error.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t written_at_once = 1U << 18U;  // bytes
constexpr std::string_view partial_end = ".partial";
constexpr unsigned private_file = 0600;
constexpr unsigned private_output = 0700;

std::string partial(const std::string& path) { return path + std::string(partial_end); }

}  // namespace

std::string setval_statement(const ExtractedSequence& sequence) {
  return "SELECT pg_catalog.setval(" + quote_literal(sequence.now.quoted()) + ", " + std::to_string(sequence.last_value) + ", " +
         (sequence.called == ExtractedSequence::Called::yes ? "true" : "false") + ");";
}

PartialFile::PartialFile(const std::string& directory, const std::string& name)
    : path_(directory + "/" + name), fd_(open_file(partial(path_), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, private_file)) {
  buffer_.reserve(written_at_once);
}

PartialFile::~PartialFile() {
  if (state_ != State::published) {
    ::unlink(partial(path_).c_str());
  }
}

void PartialFile::write(ByteView bytes) {
  if (buffer_.size() + bytes.size() > written_at_once) {
    flush();
  }
  if (bytes.size() > written_at_once) {
    write_all(fd_, bytes, partial(path_));
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void PartialFile::flush() {
  write_all(fd_, buffer_, partial(path_));
  buffer_.clear();
}

void PartialFile::seal() {
  flush();
  sync_file(fd_, partial(path_));
  fd_.reset();
  state_ = State::sealed;
}

void PartialFile::publish() {
  if (::rename(partial(path_).c_str(), path_.c_str()) != 0) {
    throw system_error("cannot rename the file", path_, errno);
  }
  state_ = State::published;
}

void prepare_output_directory(const std::string& directory) {
  make_directories(directory, private_output);
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
      if (!entry.path().string().ends_with(partial_end) || !entry.is_regular_file()) {
        throw Error(ErrorKind::failed, "the directory is not empty, and nothing in it is overwritten",
                    "choose another one by --to, or empty it")
            .with("path", directory)
            .with("found", entry.path().filename().string());
      }
    }
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
      fs::remove(entry.path());
    }
  } catch (const fs::filesystem_error& error) {
    throw system_error("cannot use the directory", directory, error.code().value());
  }
}

void SqlFileSink::definitions(std::string_view sql) { file_.write(bytes_of(sql)); }

void SqlFileSink::begin_rows(const ExtractedTable& table) {
  table_ = table.now;
  counter_.emplace(RowCounter::Format::text);
  file_.write(bytes_of("\nCOPY " + table.now.quoted() + " " + table.columns + " FROM stdin;\n"));
}

void SqlFileSink::rows(ByteView bytes) {
  counter_->add(bytes);
  file_.write(bytes);
}

void SqlFileSink::end_rows() {
  counts_[table_] = counter_->rows();
  file_.write(bytes_of("\\.\n\n"));
}

void SqlFileSink::statement(const std::string& sql) { file_.write(bytes_of(sql + "\n")); }

std::uint64_t SqlFileSink::count(const ExtractedTable& table) { return counts_[table.now]; }

void SqlFileSink::finish() {
  file_.seal();
  file_.publish();
  sync_directory(directory_);
}

void CsvSink::begin_rows(const ExtractedTable& table) {
  table_ = table.now;
  counter_.emplace(RowCounter::Format::csv_with_header);
  files_.push_back(std::make_unique<PartialFile>(directory_, only_file_.empty() ? csv_file_name(table.now) : only_file_));
}

void CsvSink::rows(ByteView bytes) {
  counter_->add(bytes);
  files_.back()->write(bytes);
}

void CsvSink::end_rows() {
  counts_[table_] = counter_->rows();
  files_.back()->seal();
}

std::uint64_t CsvSink::count(const ExtractedTable& table) { return counts_[table.now]; }

void CsvSink::finish() {
  for (const auto& file : files_) {
    file->publish();
  }
  sync_directory(directory_);
}

std::vector<std::string> CsvSink::files() const {
  std::vector<std::string> paths;
  for (const auto& file : files_) {
    paths.push_back(file->path());
  }
  return paths;
}

}  // namespace pgrecall
