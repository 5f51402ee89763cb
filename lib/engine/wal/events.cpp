#include "engine/wal/events.h"

namespace pgrecall {

std::string_view name(WalEventKind kind) noexcept {
  switch (kind) {
    case WalEventKind::connected: return "connected";
    case WalEventKind::disconnected: return "disconnected";
    case WalEventKind::slot_made: return "slot_made";
    case WalEventKind::slot_lost: return "slot_lost";
    case WalEventKind::timeline_switched: return "timeline_switched";
    case WalEventKind::timeline_lost: return "timeline_lost";
    case WalEventKind::gap: return "gap";
    case WalEventKind::spool_full: return "spool_full";
    case WalEventKind::spool_failing: return "spool_failing";
    case WalEventKind::spool_recovered: return "spool_recovered";
    case WalEventKind::store_failing: return "store_failing";
    case WalEventKind::store_recovered: return "store_recovered";
    case WalEventKind::refused: return "refused";
  }
  return "unknown";
}

bool WalEvent::harmless() const noexcept {
  switch (kind) {
    case WalEventKind::connected:
    case WalEventKind::slot_made:
    case WalEventKind::timeline_switched:
    case WalEventKind::spool_recovered:
    case WalEventKind::store_recovered: return true;
    default: return false;
  }
}

}  // namespace pgrecall
