#!/usr/bin/python3
"""archive_command = 'pgrecall wal push': what is archived restores, again is fine, other content and other clusters are refused."""

import shutil

from harness import IntegrationTest, contract, main, tool

SMALL_SEGMENTS = ["--wal-segsize=1"]


def segments(server):
    return sorted(path for path in (server.data / "pg_wal").iterdir() if len(path.name) == 24)


class WalPush(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server(initdb_arguments=SMALL_SEGMENTS, options={"wal_keep_size": "64MB"})
        self.runner = self.pgrecall(self.source)
        self.runner.backup("prod")
        begin = self.source.scalar("select pg_walfile_name(pg_current_wal_lsn())")
        self.source.fill(4)
        self.source.execute("select pg_switch_wal()")
        self.segment, self.next_segment = [path for path in segments(self.source) if path.name > begin][:2]

    def push(self, *arguments, **options):
        return self.runner.run("wal", "push", *arguments, "--output", "json", **options)

    def stored(self):
        folder = self.runner.repository / "clusters/prod/wal"
        return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def test_again_is_fine_and_the_cluster_is_found(self):
        first = self.push("prod", self.segment).json()["pushed"]
        again = self.push(self.segment).json()["pushed"]
        self.assertEqual(("prod", "already_there"), (again["cluster"], again["outcome"]))
        self.assertEqual(first["object"], again["object"])
        self.assertIn(self.segment.name, self.stored())

    def test_other_content_and_damaged_pages_are_refused(self):
        self.push("prod", self.segment)
        before = self.stored()
        copy = self.directory / self.segment.name
        content = bytearray(self.segment.read_bytes())
        content[len(content) // 2 + 100] ^= 1  # within a page: only the bytes that are stored already tell
        copy.write_bytes(content)
        self.assertIn("other bytes", self.push("prod", copy, exit=contract.CORRUPTION).stderr)
        other = self.next_segment
        content = bytearray(other.read_bytes())
        content[8192 * 3] ^= 1  # a page's magic
        copy = self.directory / other.name
        copy.write_bytes(content)
        self.assertIn("24576", self.push("prod", copy, exit=contract.CORRUPTION).stderr)
        copy.write_bytes(other.read_bytes()[:-8192])
        self.push("prod", copy, exit=contract.CORRUPTION)
        self.assertEqual(before, self.stored())

    def test_wal_of_another_cluster_is_refused(self):
        stranger = self.create_server(initdb_arguments=SMALL_SEGMENTS)
        stranger.execute("select pg_switch_wal()")
        before = self.stored()
        self.assertIn("another cluster", self.push("prod", segments(stranger)[0], exit=contract.CORRUPTION).stderr)
        self.push(segments(stranger)[0], exit=contract.USAGE)
        misspelt = self.runner.run("wal", "push", "prd", self.segment, "--repository", self.runner.url, config=False, exit=contract.USAGE)
        self.assertIn("known as=prod", misspelt.stderr)
        self.assertEqual(before, self.stored())

    def test_other_files(self):
        backup = self.directory / f"{self.segment.name}.00000028.backup"
        backup.write_text("START WAL LOCATION: 0/2000028\n")
        self.assertEqual("ignored", self.push("prod", backup).json()["pushed"]["outcome"])
        history = self.directory / "00000002.history"
        history.write_text("1\t0/3000000\tno recovery target specified\n")
        self.assertEqual("stored", self.push("prod", history).json()["pushed"]["outcome"])
        self.assertEqual("already_there", self.push("prod", history).json()["pushed"]["outcome"])
        history.write_text("1\t0/4000000\tno recovery target specified\n")
        self.push("prod", history, exit=contract.CORRUPTION)
        self.push("prod", "/etc/hostname", exit=contract.USAGE)

    def test_a_partial_segment_becomes_a_tail_without_what_lies_behind_its_end(self):
        partial = self.directory / f"{self.segment.name}.partial"
        content = bytearray(self.segment.read_bytes())
        content[8192 * 5:] = bytes(8192) + content[:len(content) - 8192 * 6]  # then pages of another place: a recycled file
        partial.write_bytes(content)
        pushed = self.push("prod", partial).json()["pushed"]
        begin, _, end = pushed["object"].rpartition(".")[2].partition("-")
        self.assertEqual(0, int(begin, 16))
        self.assertTrue(8192 * 4 < int(end, 16) <= 8192 * 5, pushed["object"])

    def test_a_segment_that_is_still_written_becomes_a_tail_and_is_not_in_the_way_of_the_whole(self):
        self.source.execute("create table half as select 1 as one")
        current = self.source.data / "pg_wal" / self.source.scalar("select pg_walfile_name(pg_current_wal_flush_lsn())")
        early = self.push("prod", current).json()["pushed"]
        self.assertRegex(early["object"], current.name + r"\.00000000-\w{8}$")
        self.assertEqual("already_there", self.push("prod", current).json()["pushed"]["outcome"])
        self.source.execute("create table other_half as select 1 as one")
        self.source.execute("select pg_switch_wal()")
        whole = self.push("prod", current).json()["pushed"]
        self.assertEqual(("stored", current.name), (whole["outcome"], whole["object"].rpartition("/")[2]))

    def test_two_hosts_push_the_same_at_once(self):
        running = [self.runner.start("wal", "push", "prod", self.segment, "--output", "json") for _ in range(4)]
        outcomes = [self.runner.finish(process).json()["pushed"]["outcome"] for process in running]
        self.assertEqual(1, outcomes.count("stored"))
        self.assertEqual(3, outcomes.count("already_there"))

    def test_as_archive_command(self):
        archiving = self.create_server(initdb_arguments=SMALL_SEGMENTS)
        self.runner.cluster("shop", archiving.conninfo())
        self.runner.backup("shop")
        archiving.stop()
        shutil.chown(self.runner.directory, "postgres", "postgres")
        for path in [self.runner.repository, *self.runner.repository.rglob("*")]:
            shutil.chown(path, "postgres", "postgres")
        archiving.options.update(archive_mode="on", archive_command=f"{tool.BINARY} wal push shop %p --repository {self.runner.url}")
        archiving.start()
        archiving.fill(4)
        switched = archiving.scalar("select pg_walfile_name(pg_switch_wal())")
        archiving.wait_for(lambda: archiving.scalar("select last_archived_wal >= %s from pg_stat_archiver", (switched,)), "the archiver")
        self.assertEqual(0, archiving.scalar("select failed_count from pg_stat_archiver"))
        stored = [path.name for path in (self.runner.wal_folder("shop") / "00000001").iterdir()]
        self.assertIn(switched, stored)


if __name__ == "__main__":
    main()
