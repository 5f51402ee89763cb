#include "engine/companions/companion_tar.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/all_zero.h"
#include "base/error.h"

namespace pgrecall {

namespace {
constexpr std::uint64_t most_of_extension = 1U << 20U;  // bytes
constexpr std::uint64_t greatest_mtime = 1ULL << 40U;   // seconds: 34,000 years

Error bad_archive(const char* what) {
  return Error(ErrorKind::corruption, what, "the command must write a tar archive, and nothing else, to its standard output");
}

// "./etc/x/" is "etc/x"; the archive's own directory is "". What leads out of it is refused later.
std::string tidy(std::string_view path) {
  while (path.starts_with("./") || path.starts_with('/')) {
    path.remove_prefix(path.starts_with('/') ? 1 : 2);
  }
  while (path.ends_with('/') || path.ends_with("/.")) {
    path.remove_suffix(1);
  }
  return path == "." ? std::string() : std::string(path);
}

template <typename Number>
bool parse_whole(std::string_view text, Number& value) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size();
}

const char* kind_of_type(char type) {
  switch (type) {
    case '3': return "a device";
    case '4': return "a device";
    case '6': return "a named pipe";
    default: return "of an unknown type";
  }
}
}  // namespace

void CompanionTar::feed(ByteView bytes) {
  while (!bytes.empty()) {
    bytes = part_ == Part::header ? take_header(bytes) : take_data(bytes);
  }
}

ByteView CompanionTar::take_header(ByteView bytes) {
  const std::size_t taken = std::min(bytes.size(), tar_block_size - buffered_);
  std::memcpy(header_.data() + buffered_, bytes.data(), taken);
  buffered_ += taken;
  if (buffered_ == tar_block_size) {
    buffered_ = 0;
    read_header(header_);
  }
  return bytes.subspan(taken);
}

ByteView CompanionTar::take_data(ByteView bytes) {
  if (part_ == Part::end) {
    if (!all_zero(bytes)) {
      throw bad_archive("something follows the end of the tar archive");
    }
    return {};
  }
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), remaining_));
  if (part_ == Part::file) {
    tree_.append(bytes.first(taken));
  } else if (part_ == Part::extension) {
    extension_ += text_of(bytes.first(taken));
  }
  remaining_ -= taken;
  if (remaining_ == 0) {
    end_data();
  }
  return bytes.subspan(taken);
}

// Of the data, then of the zeros that fill its last block.
void CompanionTar::end_data() {
  if (part_ == Part::file) {
    tree_.end_file();
  } else if (part_ == Part::extension && extension_type_ == 'x') {
    read_pax();
  } else if (part_ == Part::extension) {
    said_[extension_type_ == 'L' ? "path" : "linkpath"] = extension_.substr(0, extension_.find('\0'));
  }
  remaining_ = part_ == Part::padding ? 0 : padding_;
  part_ = remaining_ == 0 ? Part::header : Part::padding;
}

// Records of "LENGTH KEY=VALUE\n"; the length counts all of it.
void CompanionTar::read_pax() {
  std::string_view rest = extension_;
  while (!rest.empty()) {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    std::size_t length = 0;
    if (!parse_whole(rest.substr(0, blank), length) || length <= blank + 1 || length > rest.size() || rest[length - 1] != '\n') {
      throw bad_archive("malformed extension header in the tar archive");
    }
    const std::string_view record = rest.substr(blank + 1, length - blank - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) {
      throw bad_archive("malformed extension header in the tar archive");
    }
    said_[std::string(record.substr(0, equals))] = record.substr(equals + 1);
    rest.remove_prefix(length);
  }
}

const std::string* CompanionTar::said(const std::string& key) const {
  const auto found = said_.find(key);
  return found == said_.end() ? nullptr : &found->second;
}

