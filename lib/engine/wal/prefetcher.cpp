#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"
#include "engine/wal/prefetch.h"
#include "io/fd.h"
#include "repository/catalog.h"

namespace pgrecall {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_bytes_ahead = 128U << 20U;
constexpr std::uint64_t max_segments_ahead = 32;
constexpr std::chrono::seconds longest_idle{30};
constexpr unsigned fetching_threads = 3;
constexpr unsigned segment_file_mode = 0600;
constexpr unsigned directory_mode = 0700;
constexpr std::string_view lock_file = "lock";
constexpr std::string_view wanted_suffix = ".wanted";

class Prefetcher {
 public:
  Prefetcher(const WalPlaces& places, std::string directory) : places_(places), directory_(std::move(directory)) {}

  void run(const std::string& file_name);

 private:
  [[nodiscard]] bool take_over();
  // Of a file that lies ready.
  [[nodiscard]] std::optional<WalSegment> segment_of(std::string_view name) const;
  void remove_all() const;
  void aim_behind(const WalSegment& segment);
  [[nodiscard]] bool watch();
  [[nodiscard]] bool on_change(const inotify_event& event);
  void fetch_ahead();
  [[nodiscard]] std::optional<WalSegment> next_segment();
  // False when it is not there, or not complete.
  [[nodiscard]] bool fetch(const WalSegment& segment);
  void stop();

  const WalPlaces& places_;
  const std::string directory_;
  const std::string suffix_ = prefetched_suffix();
  Fd lock_;
  Fd notify_;
  std::uint32_t segment_size_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  WalSegment next_;              // to be fetched
  std::uint64_t taken_ = 0;      // number behind the last segment that was asked for
  std::uint64_t not_there_ = 0;  // number of the first one that is not there; 0: none known
  bool stopped_ = false;
};

bool Prefetcher::take_over() {
  if (::mkdir(directory_.c_str(), directory_mode) != 0 && errno != EEXIST) {
    return false;
  }
  lock_ = open_file(directory_ + "/" + std::string(lock_file), O_RDWR | O_CREAT);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return false;
  }
  // What a killed one left.
  for (const auto& file : fs::directory_iterator(directory_)) {
    if (file.path().filename() != lock_file) {
      fs::remove(file.path());
    }
  }
  notify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  return ::inotify_add_watch(notify_.get(), directory_.c_str(), IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ONLYDIR) >= 0;
}

void Prefetcher::remove_all() const {
  std::error_code gone;
  fs::remove_all(directory_, gone);
}

std::optional<WalSegment> Prefetcher::segment_of(std::string_view name) const {
  if (!name.ends_with(suffix_)) {
    return std::nullopt;
  }
  name.remove_suffix(suffix_.size());
  return WalSegment::parse(name, segment_size_);
}

// Goes on behind a segment that was asked for. What was fetched for another place goes.
void Prefetcher::aim_behind(const WalSegment& segment) {
  const std::uint64_t ahead = std::min(max_bytes_ahead / segment_size_, max_segments_ahead);
  const std::lock_guard lock(mutex_);
  const bool elsewhere = segment.timeline != next_.timeline || segment.number >= next_.number ||
                         segment.number + ahead < next_.number || (not_there_ != 0 && segment.number >= not_there_);
  taken_ = segment.number + 1;
  if (elsewhere) {
    next_ = segment.next();
    not_there_ = 0;
    std::error_code gone;
    for (const auto& file : fs::directory_iterator(directory_, gone)) {
      const auto ready = segment_of(file.path().filename().string());
      if (ready && (ready->timeline != next_.timeline || ready->number < taken_ || ready->number >= taken_ + ahead)) {
        fs::remove(file.path(), gone);
      }
    }
  }
  changed_.notify_all();
}

