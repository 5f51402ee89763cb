#!/usr/bin/python3
"""Repair of what verify finds damaged: out of later backups, the spool, the server; honest where nothing helps; kill -9 at any moment."""

import random
import select
import shutil
import signal
import time

from harness import IntegrationTest, contract, dump_everything, main


class Repair(IntegrationTest):
    def backed_up(self):
        self.source = self.create_server(start=False)
        self.source.options["wal_keep_size"] = "512MB"
        self.source.options["autovacuum"] = "off"
        self.source.start()
        self.source.fill(20)
        # Nothing changes the pages later, such as hint bits: what is lost in one backup is the same in the next.
        self.source.execute("vacuum (freeze, analyze)")
        self.expected = dump_everything(self.source)
        tool = self.pgrecall(self.source)
        self.first = tool.backup("prod")
        return tool

    def objects(self, tool, pattern):
        return sorted(path for path in tool.repository.glob(f"clusters/prod/{pattern}") if path.is_file())

    def name_of(self, tool, path):
        return str(path.relative_to(tool.repository))

    def flip(self, path, part=0.5):
        content = bytearray(path.read_bytes())
        content[int(len(content) * part)] ^= 0xFF
        path.write_bytes(content)

    def largest_pack(self, tool):
        return max(self.objects(tool, "packs/*/*"), key=lambda path: path.stat().st_size)

    def repair(self, tool, exit=contract.WARNINGS):
        document = tool.run("verify", "prod", "--repair", "--output", "json", exit=exit).json()["verify"]
        return {repair["object"]: repair for repair in document["repairs"]}

    def state(self, tool, backup):
        shown = tool.run("show", "prod", backup, "--output", "json").json()["backup"]
        return "damaged" if shown["damaged"] else "verified" if shown["verified"] else "never"

    def test_later_backup_heals_earlier_ones(self):
        tool = self.backed_up()
        second = tool.backup("prod")
        pack = self.largest_pack(tool)
        self.flip(pack)
        # Only one of the two was looked at. The other must not hand the damage on.
        tool.verify("prod", second, exit=contract.CORRUPTION)
        self.assertEqual("damaged", self.state(tool, self.first))
        self.assertFalse(self.repair(tool, exit=contract.CORRUPTION)[self.name_of(tool, pack)]["repaired"])
        self.assertTrue(pack.exists())
        third = tool.backup("prod")
        self.assertEqual([], tool.verify("prod", third))
        name = self.name_of(tool, pack)
        done = self.repair(tool)[name]
        self.assertTrue(done["repaired"], done)
        self.assertRegex(done["from"], "^clusters/prod/packs/")
        self.assertFalse(pack.exists())
        for backup in (self.first, second, third):
            self.assertEqual("verified", self.state(tool, backup))
        self.assertEqual([], tool.verify("prod"))
        self.assert_restores(tool, self.source, "prod", "--backup", self.first, expected=self.expected).remove()

    def test_packs_that_are_gone_or_without_an_index(self):
        tool = self.backed_up()
        packs = self.objects(tool, "packs/*/*")
        tool.backup("prod", "--full")
        later = [path for path in self.objects(tool, "packs/*/*") if path not in packs]
        content = packs[0].read_bytes()
        packs[0].write_bytes(content[:-1] + b"?")  # the trailer; every chunk is good
        self.assertTrue(self.repair(tool)[self.name_of(tool, packs[0])]["repaired"])
        self.assertEqual([], tool.verify("prod"))
        (moved,) = [path for path in self.objects(tool, "packs/*/*") if path not in packs + later and path.suffix != ".moved"]
        moved.unlink()  # what came from the first one is gone; a catalog page that changed since is nowhere else
        repairs = self.repair(tool, exit=(contract.WARNINGS, contract.CORRUPTION))
        self.assertIn(self.name_of(tool, moved), repairs)
        if not repairs[self.name_of(tool, moved)]["repaired"]:
            self.assertEqual("damaged", self.state(tool, self.first))
            self.assertRegex(repairs[self.name_of(tool, moved)]["problem"], "nowhere else|extent map is damaged")

    def test_wal_from_server_and_spool_and_nowhere(self):
        tool = self.backed_up()
        tool.backup("prod")
        damaged, missing = self.objects(tool, "wal/*/*/0*")[:2]
        good = tool.directory / "good"
        tool.run("wal", "fetch", "prod", damaged.name, good)
        self.flip(damaged)
        missing.unlink()
        repairs = self.repair(tool)
        for path in (damaged, missing):
            self.assertEqual("the server", repairs[self.name_of(tool, path)]["from"], repairs)
        self.assertEqual([], tool.verify("prod"))
        self.assertEqual("verified", self.state(tool, self.first))
        fetched = tool.directory / "fetched"
        tool.run("wal", "fetch", "prod", damaged.name, fetched)
        self.assertEqual(good.read_bytes(), fetched.read_bytes())
        identifier = self.source.system_identifier()
        self.source.stop()
        self.flip(damaged)
        refused = self.repair(tool, exit=contract.CORRUPTION)[self.name_of(tool, damaged)]
        self.assertFalse(refused["repaired"])
        self.assertIn("the server: ", refused["problem"])
        self.assertTrue(damaged.exists())
        self.assertEqual("damaged", self.state(tool, self.first))
        self.assertIn("DAMAGED   " + self.name_of(tool, damaged), tool.run("verify", "prod", "--repair", exit=contract.CORRUPTION).stdout)
        # A spooled file that is damaged too is not taken.
        spool = tool.directory / "prod" / str(identifier)
        spool.mkdir(parents=True)
        shutil.copy(good, spool / damaged.name)
        with open(spool / damaged.name, "r+b") as file:
            file.seek(8192)
            file.write(b"\x13\x37")  # where the second page begins
        self.assertFalse(self.repair(tool, exit=contract.CORRUPTION)[self.name_of(tool, damaged)]["repaired"])
        shutil.copy(good, spool / damaged.name)
        self.assertEqual("the spool", self.repair(tool)[self.name_of(tool, damaged)]["from"])
        self.assertEqual([], tool.verify("prod"))
        self.assertEqual([], list((tool.directory / "prod").glob("repair/*")))

    def test_killed_repairs_leave_nothing_worse(self):
        dice = random.Random(20261124)
        tool = self.backed_up()
        later = tool.backup("prod", "--full")
        self.flip(self.largest_pack(tool))
        segment = self.objects(tool, "wal/*/*/0*")[0]
        self.flip(segment)
        saved = tool.directory / "saved"
        shutil.copytree(tool.repository, saved)
        started = time.monotonic()
        self.repair(tool)
        duration = time.monotonic() - started
        for attempt in range(8):
            shutil.rmtree(tool.repository)
            shutil.copytree(saved, tool.repository)
            process = tool.start("verify", "prod", "--repair")
            select.select([], [], [], duration * (0.4 + 0.6 * dice.random()))
            tool_exit = tool.kill(process).exit if process.poll() is None else process.wait()
            self.assertIn(tool_exit, (-signal.SIGKILL, contract.WARNINGS))
            self.repair(tool, exit=(contract.DONE, contract.WARNINGS))
            self.assertEqual([], [finding for finding in tool.verify("prod") if finding["severity"] == "damage"], f"after kill {attempt}")
        for backup in (self.first, later):
            self.assert_restores(tool, self.source, "prod", "--backup", backup, expected=self.expected).remove()


if __name__ == "__main__":
    main()
