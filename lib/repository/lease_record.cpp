#include "repository/lease_record.h"

#include "base/error.h"
#include "repository/checked_json.h"
#include "repository/json_members.h"

namespace pgrecall {

std::string format_lease(const LeaseRecord& record) {
  return format_checked_json({{"format", 1},
                              {"owner", record.holder.owner},
                              {"host", record.process.host},
                              {"pid", record.process.pid},
                              {"pid_started", record.process.pid_started},
                              {"token", record.token},
                              {"taken", format_time(record.holder.taken)},
                              {"expires", format_time(record.holder.expires)},
                              {"why", record.holder.why}});
}

LeaseRecord parse_lease(ByteView object, std::string_view object_name) {
  try {
    const nlohmann::json json = parse_checked_json(object, object_name);
    const JsonMembers members(json, object_name);
    if (members.number<std::uint32_t>("format") != 1) {
      members.refuse("format");
    }
    return {{members.text("owner"), members.time("taken"), members.time("expires"), members.text("why")},
            {members.text("host"), members.number<std::uint64_t>("pid"), members.number<std::uint64_t>("pid_started")},
            members.text("token")};
  } catch (const Error& error) {
    throw Error(ErrorKind::corruption, "a lease is damaged", "remove it when nobody else works on this repository")
        .with("object", object_name)
        .caused_by(error);
  }
}

}  // namespace pgrecall
