#include "postgres/backup_manifest.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "postgres/decimal.h"
#include "postgres/json_tokens.h"
#include "postgres/relative_path.h"

namespace pgrecall {

namespace {

constexpr std::size_t max_wal_ranges = 10000;  // one a timeline
constexpr std::size_t max_last_line_size = 256;
constexpr std::string_view checksum_key = "Manifest-Checksum";

struct Algorithm {
  ManifestChecksum id;
  std::string_view name;
  std::size_t size;  // bytes
};
constexpr std::array<Algorithm, 6> algorithms = {{{ManifestChecksum::none, "NONE", 0},
                                                  {ManifestChecksum::crc32c, "CRC32C", 4},
                                                  {ManifestChecksum::sha224, "SHA224", 28},
                                                  {ManifestChecksum::sha256, "SHA256", 32},
                                                  {ManifestChecksum::sha384, "SHA384", 48},
                                                  {ManifestChecksum::sha512, "SHA512", 64}}};

// Where in the manifest the parser stands.
enum class Level { outside, top, files, file, ranges, range, done };

// All keys of all levels; no name means different things on two levels.
enum class Key {
  version,
  system_identifier,
  files,
  wal_ranges,
  manifest_checksum,
  path,
  encoded_path,
  size,
  last_modified,
  checksum_algorithm,
  checksum,
  timeline,
  start_lsn,
  end_lsn,
};
struct KeyName {
  Key key;
  Level level;
  std::string_view name;
};
constexpr std::array<KeyName, 14> keys = {{{Key::version, Level::top, "PostgreSQL-Backup-Manifest-Version"},
                                           {Key::system_identifier, Level::top, "System-Identifier"},
                                           {Key::files, Level::top, "Files"},
                                           {Key::wal_ranges, Level::top, "WAL-Ranges"},
                                           {Key::manifest_checksum, Level::top, checksum_key},
                                           {Key::path, Level::file, "Path"},
                                           {Key::encoded_path, Level::file, "Encoded-Path"},
                                           {Key::size, Level::file, "Size"},
                                           {Key::last_modified, Level::file, "Last-Modified"},
                                           {Key::checksum_algorithm, Level::file, "Checksum-Algorithm"},
                                           {Key::checksum, Level::file, "Checksum"},
                                           {Key::timeline, Level::range, "Timeline"},
                                           {Key::start_lsn, Level::range, "Start-LSN"},
                                           {Key::end_lsn, Level::range, "End-LSN"}}};

constexpr unsigned bit(Key key) noexcept { return 1U << static_cast<unsigned>(key); }

Error bad_manifest(std::string_view what) {
  return Error(ErrorKind::corruption, "malformed backup manifest").with("reason", what);
}

void require(bool holds, std::string_view what) {
  if (!holds) {
    throw bad_manifest(what);
  }
}

Bytes decode_hex(std::string_view text, std::string_view what) {
  Bytes bytes(text.size() / 2);
  require(from_hex(text, bytes), what);
  return bytes;
}

// The SHA-256 over all lines but the last, whose text is not known to be the last until the end.
class LinesBeforeLast {
 public:
  void feed(std::string_view text) {
    if (text.empty()) {
      return;
    }
    if (line_ended_) {
      begin_line();
    }
    // A newline at the very end may end the last line, so only one with something behind it counts.
    if (const std::size_t newline = text.substr(0, text.size() - 1).rfind('\n'); newline != std::string_view::npos) {
      begin_line();
      hash_.update(bytes_of(text.substr(0, newline + 1)));
      text.remove_prefix(newline + 1);
    }
    line_ended_ = text.back() == '\n';
    too_long_ = too_long_ || text.size() > max_last_line_size - last_.size();
    if (too_long_) {
      hash_last();
      hash_.update(bytes_of(text));
    } else {
      last_ += text;
    }
  }
  [[nodiscard]] Sha256Digest finish() { return hash_.finish(); }
  // With its newline; empty when it is longer than the line that holds the checksum.
  [[nodiscard]] const std::string& last_line() const noexcept { return last_; }

