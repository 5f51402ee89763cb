// What a server, or whoever pretends to be one, sends: messages of both streams, rows, and the text of failed connections.

#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "postgres/replication_messages.h"
#include "postgres/server_message.h"

namespace {

using namespace pgrecall;

// Refusing is right; anything but an Error, or a view out of the input, is a defect.
template <typename Decode>
void attempt(const Decode& decode) {
  try {
    decode();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::database_unreachable) {
      std::abort();
    }
  }
}

void require_within(ByteView inner, ByteView outer) {
  if (!inner.empty() && (inner.data() < outer.data() || inner.data() + inner.size() > outer.data() + outer.size())) {
    std::abort();
  }
}

// Fields parted by newlines; an empty one is NULL.
std::vector<std::optional<std::string_view>> row_of(std::string_view text) {
  std::vector<std::optional<std::string_view>> row;
  while (!text.empty() && row.size() < 8) {
    const std::size_t end = text.find('\n');
    const std::string_view field = text.substr(0, end);
    row.push_back(field.empty() ? std::nullopt : std::optional(field));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return row;
}

void fuzz_messages(ByteView input) {
  attempt([&] {
    const BackupMessage message = decode_backup_message(input);
    if (const auto* data = std::get_if<ArchiveBytes>(&message)) {
      require_within(data->bytes, input);
    } else if (const auto* begin = std::get_if<ArchiveBegin>(&message)) {
      require_within(bytes_of(begin->name), input);
      require_within(bytes_of(begin->location), input);
    }
  });
  attempt([&] {
    const StreamMessage message = decode_stream_message(input);
    if (const auto* wal = std::get_if<WalBytes>(&message)) {
      require_within(wal->bytes, input);
    }
  });
}

void fuzz_rows(std::string_view text) {
  const auto row = row_of(text);
  attempt([&] { static_cast<void>(decode_system_identity(row)); });
  attempt([&] { static_cast<void>(decode_backup_position(row)); });
  attempt([&] { static_cast<void>(decode_next_timeline(row)); });
  attempt([&] { static_cast<void>(decode_tablespace(row)); });
  static_cast<void>(decode_shown_size(text));
}

void fuzz_text(std::string_view text) {
  const ServerMessage message = read_connect_failure(text);
  const std::string clean = clean_text(message.text);
  if (clean_text(clean) != clean || clean.find('\n') != std::string::npos) {
    std::abort();
  }
  static_cast<void>(connect_hint(message, "role"));
  static_cast<void>(other_mode_may_pass(message));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input{reinterpret_cast<const std::byte*>(data), size};
  fuzz_messages(input);
  fuzz_rows(text_of(input));
  fuzz_text(text_of(input));
  return 0;
}
