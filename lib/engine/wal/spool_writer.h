#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/wal/received.h"
#include "engine/wal/spool.h"
#include "postgres/wal_segment.h"

namespace pgrecall {

// What to do about a server that was taken back to an earlier state on the same timeline.
inline constexpr const char* another_history_hint =
    "its WAL cannot follow on what was received; restore it with --latest, --at or --immediate instead, which begins a new "
    "timeline, or back it up under another name";

// Writes WAL into the spool as it comes, every page header checked, and says how far it is durable. Lives as long as the spool,
// over many connections. The receiving thread.
class SpoolWriter {
 public:
  struct Position {
    Timeline timeline = 0;
    Lsn lsn;
  };

  SpoolWriter(WalSpool& spool, ReceivedWal& received, std::uint64_t system_identifier, unsigned major_version);

  // Takes over what an earlier process left: queues what is complete and what nobody can go on with, opens the newest partial
  // file behind the last record in it that is whole and right.
  void recover();
  // After recover(), when nothing more will come of this system: the partial file is given up, stored as it is.
  void retire();
  // Files that recover() found to be no WAL of this system, under their new names.
  struct SetAside {
    std::string path;
    std::string why;
  };
  [[nodiscard]] const std::vector<SetAside>& set_aside() const noexcept { return set_aside_; }
  // Where to go on without a gap; nothing while the spool is empty.
  [[nodiscard]] const std::optional<Position>& position() const noexcept { return position_; }

  // The next bytes are those from here on. Where this is not position(), the partial file is given up (stored as it is), and `at`
  // is the start of a segment, or within the partial file. Error, passing, while a partial file of the same segment is still
  // being stored.
  void go_on_at(const Position& at);
  // Error{failed} when the bytes, which lie in the partial file before position(), are others there.
  void compare(Lsn start, ByteView bytes) const;
  // Error{corruption} when the bytes are not those of this cluster's WAL at this place; none of them count then.
  void write(Lsn start, ByteView bytes);
  // One fdatasync for all that was written since the last one.
  void sync();
  [[nodiscard]] std::uint64_t unsynced() const noexcept { return file_ ? file_->written() - file_->synced() : 0; }
  // Everything before it is synced; 0/0 before anything was since go_on_at().
  [[nodiscard]] Lsn durable() const noexcept { return durable_; }
  // After any error in between: back to what is durable, as position() then says. Next is go_on_at(); but this again, where it
  // throws.
  void fall_back();

 private:
  void begin(const WalSegment& segment, std::uint64_t length, ReceivedWal::Tails tails);
  void set_damaged_aside(SpoolContents& found);
  [[nodiscard]] bool set_aside_if_damaged(const WalSegment& segment, const std::string& path,
                                          std::optional<std::uint64_t> expected_size);
  void adopt_whole_partials(SpoolContents& found);
  void take_partial(const SpooledPartial& partial);
  void give_up(const WalSegment& segment, std::uint64_t length);
  void end_segment();
  [[nodiscard]] WalSegmentExpectation expect(const WalSegment& segment) const;

  WalSpool& spool_;
  ReceivedWal& received_;
  const std::uint64_t system_identifier_;
  const unsigned major_version_;
  std::optional<Position> position_;
  std::optional<SpoolFile> file_;
  std::optional<WalPageChecker> checker_;
  Lsn durable_;
  std::vector<SetAside> set_aside_;
  ReceivedWal::Tails tails_ = ReceivedWal::Tails::to_be_asked;  // of the segment that begins next
};

}  // namespace pgrecall
