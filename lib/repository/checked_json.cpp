#include "repository/checked_json.h"

#include "base/error.h"
#include "base/hash.h"

namespace pgrecall {

namespace {

constexpr std::string_view digest_key = "\n  \"sha256\": \"";
constexpr std::string_view tail = "\"\n}\n";
constexpr std::size_t digest_digits = 64;

Error damaged(std::string_view what, std::string_view object_name) {
  return Error(ErrorKind::corruption, std::string(what), "restore the object from a copy of the repository")
      .with("object", object_name);
}

}  // namespace

std::string format_checked_json(const nlohmann::ordered_json& members) {
  if (!members.is_object() || members.empty() || members.contains("sha256")) {
    throw Error(ErrorKind::failed, "checked JSON needs members, none of them sha256");
  }
  // Text for people (a host name, a reason) may hold bytes that are not UTF-8; it must not stop a lease.
  std::string text = members.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize(text.size() - 2);  // the line feed and brace that end the object
  text.append(",").append(digest_key);
  const std::string digest = sha256(bytes_of(text)).to_string();
  return text.append(digest).append(tail);
}

nlohmann::json parse_checked_json(ByteView bytes, std::string_view object_name) {
  const std::string_view text = text_of(bytes);
  if (text.size() < digest_key.size() + digest_digits + tail.size() || !text.ends_with(tail)) {
    throw damaged("object does not end as it was written", object_name).with("size", text.size());
  }
  const std::size_t digest_at = text.size() - tail.size() - digest_digits;
  const std::string_view checked = text.substr(0, digest_at);
  const std::string_view found = text.substr(digest_at, digest_digits);
  const std::string expected = sha256(bytes_of(checked)).to_string();
  if (!checked.ends_with(digest_key) || found != expected) {
    throw damaged("bytes differ from what was stored", object_name).with("expected", found).with("found", expected);
  }
  nlohmann::json members = nlohmann::json::parse(text, nullptr, false);
  if (!members.is_object()) {
    throw damaged("object is not JSON", object_name);
  }
  members.erase("sha256");
  return members;
}

}  // namespace pgrecall
