#include "postgres/page.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/all_zero.h"
#include "base/error.h"

namespace pgrecall {

namespace {

static_assert(std::endian::native == std::endian::little, "pages are read as this machine's words");

// PageHeaderData.
constexpr std::size_t checksum_offset = 8;
constexpr std::size_t upper_offset = 14;

constexpr std::uint32_t fnv_prime = 16777619;
constexpr std::size_t lane_count = 32;
constexpr std::size_t row_size = lane_count * sizeof(std::uint32_t);  // bytes that one step of all lanes takes

using Row = std::array<std::uint32_t, lane_count>;

// Where each lane starts (checksumBaseOffsets): any unequal numbers would do, but these are the ones in every page.
constexpr Row lane_starts = {
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
};

// As many lanes as a register of the CPU holds. Written out because the compiler's own vectoriser is off or timid below -O3.
using Lanes4 [[gnu::vector_size(16)]] = std::uint32_t;
using Lanes8 [[gnu::vector_size(32)]] = std::uint32_t;
using Lanes16 [[gnu::vector_size(64)]] = std::uint32_t;

// All 32 lanes over the page, each mixing every 32nd word, folded into one. Inlined into one function for each kind of CPU.
template <typename Lanes>
[[gnu::always_inline]] inline std::uint32_t fold_page(const std::byte* page, std::size_t size) noexcept {
  constexpr std::size_t registers = row_size / sizeof(Lanes);
  Lanes sums[registers];
  std::memcpy(sums, lane_starts.data(), row_size);
  const auto mix = [&sums](const std::byte* row) __attribute__((always_inline)) {
    for (std::size_t i = 0; i < registers; ++i) {
      Lanes words;
      std::memcpy(&words, row + i * sizeof(Lanes), sizeof(Lanes));
      words ^= sums[i];
      sums[i] = words * fnv_prime ^ (words >> 17);
    }
  };
  std::array<std::byte, row_size> first;
  std::memcpy(first.data(), page, row_size);
  first[checksum_offset] = first[checksum_offset + 1] = std::byte{0};  // the checksum is not part of what it sums
  mix(first.data());
  for (std::size_t at = row_size; at < size; at += row_size) {
    mix(page + at);
  }
  constexpr std::array<std::byte, row_size> zeros{};
  mix(zeros.data());
  mix(zeros.data());
  Row lanes;
  std::memcpy(lanes.data(), sums, row_size);
  std::uint32_t folded = 0;
  for (const std::uint32_t lane : lanes) {
    folded ^= lane;
  }
  return folded;
}

using Fold = std::uint32_t (*)(const std::byte*, std::size_t) noexcept;

std::uint32_t fold_any(const std::byte* page, std::size_t size) noexcept { return fold_page<Lanes4>(page, size); }

#if defined(__x86_64__)

// Chosen at run time by hand: target_clones needs ifuncs, which run before the sanitizers are ready.
[[gnu::target("avx2")]] std::uint32_t fold_avx2(const std::byte* page, std::size_t size) noexcept {
  return fold_page<Lanes8>(page, size);
}

[[gnu::target("avx512f")]] std::uint32_t fold_avx512(const std::byte* page, std::size_t size) noexcept {
  return fold_page<Lanes16>(page, size);
}

// What this CPU can run, the fastest last.
std::vector<Fold> usable_folds() {
  std::vector<Fold> folds{fold_any};
  if (__builtin_cpu_supports("avx2")) {
    folds.push_back(fold_avx2);
  }
  if (__builtin_cpu_supports("avx512f")) {
    folds.push_back(fold_avx512);
  }
  return folds;
}

#else

std::vector<Fold> usable_folds() { return {fold_any}; }

#endif

// Mixes in the place and leaves 0 free, which means "no checksum".
std::uint16_t reduce(std::uint32_t folded, std::uint32_t block) noexcept {
  return static_cast<std::uint16_t>((folded ^ block) % 65535 + 1);
}

std::uint16_t checksum_of(const std::byte* page, std::size_t size, std::uint32_t block) {
  static const Fold fold = usable_folds().back();
  return reduce(fold(page, size), block);
}

void require_page(ByteView page) {
  if (!valid_page_size(page.size())) {
    throw Error(ErrorKind::failed, "not a whole data page").with("size", page.size());
  }
}

// Of a page whose size is known to be good.
PageState judge(ByteView page, std::uint32_t block, std::uint16_t& expected) {
  expected = 0;
  if (load_little<std::uint16_t>(page.data() + upper_offset) == 0) {
    return all_zero(page) ? PageState::new_page : PageState::bad_zero_page;
  }
  expected = checksum_of(page.data(), page.size(), block);
  return expected == load_little<std::uint16_t>(page.data() + checksum_offset) ? PageState::valid : PageState::bad_checksum;
}

Lsn lsn_of(const std::byte* page) noexcept {
  // PageXLogRecPtr: two halves, the high one first, each in the machine's byte order.
  return Lsn{(static_cast<std::uint64_t>(load_little<std::uint32_t>(page)) << 32U) | load_little<std::uint32_t>(page + 4)};
}

}  // namespace

bool valid_page_size(std::uint64_t size) noexcept { return size >= 1024 && size <= 32768 && std::has_single_bit(size); }

std::uint16_t page_checksum(ByteView page, std::uint32_t block) {
  require_page(page);
  return checksum_of(page.data(), page.size(), block);
}

std::vector<std::uint16_t> page_checksum_every_way(ByteView page, std::uint32_t block) {
  require_page(page);
  std::vector<std::uint16_t> checksums;
  for (const Fold fold : usable_folds()) {
    checksums.push_back(reduce(fold(page.data(), page.size()), block));
  }
  return checksums;
}

std::uint16_t stored_page_checksum(ByteView page) {
  require_page(page);
  return load_little<std::uint16_t>(page.data() + checksum_offset);
}

Lsn page_lsn(ByteView page) {
  require_page(page);
  return lsn_of(page.data());
}

bool page_is_new(ByteView page) {
  require_page(page);
  return load_little<std::uint16_t>(page.data() + upper_offset) == 0;
}

PageState check_page(ByteView page, std::uint32_t block) {
  require_page(page);
  std::uint16_t expected = 0;
  return judge(page, block, expected);
}

void check_pages(ByteView run, std::uint32_t page_size, std::uint32_t first_block, Lsn newer_than_skips,
                 std::vector<BadPage>& out) {
  if (!valid_page_size(page_size)) {
    throw Error(ErrorKind::failed, "impossible size of a data page").with("size", page_size);
  }
  std::uint32_t block = first_block;
  for (; run.size() >= page_size; run = run.subspan(page_size), ++block) {
    const ByteView page = run.first(page_size);
    std::uint16_t expected = 0;
    const PageState state = judge(page, block, expected);
    if (state == PageState::valid || state == PageState::new_page) {
      continue;
    }
    const Lsn lsn = lsn_of(page.data());
    if (newer_than_skips.valid() && lsn >= newer_than_skips) {
      continue;
    }
    out.push_back({block, state, expected, load_little<std::uint16_t>(page.data() + checksum_offset), lsn});
  }
}

}  // namespace pgrecall