bool Prefetcher::on_change(const inotify_event& event) {
  std::string_view name(event.len > 0 ? event.name : "");
  if ((event.mask & IN_IGNORED) != 0) {
    return false;
  }
  if ((event.mask & IN_DELETE) != 0) {
    return name != lock_file;  // the directory is being taken away; our lock keeps it from being gone
  }
  std::optional<WalSegment> asked_for;
  if ((event.mask & IN_MOVED_FROM) != 0) {
    asked_for = segment_of(name);  // our own renames are of other names
  } else if (name.ends_with(wanted_suffix)) {
    ::unlink((directory_ + "/" + std::string(name)).c_str());
    name.remove_suffix(wanted_suffix.size());
    asked_for = WalSegment::parse(name, segment_size_);
  }
  if (asked_for) {
    aim_behind(*asked_for);
  }
  return true;
}

// Until something changes. False when it is time to end.
bool Prefetcher::watch() {
  pollfd waiting{.fd = notify_.get(), .events = POLLIN, .revents = 0};
  const int ready = ::poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(longest_idle).count()));
  if (ready <= 0) {
    return ready < 0 && errno == EINTR;
  }
  alignas(inotify_event) std::array<char, 16384> buffer{};
  const ssize_t length = ::read(notify_.get(), buffer.data(), buffer.size());
  for (ssize_t at = 0; at < length;) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
    if (!on_change(*event)) {
      return false;
    }
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
  }
  return true;
}

std::optional<WalSegment> Prefetcher::next_segment() {
  const std::uint64_t ahead = std::min(max_bytes_ahead / segment_size_, max_segments_ahead);
  std::unique_lock lock(mutex_);
  changed_.wait(lock,
                [&] { return stopped_ || (next_.number < taken_ + ahead && (not_there_ == 0 || next_.number < not_there_)); });
  if (stopped_) {
    return std::nullopt;
  }
  const WalSegment segment = next_;
  next_ = next_.next();
  return segment;
}

bool Prefetcher::fetch(const WalSegment& segment) {
  const std::string path = directory_ + "/" + segment.file_name() + suffix_;
  const std::string part = directory_ + "/" + segment.file_name() + ".part";
  const Fd fd = open_file(part, O_WRONLY | O_CREAT | O_TRUNC, segment_file_mode);
  if (::flock(fd.get(), LOCK_EX) != 0) {
    throw system_error("cannot lock the file", part, errno);
  }
  std::optional<StoredSegment> stored;
  try {
    stored = read_stored_segment(places_, segment.file_name(), [&](ByteView bytes) { write_all(fd, bytes, part); });
  } catch (const Error&) {
    ::unlink(part.c_str());  // whoever asks for it next meets the same, and says so
    return false;
  }
  if (!stored || stored->held != segment.size || std::rename(part.c_str(), path.c_str()) != 0) {
    ::unlink(part.c_str());
    return false;
  }
  return true;
}

void Prefetcher::fetch_ahead() {
  try {
    while (const auto segment = next_segment()) {
      if (!fetch(*segment)) {
        const std::lock_guard lock(mutex_);
        not_there_ = not_there_ == 0 ? segment->number : std::min(not_there_, segment->number);
      }
    }
  } catch (const std::exception&) {
    stop();  // no space, or the directory is gone: the one who asks fetches by itself
  }
}

void Prefetcher::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void Prefetcher::run(const std::string& file_name) {
  const auto system = read_system(places_.repository, places_.system);
  segment_size_ = system ? system->wal_segment_size : 0;
  const auto first = valid_segment_size(segment_size_) ? WalSegment::parse(file_name, segment_size_) : std::nullopt;
  if (!first || suffix_.empty() || max_bytes_ahead / segment_size_ == 0 || !take_over()) {
    return;
  }
  next_ = first->next();
  taken_ = next_.number;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < fetching_threads; ++i) {
      threads.emplace_back([this] { fetch_ahead(); });
    }
    while (watch()) {
    }
    stop();
  }
  remove_all();
}

}  // namespace

void run_prefetcher(const WalPlaces& places, const std::string& file_name, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  Prefetcher(places, (slash == std::string::npos ? std::string() : path.substr(0, slash + 1)) + prefetch_directory)
      .run(file_name);
}

}  // namespace pgrecall