 private:
  void begin_line() {
    hash_last();
    too_long_ = false;
  }
  void hash_last() {
    hash_.update(bytes_of(last_));
    last_.clear();
  }

  Sha256 hash_;
  std::string last_;
  bool line_ended_ = false;
  bool too_long_ = false;  // the present line, which so cannot be the last one
};

}  // namespace

class BackupManifestReader::State final : public JsonEvents {
 public:
  explicit State(BackupManifestSink& sink) : sink_(sink) {}

  void feed(ByteView bytes) {
    tokens_.feed(bytes);
    lines_.feed(text_of(bytes));
  }
  BackupManifest finish();

  void on_begin_object() override;
  void on_end_object() override;
  void on_begin_array() override;
  void on_end_array() override;
  void on_key(std::string_view key) override;
  void on_string(std::string_view value) override;
  void on_number(std::string_view value) override;

 private:
  void end_file();
  void end_range();
  void end_manifest();
  [[nodiscard]] bool seen(Key key) const noexcept { return (seen_ & bit(key)) != 0; }
  [[nodiscard]] bool seen_on_top(Key key) const noexcept { return (seen_top_ & bit(key)) != 0; }
  void set_checksum_algorithm(std::string_view value);

  BackupManifestSink& sink_;
  BackupManifest manifest_;
  JsonTokens tokens_{*this};
  LinesBeforeLast lines_;
  Level level_ = Level::outside;
  Key key_ = Key::version;  // whose value comes next
  unsigned seen_top_ = 0;   // keys of the manifest itself
  unsigned seen_ = 0;       // keys of the present file or WAL range
  ManifestFile file_;
  ManifestWalRange range_;
  std::string manifest_checksum_;
};

void BackupManifestReader::State::on_key(std::string_view key) {
  const auto* const known =
      std::find_if(keys.begin(), keys.end(), [&](const KeyName& one) { return one.level == level_ && one.name == key; });
  require(known != keys.end(), "unknown key");
  unsigned& seen_here = level_ == Level::top ? seen_top_ : seen_;
  require((seen_here & bit(known->key)) == 0, "repeated key");
  require(seen_on_top(Key::version) || known->key == Key::version, "the version does not come first");
  require(!seen_on_top(Key::manifest_checksum), "the checksum does not come last");
  seen_here |= bit(known->key);
  key_ = known->key;
}

void BackupManifestReader::State::on_begin_object() {
  switch (level_) {
    case Level::outside: level_ = Level::top; return;
    case Level::files:
      level_ = Level::file;
      file_ = ManifestFile{};
      break;
    case Level::ranges:
      level_ = Level::range;
      range_ = ManifestWalRange{};
      break;
    default: throw bad_manifest("unexpected object");
  }
  seen_ = 0;
}

void BackupManifestReader::State::on_end_object() {
  switch (level_) {
    case Level::file:
      end_file();
      level_ = Level::files;
      break;
    case Level::range:
      end_range();
      level_ = Level::ranges;
      break;
    default: end_manifest(); level_ = Level::done;
  }
}

void BackupManifestReader::State::on_begin_array() {
  require(level_ == Level::top && (key_ == Key::files || key_ == Key::wal_ranges), "unexpected array");
  level_ = key_ == Key::files ? Level::files : Level::ranges;
}

void BackupManifestReader::State::on_end_array() { level_ = Level::top; }

void BackupManifestReader::State::on_string(std::string_view value) {
  require(level_ == Level::top || level_ == Level::file || level_ == Level::range, "unexpected string");
  const auto lsn = [value] {
    const auto parsed = Lsn::parse(value);
    require(parsed.has_value(), "malformed LSN");
    return *parsed;
  };
  switch (key_) {
    case Key::path: file_.path = value; break;
    case Key::encoded_path: file_.path = text_of(decode_hex(value, "malformed Encoded-Path")); break;
    case Key::last_modified: file_.last_modified = value; break;
    case Key::checksum_algorithm: set_checksum_algorithm(value); break;
    case Key::checksum: file_.checksum = decode_hex(value, "malformed Checksum"); break;
    case Key::start_lsn: range_.start = lsn(); break;
    case Key::end_lsn: range_.end = lsn(); break;
    case Key::manifest_checksum: manifest_checksum_ = value; break;
    default: throw bad_manifest("string where something else belongs");
  }
}

void BackupManifestReader::State::on_number(std::string_view value) {
  require(level_ == Level::top || level_ == Level::file || level_ == Level::range, "unexpected number");
  const auto number = parse_decimal<std::uint64_t>(value);
  require(number.has_value(), "number is too large");
  switch (key_) {
    case Key::version:
      require(*number == 1 || *number == 2, "unknown version");
      manifest_.version = static_cast<unsigned>(*number);
      break;
    case Key::system_identifier: manifest_.system_identifier = *number; break;
    case Key::size: file_.size = *number; break;
    case Key::timeline:
      require(*number != 0 && *number <= UINT32_MAX, "impossible timeline");
      range_.timeline = static_cast<Timeline>(*number);
      break;
    default: throw bad_manifest("number where something else belongs");
  }
}

void BackupManifestReader::State::set_checksum_algorithm(std::string_view value) {
  const auto* const known =
      std::find_if(algorithms.begin(), algorithms.end(), [value](const Algorithm& one) { return one.name == value; });
  require(known != algorithms.end(), "unknown Checksum-Algorithm");
  file_.algorithm = known->id;
}

void BackupManifestReader::State::end_file() {
  require(seen(Key::path) != seen(Key::encoded_path), "a file needs one of Path and Encoded-Path");
  require(seen(Key::size), "a file without Size");
  require(is_plain_relative_path(file_.path), "a path that leaves the data directory");
  require(file_.checksum.size() == algorithms[static_cast<std::size_t>(file_.algorithm)].size,
          "Checksum does not fit its Checksum-Algorithm");
  require(file_.size <= INT64_MAX && manifest_.total_size <= INT64_MAX, "impossible Size");
  manifest_.total_size += file_.size;
  ++manifest_.file_count;
  sink_.on_file(file_);
}

void BackupManifestReader::State::end_range() {
  require(seen(Key::timeline) && seen(Key::start_lsn) && seen(Key::end_lsn), "an incomplete WAL range");
  require(range_.start <= range_.end, "a WAL range that ends before it starts");
  require(manifest_.wal_ranges.size() < max_wal_ranges, "too many WAL ranges");
  manifest_.wal_ranges.push_back(range_);
}

void BackupManifestReader::State::end_manifest() {
  require(manifest_.version != 0, "no version");
  require(seen_on_top(Key::files) && seen_on_top(Key::wal_ranges) && seen_on_top(Key::manifest_checksum), "a key is missing");
  require((manifest_.version == 2) == manifest_.system_identifier.has_value(), "System-Identifier does not fit the version");
}

BackupManifest BackupManifestReader::State::finish() {
  tokens_.finish();
  require(level_ == Level::done, "ends too early");
  const std::string& last = lines_.last_line();
  const bool starts_well = last.starts_with('"') && std::string_view(last).substr(1).starts_with(checksum_key);
  require(starts_well && last.ends_with('\n'), "the checksum is not a line of its own at the end");
  const std::string expected = lines_.finish().to_string();
  if (manifest_checksum_ != expected) {
    throw Error(ErrorKind::corruption, "wrong checksum of a backup manifest")
        .with("expected", expected)
        .with("found", manifest_checksum_);
  }
  return std::move(manifest_);
}

std::string_view name(ManifestChecksum algorithm) noexcept { return algorithms[static_cast<std::size_t>(algorithm)].name; }

BackupManifestReader::BackupManifestReader(BackupManifestSink& sink) : state_(std::make_unique<State>(sink)) {}
BackupManifestReader::~BackupManifestReader() = default;

void BackupManifestReader::feed(ByteView bytes) { state_->feed(bytes); }
BackupManifest BackupManifestReader::finish() { return state_->finish(); }

BackupManifest read_backup_manifest(ByteView bytes, BackupManifestSink& sink) {
  BackupManifestReader reader(sink);
  reader.feed(bytes);
  return reader.finish();
}

}  // namespace pgrecall
