#include "jobs/sweep_json.h"

#include "base/units.h"
#include "output/text.h"

namespace pgrecall {

using nlohmann::ordered_json;

ordered_json sweep_json(const SweepResult& result) {
  return {{"objects", result.objects},
          {"bytes", result.bytes},
          {"backup_bytes", result.remains_bytes},
          {"pack_bytes", result.pack_bytes},
          {"wal_bytes", result.wal_bytes},
          {"temporary_bytes", result.leftover_bytes},
          {"waiting_bytes", result.waiting_bytes},
          {"rewritten_packs", result.rewritten.packs},
          {"rewritten_bytes", result.rewritten.new_bytes},
          {"problems", result.problems},
          {"notes", result.notes}};
}

ordered_json sweep_json(const SweepPlan& plan) {
  return {{"objects", plan.objects()},
          {"bytes", plan.bytes()},
          {"backup_bytes", plan.remains.bytes},
          {"pack_bytes", plan.packs.bytes},
          {"wal_bytes", plan.wal.bytes},
          {"waiting_bytes", plan.waiting_bytes()},
          {"packs_to_look_into", plan.to_look_into.size()},
          {"problems", plan.problems},
          {"notes", plan.notes}};
}

namespace {
std::string waiting_text(std::uint64_t bytes) {
  return bytes == 0 ? "" : "; " + format_size(bytes) + " more will be given back once they are old enough";
}
}  // namespace

std::string sweep_text(const SweepResult& result) {
  std::string text = "gave back " + format_size(result.bytes) + " (" + format_count(result.objects, "object", "objects") + ")";
  if (result.rewritten.packs > 0) {
    text += ", rewrote " + format_count(result.rewritten.packs, "pack", "packs") + " that were mostly dead";
  }
  return text + waiting_text(result.waiting_bytes) + "\n";
}

std::string sweep_text(const SweepPlan& plan) {
  return "would give back " + format_size(plan.bytes()) + " (" + format_count(plan.objects(), "object", "objects") + ")" +
         waiting_text(plan.waiting_bytes()) + "\n";
}

}  // namespace pgrecall