std::string CompanionTar::path_of(ByteView header) const {
  if (const std::string* path = said("path")) {
    return tidy(*path);
  }
  // GNU tar has other things where ustar has the prefix.
  const bool ustar = text_of(tar_bytes(header, tar_field::magic)) == std::string_view("ustar\0", 6);
  const std::string_view prefix = ustar ? tar_text(header, tar_field::prefix) : std::string_view();
  const std::string_view name = tar_text(header, tar_field::name);
  return tidy(prefix.empty() ? std::string(name) : std::string(prefix) + "/" + std::string(name));
}

std::string CompanionTar::target_of(ByteView header) const {
  const std::string* target = said("linkpath");
  return target != nullptr ? *target : std::string(tar_text(header, tar_field::link));
}

std::uint64_t CompanionTar::size_of(ByteView header) const {
  const std::string* size = said("size");
  std::uint64_t bytes = 0;
  if (size == nullptr) {
    return tar_number(header, tar_field::size, INT64_MAX, "size");
  }
  if (!parse_whole(*size, bytes) || bytes > INT64_MAX) {
    throw bad_tar_header("size");
  }
  return bytes;
}

std::int64_t CompanionTar::mtime_of(ByteView header) const {
  const std::string* mtime = said("mtime");
  std::int64_t seconds = 0;
  if (mtime == nullptr) {
    return static_cast<std::int64_t>(tar_number(header, tar_field::mtime, greatest_mtime, "mtime"));
  }
  // Fractions of a second are not kept.
  if (!parse_whole(std::string_view(*mtime).substr(0, mtime->find('.')), seconds) ||
      seconds > static_cast<std::int64_t>(greatest_mtime) || seconds < -static_cast<std::int64_t>(greatest_mtime)) {
    throw bad_tar_header("mtime");
  }
  return seconds;
}

void CompanionTar::read_header(ByteView header) {
  if (all_zero(header)) {
    part_ = Part::end;
    return;
  }
  if (!text_of(tar_bytes(header, tar_field::magic)).starts_with("ustar")) {
    throw bad_archive("what the command wrote is no tar archive");
  }
  verify_tar_checksum(header);
  const char type = text_of(tar_bytes(header, tar_field::type))[0];
  const bool extension = type == 'x' || type == 'g' || type == 'L' || type == 'K';
  remaining_ = extension ? tar_number(header, tar_field::size, most_of_extension, "size") : size_of(header);
  padding_ = static_cast<std::uint32_t>((tar_block_size - remaining_ % tar_block_size) % tar_block_size);
  if (extension) {
    part_ = type == 'g' ? Part::skipped : Part::extension;  // 'g' is for people: nothing in it is about one file
    extension_type_ = type;
    extension_.clear();
  } else {
    begin_entry(header, type, path_of(header));
    said_.clear();
  }
  if (remaining_ == 0) {
    end_data();
  }
}

void CompanionTar::begin_entry(ByteView header, char type, const std::string& path) {
  const auto mode = static_cast<std::uint32_t>(tar_number(header, tar_field::mode, UINT32_MAX, "mode"));
  part_ = Part::skipped;
  switch (type) {
    case '0':
    case '7':
    case '\0':
      tree_.begin_file(path, mode, mtime_of(header));
      part_ = Part::file;
      return;
    case '1': tree_.add_same_file(path, tidy(target_of(header))); break;
    case '2': tree_.add_link(path, target_of(header), mtime_of(header)); break;
    case '5': tree_.add_directory(path, mode, mtime_of(header)); break;
    case 'S':
      throw Error(ErrorKind::failed, "the tar archive has a sparse file in GNU tar's own form", "leave out --sparse (-S)")
          .with("path", path);
    default: tree_.warn(path + " is " + kind_of_type(type) + ", and was left out"); return;
  }
  // Some programs say a size of these, and write nothing.
  remaining_ = 0;
  padding_ = 0;
}

void CompanionTar::finish() const {
  if (part_ != Part::end) {
    throw bad_archive("the tar archive ends too early");
  }
}

}  // namespace pgrecall
