#include "commands/outcome.h"

namespace pgrecall {

int show_outcome(const JobOutcome& outcome, Console& console) {
  for (const std::string& detail : outcome.details) {
    console.detail(detail);
  }
  for (const std::string& warning : outcome.warnings) {
    console.warning(warning);
  }
  if (console.json()) {
    console.json_data(outcome.document);
  } else if (outcome.presence == JobOutcome::Presence::report) {
    console.data(outcome.text);
  } else {
    console.summary(outcome.text);
  }
  return outcome.exit_code;
}

}  // namespace pgrecall
