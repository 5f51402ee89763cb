#include "postgres/page.h"

#include "unit/postgres/fixture.h"

namespace page_test {

using namespace pgrecall;
using namespace pgrecall::testing;

namespace {

constexpr std::uint32_t real_block = 3;  // the fixtures are the fourth page of their table

std::vector<BadPage> bad_pages(const std::string& run, std::uint32_t first_block, Lsn newer_than_skips = {}) {
  std::vector<BadPage> bad;
  check_pages(bytes_of(run), default_page_size, first_block, newer_than_skips, bad);
  return bad;
}

}  // namespace

TEST_CASE("checksums of real pages are recomputed", "[page]") {
  for (const char* name : {"13/heap_block_3", "18/heap_block_3"}) {
    INFO(name);
    const std::string page = read_fixture(name);
    CHECK(page_checksum(bytes_of(page), real_block) == stored_page_checksum(bytes_of(page)));
    CHECK(check_page(bytes_of(page), real_block) == PageState::valid);
    CHECK_FALSE(page_is_new(bytes_of(page)));
    // The block number is part of it: a page written to the wrong place is found.
    CHECK(check_page(bytes_of(page), real_block + 1) == PageState::bad_checksum);
  }
}

TEST_CASE("every instruction set computes the same checksum", "[page]") {
  std::string page = read_fixture("18/heap_block_3");
  const std::vector<std::uint16_t> every_way = page_checksum_every_way(bytes_of(page), real_block);
  REQUIRE_FALSE(every_way.empty());
  for (const std::uint16_t checksum : every_way) {
    CHECK(checksum == stored_page_checksum(bytes_of(page)));
  }
  page.resize(1024);  // the smallest page
  const std::vector<std::uint16_t> of_small = page_checksum_every_way(bytes_of(page), 7);
  CHECK(of_small == std::vector<std::uint16_t>(of_small.size(), page_checksum(bytes_of(page), 7)));
}

TEST_CASE("every byte of a page counts, except the checksum itself", "[page]") {
  const std::string page = read_fixture("13/heap_block_3");
  for (std::size_t at = 0; at < page.size(); at += at < 64 ? 1 : 61) {
    std::string flipped = page;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    INFO("byte " << at);
    const bool in_checksum = at == 8 || at == 9;
    CHECK((page_checksum(bytes_of(flipped), real_block) == stored_page_checksum(bytes_of(page))) == in_checksum);
    CHECK(check_page(bytes_of(flipped), real_block) == PageState::bad_checksum);
  }
}

TEST_CASE("new pages have no checksum and must be all zero", "[page]") {
  std::string page(default_page_size, '\0');
  CHECK(page_is_new(bytes_of(page)));
  CHECK(check_page(bytes_of(page), 0) == PageState::new_page);
  page.back() = 1;
  CHECK(check_page(bytes_of(page), 0) == PageState::bad_zero_page);
  CHECK(bad_pages(page, 9) == std::vector<BadPage>{{9, PageState::bad_zero_page, 0, 0, Lsn{}}});
}

TEST_CASE("a run of pages reports the bad ones with their block numbers", "[page]") {
  const std::string page = read_fixture("18/heap_block_3");
  const std::uint16_t stored = stored_page_checksum(bytes_of(page));
  const std::uint16_t for_next_block = page_checksum(bytes_of(page), real_block + 1);
  const Lsn lsn = page_lsn(bytes_of(page));
  const std::string run = page + page + std::string(default_page_size, '\0') + page.substr(0, 100);
  const std::vector<BadPage> expected{{real_block + 1, PageState::bad_checksum, for_next_block, stored, lsn}};

  CHECK(bad_pages(run, real_block) == expected);
  // Torn pages are only forgiven when WAL from the backup's start on repairs them.
  CHECK(bad_pages(run, real_block, Lsn{lsn.value + 1}) == expected);
  CHECK(bad_pages(run, real_block, lsn).empty());
}

TEST_CASE("the LSN of a page is read as PostgreSQL shows it", "[page]") {
  std::string page(default_page_size, '\0');
  store_at<std::uint32_t>(page, 0, 0x16);
  store_at<std::uint32_t>(page, 4, 0xB374D848);
  CHECK(page_lsn(bytes_of(page)).to_string() == "16/B374D848");
}

TEST_CASE("page sizes outside PostgreSQL's are refused", "[page]") {
  for (const std::uint64_t size : {1024U, 2048U, 4096U, 8192U, 16384U, 32768U}) {
    CHECK(valid_page_size(size));
  }
  for (const std::uint64_t size : {0U, 512U, 8191U, 12288U, 65536U}) {
    CHECK_FALSE(valid_page_size(size));
  }
  CHECK_THROWS_AS(page_checksum(bytes_of("short"), 0), Error);
  std::vector<BadPage> bad;
  CHECK_THROWS_AS(check_pages(bytes_of("short"), 0, 0, Lsn{}, bad), Error);
}

}  // namespace page_test
