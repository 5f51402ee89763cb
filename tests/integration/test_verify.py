#!/usr/bin/python3
"""Verify of real backups: silent when all is well, exit 13 and the object's name when it is not; check of a live server."""

import re

from harness import IntegrationTest, contract, main, processes
from harness.drills import DrillTest


class Verify(IntegrationTest):
    def backed_up(self, backups=1):
        self.source = self.create_server()
        self.source.fill(20)
        tool = self.pgrecall(self.source)
        self.ids = [tool.backup("prod") for _ in range(backups)]
        return tool

    def objects(self, tool, pattern):
        return sorted(path for path in tool.repository.glob(f"clusters/prod/{pattern}") if path.is_file())

    def name_of(self, tool, path):
        return str(path.relative_to(tool.repository))

    def flip(self, path, offset):
        content = bytearray(path.read_bytes())
        content[offset] ^= 0xFF
        path.write_bytes(content)

    def damages(self, findings):
        return [finding for finding in findings if finding["severity"] == "damage"]

    def test_reads_everything_and_marks_what_is_good(self):
        tool = self.backed_up(2)
        document = tool.run("verify", "prod", "--output", "json").json()["verify"]
        self.assertEqual([], document["findings"])
        self.assertEqual(2, document["backups"])
        self.assertGreaterEqual(document["wal_segments"], 2)
        # Every page of the filler table, at the least.
        self.assertGreater(document["pages"], 20 * 1024 * 1024 // 8192)
        for backup in self.ids:
            self.assertIsNotNone(tool.run("show", "prod", backup, "--output", "json").json()["backup"]["verified"])

    def test_wrong_byte_in_a_pack_names_pack_backups_and_file(self):
        tool = self.backed_up(2)
        pack = max(self.objects(tool, "packs/*/*"), key=lambda path: path.stat().st_size)
        self.flip(pack, pack.stat().st_size // 2)
        (finding,) = self.damages(tool.verify("prod", exit=contract.CORRUPTION))
        self.assertEqual("corrupt object", finding["kind"])
        self.assertEqual(self.name_of(tool, pack), finding["object"])
        self.assertEqual(sorted(self.ids), sorted(finding["backups"]))
        self.assertRegex(finding["file"], r"^(base|global)/")
        shown = tool.run("show", "prod", self.ids[0], "--output", "json").json()["backup"]
        self.assertTrue(shown["damaged"])
        # People read the same.
        text = tool.run("verify", "prod", exit=contract.CORRUPTION).stdout
        self.assertIn(self.name_of(tool, pack), text)
        self.assertIn(finding["file"], text)

    def test_backup_after_damage_does_not_share_it_and_is_whole(self):
        tool = self.backed_up()
        pack = max(self.objects(tool, "packs/*/*"), key=lambda path: path.stat().st_size)
        self.flip(pack, pack.stat().st_size // 2)
        tool.verify("prod", exit=contract.CORRUPTION)
        later = tool.backup("prod")
        self.assertEqual([], self.damages(tool.verify("prod", later)))

    def test_missing_objects_are_told_by_kind(self):
        for pattern, kind in (("packs/*/*", "missing object"), ("wal/*/*/*", "missing wal"), ("backups/*/manifest", "missing object"),
                              ("systems/*", "missing object")):
            with self.subTest(pattern=pattern):
                tool = self.backed_up()
                path = self.objects(tool, pattern)[0]
                path.unlink()
                (finding,) = self.damages(tool.verify("prod", exit=contract.CORRUPTION))
                self.assertEqual(kind, finding["kind"])
                self.assertEqual(self.name_of(tool, path), finding["object"])
                self.assertEqual(self.ids, finding["backups"])
                self.doCleanups()
                self.setUp()

    def test_leavings_are_notices(self):
        tool = self.backed_up(2)
        next(tool.repository.glob(f"clusters/prod/backups/{self.ids[1]}/summary")).unlink()
        findings = tool.verify("prod")
        self.assertEqual({"notice"}, {finding["severity"] for finding in findings})
        self.assertIn(f"clusters/prod/backups/{self.ids[1]}/", [finding["object"] for finding in findings])

    def test_sample_reads_a_part_and_verifies_no_backup(self):
        tool = self.backed_up()
        whole = tool.run("verify", "prod", self.ids[0], "--output", "json").json()["verify"]
        sample = tool.run("verify", "prod", "--data", "30%", "--output", "json").json()["verify"]
        self.assertGreater(sample["bytes"], 0.1 * whole["bytes"])
        self.assertLess(sample["bytes"], 0.6 * whole["bytes"])

    def test_budget_reads_everything_in_turns(self):
        self.source = self.create_server()
        self.source.fill(4)
        tool = self.pgrecall(self.source)
        ids = [tool.backup("prod", "--full") for _ in range(4)]
        verified = lambda: [tool.run("show", "prod", each, "--output", "json").json()["backup"]["verified"] for each in ids]

        def verify(budget, exit=0):
            return tool.run("verify", "prod", "--budget", budget, "--output", "json", exit=exit).json()["verify"]

        stored = sum(path.stat().st_size for pattern in ("packs/*/*", "wal/*/*/" + 24 * "[0-9A-F]") for path in self.objects(tool, pattern))
        first = verify(f"{stored // 2}B")["coverage"]
        self.assertEqual(stored, first["total_bytes"])
        self.assertEqual(stored, first["read_bytes"] + first["never_read_bytes"])
        self.assertLess(stored // 2 - 1, first["read_bytes"])
        self.assertLess(first["read_bytes"], stored)
        self.assertIn(None, verified())
        # The other half: what was never read comes first, and nothing twice.
        second = verify(f"{first['never_read_bytes']}B")["coverage"]
        self.assertEqual((first["never_read_bytes"], 0), (second["read_bytes"], second["never_read_bytes"]))
        self.assertNotIn(None, verified())
        self.assertIn("were read now", tool.run("verify", "prod", "--budget", "1B").stdout)
        # Damage has its turn, too, names who needs it, and is not on the ledger any more.
        pack = max(self.objects(tool, "packs/*/*"), key=lambda path: path.stat().st_size)
        self.flip(pack, pack.stat().st_size // 2)
        document = verify("1h", exit=contract.CORRUPTION)
        (finding,) = self.damages(document["findings"])
        self.assertEqual(self.name_of(tool, pack), finding["object"])
        self.assertEqual(1, len(finding["backups"]))
        self.assertEqual(pack.stat().st_size, document["coverage"]["never_read_bytes"])
        # The newest ledger is lost: as if nothing had ever been read.
        ledger = self.objects(tool, "verified/*")[-1]
        self.flip(ledger, 100)
        document = verify("1B", exit=contract.CORRUPTION)
        self.assertIn(self.name_of(tool, ledger), [each["object"] for each in document["findings"]])
        self.assertGreater(document["coverage"]["never_read_bytes"], stored // 2)
        tool.run("verify", "prod", "latest", "--budget", "1GB", exit=contract.USAGE)
        tool.run("verify", "prod", "--budget", "many", exit=contract.USAGE)

    def test_no_backup_is_not_called_good(self):
        tool = self.backed_up()
        for summary in self.objects(tool, "backups/*/summary"):
            summary.unlink()
        result = tool.run("verify", "prod")
        self.assertIn("nothing was verified", result.stdout)
        self.assertNotIn("no damage", result.stdout)

    def test_unknown_backup(self):
        tool = self.backed_up()
        tool.run("verify", "prod", "20200101T000000Z-full", exit=contract.TARGET_UNREACHABLE)

    def test_sealed_repository(self):
        source = self.create_server()
        tool = self.pgrecall(source, repository_settings={"key_file": str(self.directory / "key")})
        tool.backup("prod")
        self.assertEqual([], tool.verify("prod"))
        (key,) = (tool.repository / "keys").iterdir()
        pack = self.objects(tool, "packs/*/*")[0]
        self.flip(pack, pack.stat().st_size // 2)
        (finding,) = self.damages(tool.verify("prod", exit=contract.CORRUPTION))
        self.assertEqual(self.name_of(tool, pack), finding["object"])
        self.assertTrue(key.exists())


class VerifyWal(DrillTest):
    def verify(self, runner, exit=0):
        return runner.verify("prod", exit=exit, user="postgres")

    def write_wal(self, source, segments=8):
        source.execute("create table if not exists log (id int, filler text)")
        for number in range(segments):
            source.execute("insert into log select %s, repeat(md5(i::text), 30) from generate_series(1, 800) i", (number,))
        self.archive_all(source)

    def segments(self, runner):
        return sorted(path for path in (runner.repository / "clusters/prod/wal").rglob("*") if path.is_file() and len(path.name) == 24)

    def name_of(self, runner, path):
        return str(path.relative_to(runner.repository))

    def test_gap_matters_until_a_newer_backup(self):
        source, runner = self.prepare()
        self.write_wal(source)
        lost = self.segments(runner)[-4]
        lost.unlink()
        (finding,) = self.verify(runner, exit=contract.CORRUPTION)
        self.assertEqual(("damage", "missing wal", self.name_of(runner, lost), []),
                         (finding["severity"], finding["kind"], finding["object"], finding["backups"]))
        self.assertIn("recovery cannot go beyond", finding["problem"])
        # The backup itself is whole.
        (backup,) = runner.ids("prod")
        self.assertFalse(runner.run("show", "prod", backup, "--output", "json").json()["backup"]["damaged"])
        runner.backup("prod", user="postgres")
        (finding,) = self.verify(runner)
        self.assertEqual(("notice", "missing wal", self.name_of(runner, lost)), (finding["severity"], finding["kind"], finding["object"]))
        self.assertIn("cannot be reached", finding["problem"])

    def test_records_of_switched_and_promoted_timelines_are_right_and_a_wrong_one_is_found(self):
        source, runner = self.prepare()
        self.write_wal(source, 3)
        source.execute("insert into log values (99, 'before the switch')")
        self.archive_all(source)
        # The last segment of timeline 1 is archived as far as it was written; timeline 2 goes on in a copy of it.
        source.execute("insert into log values (100, 'the end of timeline 1')")
        source.stop()
        (source.data / "recovery.signal").touch()
        processes.own(source.data / "recovery.signal")
        source.options["restore_command"] = "false"
        source.start()
        self.write_wal(source, 5)
        self.assertEqual([], self.verify(runner))
        stored = self.segments(runner)[-4]
        self.assertEqual("00000002", stored.name[:8])
        file = self.directory / stored.name
        runner.run("wal", "fetch", "prod", stored.name, file)
        data = bytearray(file.read_bytes())
        data[len(data) // 2 + 1000] ^= 1
        file.write_bytes(data)
        stored.unlink()
        runner.run("wal", "push", "prod", file)
        processes.own(stored)
        (finding,) = self.verify(runner, exit=contract.CORRUPTION)
        self.assertEqual(("damage", "corrupt object", self.name_of(runner, stored)), (finding["severity"], finding["kind"], finding["object"]))
        self.assertIn("wrong CRC", finding["problem"])


class Check(IntegrationTest):
    def items(self, tool, *arguments, **options):
        document = tool.run("check", "prod", "--output", "json", *arguments, **options).json()
        return {item["what"]: item for item in document["clusters"][0]["items"]}

    def test_good_server_and_store_leave_nothing_behind(self):
        source = self.create_server()
        tool = self.pgrecall(source)
        items = self.items(tool, exit=(contract.DONE, contract.WARNINGS))
        for what in ("connection", "version", "wal_level", "full_page_writes", "data checksums", "wal senders", "replication slots",
                     "temporary slot", "clock", "store: write", "store: read", "store: delete", "store: space"):
            self.assertEqual("good", items[what]["state"], items[what])
        self.assertEqual([], [item for item in items.values() if item["state"] == "bad"])
        self.assertEqual(0, source.scalar("select count(*) from pg_replication_slots"))
        self.assertEqual([], [path for path in tool.repository.glob("leases/*")])

    def test_no_room_for_a_backup_is_bad(self):
        source = self.create_server(start=False)
        source.options["max_wal_senders"] = "1"
        source.options["max_replication_slots"] = "0"
        source.start()
        items = self.items(self.pgrecall(source), exit=contract.FAILED)
        for what in ("wal senders", "replication slots", "temporary slot"):
            self.assertEqual("bad", items[what]["state"], items[what])
            self.assertTrue(items[what]["hint"])
        self.assertTrue(re.search("max_wal_senders", items["wal senders"]["hint"]))

    def test_stopped_server_is_bad_and_the_store_is_looked_at_all_the_same(self):
        source = self.create_server()
        tool = self.pgrecall(source)
        source.stop()
        items = self.items(tool, exit=(contract.FAILED, contract.DATABASE_UNREACHABLE))
        self.assertEqual("bad", items["connection"]["state"])
        self.assertEqual("good", items["store: write"]["state"])

    def test_missing_secret_of_one_cluster_hides_no_other(self):
        source = self.create_server()
        tool = self.pgrecall(source)
        tool.cluster("aside", source.conninfo(), password_env="PGRECALL_TEST_NOT_SET")
        document = tool.run("check", "--output", "json", exit=contract.FAILED).json()
        items = {cluster["cluster"]: {item["what"]: item for item in cluster["items"]} for cluster in document["clusters"]}
        self.assertEqual("good", items["prod"]["connection"]["state"])
        self.assertEqual("bad", items["aside"]["connection"]["state"])
        self.assertIn("PGRECALL_TEST_NOT_SET", items["aside"]["connection"]["detail"])
        self.assertEqual("good", items["aside"]["store: write"]["state"])

    def test_damaged_newest_backup_is_bad(self):
        source = self.create_server()
        tool = self.pgrecall(source)
        tool.backup("prod")
        next(tool.repository.glob("clusters/prod/backups/*/manifest")).unlink()
        tool.verify("prod", exit=contract.CORRUPTION)
        items = self.items(tool, exit=contract.FAILED)
        self.assertEqual("bad", items["newest backup"]["state"])


if __name__ == "__main__":
    main()
