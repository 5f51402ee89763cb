#pragma once

#include <string>
#include <utility>
#include <vector>

#include "alert/alert.h"

namespace pgrecall {

// What a message says, before any peer's markup: clean texts (format/text.h). Pure.
struct Wording {
  std::string title;             // "CRITICAL: shop: PgrecallBackupTooOld"; "RESOLVED after 2 h 10 min: ..."
  std::string summary;           // what happened; may have several lines
  std::string action;            // what to do; empty once it is over
  std::string command;           // to look closer with; empty once it is over
  std::string runbook;           // address; may be empty
  bool runbook_is_link = false;  // http or https, so that peers can show it as a link
  std::vector<std::pair<std::string, std::string>> facts;  // "Since", "Lasted", "Run", "Host"
  std::string lasted;                                      // "2 h 10 min"; empty while it fires
};
[[nodiscard]] Wording wording_of(const Notification& notification);

// All of it as plain text of a few lines: for logs, mail, and peers that show nothing else.
[[nodiscard]] std::string plain_text(const Wording& wording);

}  // namespace pgrecall
