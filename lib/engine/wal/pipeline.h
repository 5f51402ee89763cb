#pragma once

#include <exception>
#include <optional>
#include <set>

#include "engine/wal/reception.h"
#include "engine/wal/segment_uploader.h"
#include "engine/wal/spool_writer.h"
#include "engine/wal/tail_uploader.h"

namespace pgrecall {

// Everything between a connection and the repository: the spool of one system, and the threads that empty it. Made once the
// server has said who it is.
class WalPipeline {
 public:
  // leavings: of a system that the server is not any more; nothing is received, and what the spool has is stored.
  enum class Use { receiving, leavings };
  WalPipeline(const Repository& repository, const WalReceptionOptions& options, const WalStoring& storing,
              std::uint32_t segment_size, Use use, StoreHealth& health, WalEvents& events, std::function<void()> tick)
      : storing_(storing),
        spool_(spool_directory(options.spool, storing.system), segment_size),
        writer_(spool_, received_, storing.system.identifier, storing.major_version) {
    writer_.recover();
    if (use == Use::leavings) {
      writer_.retire();
    }
    for (const SpoolWriter::SetAside& file : writer_.set_aside()) {
      events.on_event({.kind = WalEventKind::refused,
                       .text = "a file in the spool is damaged and was set aside as " + file.path + ": " + file.why,
                       .hint = "look at the spool's disk; what the server still has of it is received again",
                       .timeline = 0,
                       .from = {},
                       .until = {}});
    }
    uploader_.emplace(repository, storing, spool_, received_, health, events, options.uploads);
    tails_.emplace(
        repository, storing, spool_, received_, health,
        TailUploader::Options{.pace = options.acknowledge == WalAcknowledge::repository ? TailUploader::Pace::continuous
                                                                                        : TailUploader::Pace::interval,
                              .interval = options.tail_interval,
                              .tick = std::move(tick)});
  }
  ~WalPipeline() { received_.cancel(); }
  WalPipeline(const WalPipeline&) = delete;
  WalPipeline& operator=(const WalPipeline&) = delete;

  // Stores what is left, unless the store fails. Nothing is received any more.
  void finish() {
    std::exception_ptr unsynced;
    try {
      writer_.sync();
    } catch (const Error&) {
      unsynced = std::current_exception();
    }
    received_.finish();
    uploader_->finish();
    tails_->finish();
    if (unsynced) {
      std::rethrow_exception(unsynced);
    }
  }

  [[nodiscard]] const WalStoring& storing() const noexcept { return storing_; }
  [[nodiscard]] WalSpool& spool() noexcept { return spool_; }
  [[nodiscard]] ReceivedWal& received() noexcept { return received_; }
  [[nodiscard]] SpoolWriter& writer() noexcept { return writer_; }
  // Keeps a history that was not seen in this process yet.
  void keep_history(Timeline timeline, std::string_view content) {
    if (histories_.insert(timeline).second) {
      spool_.keep_history(timeline, bytes_of(content));
      received_.add_history(timeline);
    }
  }
  [[nodiscard]] bool knows_history(Timeline timeline) const { return histories_.contains(timeline); }

 private:
  const WalStoring storing_;
  WalSpool spool_;
  ReceivedWal received_;
  SpoolWriter writer_;
  std::optional<SegmentUploader> uploader_;
  std::optional<TailUploader> tails_;
  std::set<Timeline> histories_;
};

}  // namespace pgrecall
