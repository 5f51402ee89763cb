#include "engine/drill/page_check.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/units.h"
#include "engine/drill/sampling.h"
#include "io/fd.h"
#include "io/rate_limiter.h"
#include "postgres/control_file.h"
#include "postgres/page.h"
#include "postgres/relation_file.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr const char* page_checksums = "page checksums";
constexpr std::size_t read_size = 1U << 20U;  // bytes; a multiple of every page size
constexpr std::size_t most_bad_pages = 10;

struct PagedFile {
  std::string path;  // in the data directory
  RelationFile relation;
};

class PageCheck {
 public:
  PageCheck(std::string data, DrillChecks& checks, Progress& progress, const std::stop_token& stop)
      : data_(std::move(data)),
        checks_(checks),
        progress_(progress),
        stop_(stop),
        control_(parse_control_file(read_file(data_ + "/global/pg_control", 2 * control_file_size))) {}

  void run(std::chrono::steady_clock::time_point deadline, std::uint64_t seed);

 private:
  void gather(const std::string& directory);
  void check_file(const PagedFile& file);
  void tell() const;

  const std::string data_;
  DrillChecks& checks_;
  Progress& progress_;
  const std::stop_token& stop_;
  const ControlFile control_;
  std::vector<PagedFile> files_;
  std::vector<std::uint64_t> sizes_;
  Sampled sampled_;
  std::size_t bad_ = 0;
};

void PageCheck::gather(const std::string& directory) {
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(data_ + "/" + directory, fs::directory_options::follow_directory_symlink)) {
    const std::string path = entry.path().string().substr(data_.size() + 1);
    const auto relation = entry.is_regular_file() ? parse_relation_path(path) : std::nullopt;
    if (relation) {
      files_.push_back({path, *relation});
      sizes_.push_back(entry.file_size());
      sampled_.all += 1;
      sampled_.all_bytes += entry.file_size();
    }
  }
}

void PageCheck::check_file(const PagedFile& file) {
  const auto first = first_block_of_segment(file.relation.segment, control_.blocks_per_segment);
  if (!first) {
    return;
  }
  const Fd fd = open_file(data_ + "/" + file.path, O_RDONLY);
  Bytes buffer(read_size);
  std::vector<BadPage> bad;
  for (std::uint64_t offset = 0;;) {
    throw_if_stopped(stop_);
    const std::size_t count = read_at(fd, offset, buffer, file.path);
    check_pages(ByteView(buffer).first(count), control_.block_size,
                *first + static_cast<std::uint32_t>(offset / control_.block_size), Lsn{}, bad);
    offset += count;
    progress_.add_done(count);
    if (count < buffer.size()) {
      break;
    }
  }
  for (const BadPage& page : bad) {
    if (++bad_ <= most_bad_pages) {
      checks_.bad(page_checksums,
                  "a page was damaged before it was backed up: " + file.path + " block " + std::to_string(page.block) +
                      (page.state == PageState::bad_checksum ? " has checksum " + std::to_string(page.found) +
                                                                   ", and its bytes give " + std::to_string(page.expected)
                                                             : " is neither a page nor empty"),
                  "look at the source: pgrecall show names the pages that a backup met; an older backup may have it whole");
    }
  }
}

void PageCheck::tell() const {
  if (bad_ > most_bad_pages) {
    checks_.bad(page_checksums, std::to_string(bad_ - most_bad_pages) + " more pages are damaged", "run pgrecall verify");
  }
  if (bad_ == 0) {
    checks_.good(page_checksums, format_size(sampled_.bytes) + " in " + std::to_string(sampled_.looked_at) + " files");
  }
  if (!sampled_.complete()) {
    checks_.not_checked("page checksums of the rest",
                        "the time for it (drill.budget) was over: " + format_size(sampled_.all_bytes - sampled_.bytes) + " in " +
                            std::to_string(sampled_.all - sampled_.looked_at) + " files");
  }
}

void PageCheck::run(std::chrono::steady_clock::time_point deadline, std::uint64_t seed) {
  if (!control_.has_data_checksums()) {
    checks_.not_checked(page_checksums, "the cluster has none");
    return;
  }
  for (const char* directory : {"base", "global", "pg_tblspc"}) {
    gather(directory);
  }
  progress_.set_total(progress_.snapshot().done + sampled_.all_bytes);
  for (const std::size_t index : sampling_order(sizes_, seed)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      break;
    }
    check_file(files_[index]);
    sampled_.looked_at += 1;
    sampled_.bytes += sizes_[index];
  }
  tell();
}

}  // namespace

void check_page_checksums(const std::string& data, std::chrono::steady_clock::time_point deadline, std::uint64_t seed,
                          DrillChecks& checks, Progress& progress, const std::stop_token& stop) {
  PageCheck(data, checks, progress, stop).run(deadline, seed);
}

}  // namespace pgrecall
