#include "postgres/relation_file.h"

#include <catch2/catch.hpp>
#include <ostream>

namespace relation_file_test {

using namespace pgrecall;

TEST_CASE("paths of relations are taken apart", "[relation_file]") {
  CHECK(parse_relation_path("base/5/16384") == RelationFile{1663, 5, 16384, RelationFork::main, 0});
  CHECK(parse_relation_path("base/5/16384.1") == RelationFile{1663, 5, 16384, RelationFork::main, 1});
  CHECK(parse_relation_path("base/5/16384_fsm") == RelationFile{1663, 5, 16384, RelationFork::free_space_map, 0});
  CHECK(parse_relation_path("base/5/16384_vm.12") == RelationFile{1663, 5, 16384, RelationFork::visibility_map, 12});
  CHECK(parse_relation_path("base/5/16384_init") == RelationFile{1663, 5, 16384, RelationFork::init, 0});
  CHECK(parse_relation_path("global/1262") == RelationFile{1664, 0, 1262, RelationFork::main, 0});
  CHECK(parse_relation_path("global/1262_vm") == RelationFile{1664, 0, 1262, RelationFork::visibility_map, 0});
  CHECK(parse_relation_path("pg_tblspc/16401/PG_18_202506291/5/16402.3") == RelationFile{16401, 5, 16402, RelationFork::main, 3});
  CHECK(parse_relation_path("base/4294967295/4294967295") == RelationFile{1663, 4294967295U, 4294967295U, RelationFork::main, 0});
}

TEST_CASE("files without page checksums are no relations", "[relation_file]") {
  for (const char* path :
       {"global/pg_control", "global/pg_filenode.map", "global/pg_internal.init", "base/5/PG_VERSION", "base/5/pg_filenode.map",
        "base/5/pg_internal.init.123", "PG_VERSION", "backup_label", "pg_wal/000000010000000000000001", "pg_xact/0000",
        "base/5/t3_16384", "base/5/t3_16384_fsm", "base/pgsql_tmp/pgsql_tmp123.0", "base/5/INCREMENTAL.16384"}) {
    INFO(path);
    CHECK_FALSE(parse_relation_path(path).has_value());
  }
}

TEST_CASE("names that PostgreSQL would not write are no relations", "[relation_file]") {
  for (const char* path : {"",
                           "/",
                           "base",
                           "base/",
                           "base/5",
                           "base/5/",
                           "base//16384",
                           "base/5/16384/1",
                           "base/05/16384",
                           "base/5/016384",
                           "base/5/0",
                           "base/0/16384",
                           "base/5/16384.",
                           "base/5/16384.0",
                           "base/5/16384.01",
                           "base/5/16384.1.2",
                           "base/5/16384_",
                           "base/5/16384_main",
                           "base/5/16384_fsm_vm",
                           "base/5/16384.1_fsm",
                           "base/5/4294967296",
                           "base/5/-1",
                           "base/5/+1",
                           "base/5/16384 ",
                           "./base/5/16384",
                           "/base/5/16384",
                           "global/5/16384",
                           "pg_tblspc/16401/5/16402",
                           "pg_tblspc/16401/PG_18_202506291/16402",
                           "pg_tblspc/x/PG_18/5/16402"}) {
    INFO(path);
    CHECK_FALSE(parse_relation_path(path).has_value());
  }
}

TEST_CASE("blocks are counted across segments", "[relation_file]") {
  CHECK(first_block_of_segment(0, default_blocks_per_segment) == 0U);
  CHECK(block_in_segment(393216U + 7, default_blocks_per_segment) == 7U);
  CHECK(block_in_segment(393216U + 7, 1024) == 7U);
  CHECK(block_in_segment(1500, 1024) == 476U);  // a server built with segments of 8 MiB
  CHECK(first_block_of_segment(3, default_blocks_per_segment) == 393216U);
  CHECK(first_block_of_segment(32767, default_blocks_per_segment) == 4294836224U);
  CHECK_FALSE(first_block_of_segment(32768, default_blocks_per_segment).has_value());
}

}  // namespace relation_file_test
