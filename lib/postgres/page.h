#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/lsn.h"

namespace pgrecall {

// Data pages as PostgreSQL's src/include/storage/bufpage.h lays them out (PageHeaderData, layout version 4, since 8.3) and
// their checksums as src/include/storage/checksum_impl.h defines them. Integers are little-endian. All functions are pure
// and safe for use by many threads.

inline constexpr std::uint32_t default_page_size = 8192;  // bytes (BLCKSZ)

// True for a power of two from 1 KiB to 32 KiB, the sizes PostgreSQL can be built with.
[[nodiscard]] bool valid_page_size(std::uint64_t size) noexcept;

// The checksum that belongs into the page's header, 1 to 65535; what the header holds now does not matter.
// `block` counts pages from the start of the relation's fork, across its segment files.
// `page` is a whole page: a size that is no valid page size is an Error of kind failed.
[[nodiscard]] std::uint16_t page_checksum(ByteView page, std::uint32_t block);
// The same by every instruction set that this CPU has. Public so that tests hold them against each other.
[[nodiscard]] std::vector<std::uint16_t> page_checksum_every_way(ByteView page, std::uint32_t block);
// The checksum that the header holds (pd_checksum).
[[nodiscard]] std::uint16_t stored_page_checksum(ByteView page);
// Where WAL ends that must be on disk before this page (pd_lsn).
[[nodiscard]] Lsn page_lsn(ByteView page);
// True for a page that was allocated and never filled (pd_upper is 0, PageIsNew). Such a page is to be all zero.
[[nodiscard]] bool page_is_new(ByteView page);

enum class [[nodiscard]] PageState{
    valid,
    new_page,       // all zero; has no checksum
    bad_checksum,   // the checksum does not fit the bytes or the block number
    bad_zero_page,  // pd_upper is 0, as in a new page, but other bytes are set
};

PageState check_page(ByteView page, std::uint32_t block);

// A page that should not be as it is. A page read while the server writes it looks the same: read it once more before
// anybody is woken.
struct BadPage {
  std::uint32_t block = 0;
  PageState state = PageState::bad_checksum;
  std::uint16_t expected = 0;  // computed from the bytes; 0 for bad_zero_page
  std::uint16_t found = 0;     // in the page's header
  Lsn lsn;                     // in the page's header

  bool operator==(const BadPage&) const = default;
};

// Checks the whole pages of `run`, the first of which is `first_block`, and appends the bad ones to `out`. An incomplete page at
// the end is not looked at (a file that is being extended while it is read).
// A bad page whose LSN is at or after `newer_than_skips` is not reported: it was written after the backup began, may be torn by
// our reading, and WAL replay brings its full image (the same rule as in src/backend/backup/basebackup.c). An invalid (zero)
// LSN reports every bad page.
void check_pages(ByteView run, std::uint32_t page_size, std::uint32_t first_block, Lsn newer_than_skips,
                 std::vector<BadPage>& out);

}  // namespace pgrecall
