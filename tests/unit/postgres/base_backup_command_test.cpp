#include <catch2/catch.hpp>

#include "postgres/base_backup.h"
#include "postgres/replication.h"

namespace base_backup_command_test {

using namespace pgrecall;

// None asks for a tablespace_map file: without it the archive of the data directory has the links of pg_tblspc themselves.

TEST_CASE("BASE_BACKUP in the grammar of 13 and 14") {
  BaseBackupOptions options;
  options.label = "it's";
  CHECK(base_backup_command(options, 14) ==
        "BASE_BACKUP LABEL 'it''s' PROGRESS NOWAIT NOVERIFY_CHECKSUMS MANIFEST 'yes' MANIFEST_CHECKSUMS 'CRC32C'");
  options = {.label = "x",
             .checkpoint = BackupCheckpoint::fast,
             .max_rate_bytes = 1'000'000,
             .manifest = ServerManifest::none,
             .checksum_check = ServerChecksumCheck::on,
             .sizes = SizeEstimate::none};
  CHECK(base_backup_command(options, 13) == "BASE_BACKUP LABEL 'x' FAST NOWAIT MAX_RATE 976");
}

TEST_CASE("BASE_BACKUP in the grammar of 15 and newer") {
  BaseBackupOptions options;
  options.label = "it's";
  CHECK(base_backup_command(options, 15) ==
        "BASE_BACKUP (LABEL 'it''s', PROGRESS true, CHECKPOINT 'spread', WAIT false, VERIFY_CHECKSUMS false, "
        "MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C')");
  options = {.label = "x",
             .checkpoint = BackupCheckpoint::fast,
             .max_rate_bytes = 1,
             .manifest = ServerManifest::sha256,
             .checksum_check = ServerChecksumCheck::on,
             .sizes = SizeEstimate::none};
  CHECK(base_backup_command(options, 18) ==
        "BASE_BACKUP (LABEL 'x', CHECKPOINT 'fast', WAIT false, MAX_RATE 32, MANIFEST 'yes', "
        "MANIFEST_CHECKSUMS 'SHA256')");
}

TEST_CASE("rates stay within what the server takes") {
  BaseBackupOptions options;
  options.max_rate_bytes = 1ULL << 50U;
  CHECK(base_backup_command(options, 18).find("MAX_RATE 1048576,") != std::string::npos);
}

TEST_CASE("literals double their quotes") {
  CHECK(quote_replication_literal("") == "''");
  CHECK(quote_replication_literal("a'b''") == "'a''b'''''");
}

}  // namespace base_backup_command_test
