#include "error_report.h"

#include <filesystem>
#include <new>

#include "output/text.h"

namespace pgrecall {

namespace {
// Messages may have several lines (all problems of a configuration); control characters other than that do not get through.
std::string printable_lines(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t end = text.find('\n');
    out += printable(text.substr(0, end));
    if (end == std::string_view::npos) {
      return out;
    }
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

int report_known(const Error& error, Console& console) {
  const Style& style = console.message_style();
  std::string text = "pgrecall: " + style.paint(Tone::bad, "error:") + " " + printable_lines(error.what());
  if (!error.hint().empty()) {
    text += "\n" + style.paint(Tone::strong, "hint:") + " " + printable_lines(error.hint());
  }
  console.error(text);
  if (console.json()) {
    try {
      console.json_data(to_json(error));
    } catch (const Error& unwritable) {
      // Most often the very error that was just reported on the other stream: the exit code still tells.
      if (unwritable.message() != error.message()) {
        console.error("pgrecall: " + printable_lines(unwritable.what()));
      }
    }
  }
  return exit_code(error.kind());
}
}  // namespace

nlohmann::ordered_json to_json(const Error& error) {
  nlohmann::ordered_json context = nlohmann::ordered_json::object();
  for (const auto& [key, value] : error.context()) {
    context[key] = value;
  }
  return {{"error",
           {{"kind", name(error.kind())},
            {"exit_code", exit_code(error.kind())},
            {"message", error.message()},
            {"hint", error.hint()},
            {"context", context},
            {"cause", error.cause()}}}};
}

int report(const std::exception& error, Console& console) {
  if (const auto* known = dynamic_cast<const Error*>(&error)) {
    return report_known(*known, console);
  }
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    return report_known(system_error("cannot look at", file->path1().string(), file->code().value()), console);
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return report_known(Error(ErrorKind::failed, "there is not enough memory",
                              "lower --workers, or raise the limit of memory (MemoryMax in the unit, ulimit -v in a shell)"),
                        console);
  }
  return report_known(Error(ErrorKind::failed, std::string("unexpected: ") + error.what(),
                            "this is a defect of pgrecall; please report it with the command and its --verbose output"),
                      console);
}

}  // namespace pgrecall
