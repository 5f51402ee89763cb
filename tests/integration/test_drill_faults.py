#!/usr/bin/python3
"""A drill finds each fault that was planted, and says which it is."""

import pathlib
import struct

from harness import Pgrecall, contract, main, processes
from harness.drills import DrillTest


class DrillFaults(DrillTest):
    def failed(self, runner, *arguments, exit=contract.FAILED):
        """Its report; the drill is on record as failed, and its log was kept."""
        report = self.drill(runner, *arguments, exit=exit)
        self.assertTrue(report["drill"]["checks"])
        self.assertFalse(report["drill"]["passed"])
        self.assertTrue(pathlib.Path(report["drill"]["log"]).read_text())
        self.assertEqual(1, len(self.records(runner)))
        return self.bad(report)

    def ended(self, runner, *arguments, exit, **options):
        """What it ended with."""
        error = self.drill(runner, *arguments, exit=exit, **options)["error"]
        return error["message"] + " " + str(error["context"]) + " " + error["hint"]

    def test_corrupted_pack(self):
        source, runner = self.prepare()
        pack = max((runner.repository / "clusters/prod/packs").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 1
        pack.write_bytes(data)
        self.assertIn(pack.name, self.ended(runner, exit=contract.CORRUPTION))
        self.assertEqual(1, len(self.records(runner)))

    def wal_of(self, runner):
        return sorted(path for path in (runner.repository / "clusters/prod/wal").rglob("*") if path.is_file() and len(path.name) == 24)

    def write_wal(self, source, segments=8):
        source.execute("create table log (id int, filler text)")
        for number in range(segments):
            source.execute("insert into log select %s, repeat(md5(i::text), 30) from generate_series(1, 800) i", (number,))
        self.archive_all(source)

    def test_missing_segment(self):
        source, runner = self.prepare()
        self.write_wal(source)
        before = source.scalar("select pg_current_wal_lsn()")
        segments = self.wal_of(runner)
        segments[-4].unlink()
        found = self.failed(runner, "--aim", "oldest")
        self.assertEqual(1, len(found))
        self.assertRegex(found[0], "window: WAL is missing from ")
        told = self.ended(runner, "--lsn", before, exit=contract.TARGET_UNREACHABLE)
        self.assertIn("reachable is", told)

    def test_damaged_segment(self):
        source, runner = self.prepare()
        self.write_wal(source)
        segment = self.wal_of(runner)[-4]
        data = bytearray(segment.read_bytes())
        data[len(data) // 2] ^= 1
        segment.write_bytes(data)
        told = self.ended(runner, "--aim", "newest", exit=contract.CORRUPTION)
        self.assertIn("WAL that recovery needs cannot be brought", told)
        self.assertIn(segment.name, told)
        self.assertIn("/logs/prod-", told)

    def test_wrong_key(self):
        runner = Pgrecall(self.directory / "sealed", repository_settings={"key_file": str(self.directory / "key")})
        other = Pgrecall(self.directory / "other", repository_settings={"key_file": str(self.directory / "other-key")})
        source = self.create_server()
        self.scratch = self.directory / "scratch"
        self.scratch.mkdir()
        processes.own(self.scratch)
        for each in (runner, other):
            each.settings["scratch"] = str(self.scratch)
            each.cluster("prod", source.conninfo())
            each.init()
        runner.backup("prod")
        (self.directory / "key").write_text((self.directory / "other-key").read_text())
        self.assertIn("key", self.ended(runner, user=None, exit=contract.WRONG_KEY))

    def test_page_corrupted_on_the_source(self):
        source, runner = self.prepare()
        source.execute("create table torn as select i, repeat('y', 200) filler from generate_series(1, 2000) i")
        source.execute("checkpoint")
        file = source.scalar("select pg_relation_filepath('torn')")
        source.stop()
        path = source.data / file
        data = bytearray(path.read_bytes())
        data[3 * 8192 + 5000] ^= 255
        path.write_bytes(data)
        source.start()
        runner.run("backup", "prod", user="postgres", exit=contract.WARNINGS)
        found = self.failed(runner, "--aim", "newest")
        self.assertTrue(any("a page was damaged before it was backed up: " + file + " block 3" in line for line in found), found)
        self.assertTrue(any("table torn" in line for line in found), found)

    def test_page_corrupted_without_checksums(self):
        source, runner = self.prepare(checksums=False)
        source.execute("create table torn as select i, repeat('y', 200) filler from generate_series(1, 2000) i")
        source.execute("checkpoint")
        file = source.scalar("select pg_relation_filepath('torn')")
        source.stop()
        path = source.data / file
        data = bytearray(path.read_bytes())
        data[3 * 8192 + 24] ^= 255  # the first line pointer
        path.write_bytes(data)
        source.start()
        runner.backup("prod", user="postgres")
        report = self.drill(runner, "--aim", "newest", exit=contract.FAILED)
        self.assertEqual("not_checked", self.states(report)["page checksums"])
        self.assertTrue(any(line.startswith("amcheck: table torn in database") and "block 3" in line for line in self.bad(report)), self.bad(report))

    def test_broken_index(self):
        """Rows that the index does not have: as after a bug, or a change of collation rules."""
        source, runner = self.prepare()
        source.execute("create table orders (id int, name text); create index orders_name on orders (name)")
        source.execute("update pg_index set indisready = false, indislive = true where indexrelid = 'orders_name'::regclass")
        source.execute("insert into orders select i, 'n' || i from generate_series(1, 100) i")
        source.execute("update pg_index set indisready = true where indexrelid = 'orders_name'::regclass")
        self.archive_all(source)
        found = self.failed(runner, "--aim", "newest")
        self.assertEqual(1, len(found), found)
        self.assertRegex(found[0], "amcheck: index orders_name in database .postgres. is damaged: .*heap tuple .* lacks matching index tuple")

    def test_missing_library(self):
        source, runner = self.prepare()
        source.execute("set check_function_bodies = off; update pg_proc set probin = '$libdir/not_installed' where proname = 'plpgsql_call_handler'")
        self.archive_all(source)
        found = self.failed(runner, "--aim", "newest")
        self.assertEqual(1, len(found), found)
        self.assertIn("libraries: a library is missing on this host: $libdir/not_installed, which extension plpgsql in database", found[0])

    def test_library_that_the_copy_is_to_load(self):
        source, runner = self.prepare(drill={"libraries": ["not_installed"]})
        self.assertIn("a library that the server is to load is missing on this host", self.ended(runner, exit=contract.FAILED))

    def test_target_not_reached(self):
        """WAL with a record that nobody can replay: PostgreSQL takes it for the end. The object that holds it is whole."""
        source, runner = self.prepare()
        self.write_wal(source)
        stored = self.wal_of(runner)[-4]
        segment = self.directory / stored.name
        runner.run("wal", "fetch", "prod", stored.name, segment)
        data = bytearray(segment.read_bytes())
        data[len(data) // 2 + 1000] ^= 1
        segment.write_bytes(data)
        stored.unlink()
        runner.run("wal", "push", "prod", segment)
        processes.own(stored)
        told = self.ended(runner, "--aim", "newest", exit=contract.TARGET_UNREACHABLE)
        self.assertIn("the target was not reached", told)

    def test_settings_that_were_raised_meanwhile(self):
        """Hot standby with less than the original has pauses recovery, too: it is given what it asks for."""
        source, runner = self.prepare()
        source.stop()
        source.options["max_connections"] = "300"
        source.options["max_wal_senders"] = "30"
        source.start()
        self.archive_all(source)
        self.assertEqual([], self.bad(self.drill(runner, "--aim", "newest")))

    def test_wrong_canary(self):
        """The row in the copy is compared with what the daemon noted when it wrote."""
        source, runner = self.prepare()
        state = self.directory / "state"
        runner.settings["daemon"] = {"state": str(state)}
        runner.write_config()
        (state / "canary").mkdir(parents=True)
        ledger = state / "canary/prod"
        source.execute("create schema pgrecall; create table pgrecall.heartbeat (id int primary key, beat bigint, at timestamptz)")
        beats = []
        for beat in (1, 2, 3):
            source.execute("insert into pgrecall.heartbeat values (1, %s, clock_timestamp()) on conflict (id) do update set beat = %s, at = clock_timestamp()", (beat, beat))
            beats.append((beat, source.scalar("select (extract(epoch from at) * 1000000)::bigint from pgrecall.heartbeat")))
        self.archive_all(source)
        write = lambda entries: ledger.write_bytes(b"".join(struct.pack("<QQ", *entry) for entry in entries))
        write(beats)
        report = self.drill(runner, "--aim", "newest")
        self.assertEqual("good", self.states(report)["canary"])
        # One more was committed before the moment, as far as the daemon knows, and the copy does not have it.
        long_ago = beats[0][1] - 3_600_000_000
        source.execute("update pgrecall.heartbeat set beat = 1, at = to_timestamp(%s / 1e6)", (long_ago,))
        write([(1, long_ago), (2, long_ago + 60_000_000), (3, long_ago + 120_000_000)])
        self.archive_all(source)
        report = self.drill(runner, "--aim", "newest", exit=contract.FAILED)
        self.assertRegex(self.bad(report)[0], "canary: heartbeat 3 of .* is missing in the copy: the newest there is heartbeat 1 of")
        source.execute("update pgrecall.heartbeat set at = now() + interval '1 hour'")
        self.archive_all(source)
        report = self.drill(runner, "--aim", "newest", exit=contract.FAILED)
        self.assertRegex(self.bad(report)[0], "canary: heartbeat 1 of .* is in the copy, and is later than its moment")

    def test_query_that_disappoints(self):
        source, runner = self.prepare(drill={"queries": {
            "few": {"query": "select count(*) from pg_class", "expect": "< 10"},
            "wrong": {"query": "select nonsense from pg_class"},
            "right": {"query": "select 'ready'", "expect": "= ready"},
            "elsewhere": {"database": "template1", "query": "select current_database() = 'template1'"}}})
        report = self.drill(runner, "--aim", "newest", exit=contract.FAILED)
        states = self.states(report)
        self.assertEqual(("bad", "bad", "good", "good"), tuple(states[f"query {name}"] for name in ("few", "wrong", "right", "elsewhere")))
        self.assertEqual("good", states["amcheck"])

    def test_refuses_without_room_or_programs(self):
        source, runner = self.prepare()
        small = self.mount_tmpfs(16 << 20)
        processes.own(small)
        self.assertIn("too little space", runner.run("drill", "prod", "--scratch", small, user="postgres", exit=contract.FAILED).stderr)
        self.assertEqual([], list(small.iterdir()))
        self.assertFalse((runner.repository / "clusters/prod/drills").exists())


if __name__ == "__main__":
    main()
