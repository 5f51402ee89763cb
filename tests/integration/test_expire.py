#!/usr/bin/python3
"""Retention with a real server: what stays restores, what goes gives its space back, and kill -9 at any moment harms nothing."""

import datetime
import random
import select
import shutil
import signal
import time

from harness import IntegrationTest, contract, dump_everything, main
from harness.receiver import Receiver

SMALL_SEGMENTS = ["--wal-segsize=1"]
ALL_GO = ("--daily", "0", "--weekly", "0", "--monthly", "0", "--window", "0s")
AT_ONCE = ("--grace", "0s")
KILLS = 30


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


class Expire(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server(initdb_arguments=SMALL_SEGMENTS)
        self.source.execute("create table log (id int, body text)")
        self.tool = self.pgrecall(self.source)
        self.last = 0

    def commit(self, rows=2000):
        self.last += 1
        self.source.execute("insert into log select %s, md5(i::text) from generate_series(1, %s) i", (self.last, rows))
        return self.last

    def expire(self, *arguments, exit=contract.DONE):
        return self.tool.run("expire", "prod", "--output", "json", *arguments, exit=exit).json()["expire"]

    def size(self):
        return sum(path.stat().st_size for path in self.tool.repository.rglob("*") if path.is_file())

    def wal_segments(self):
        return sorted(path.name for path in self.tool.repository.glob("clusters/prod/wal/*/00000001/*") if len(path.name) == 24)

    def gaps(self):
        status = self.tool.run("wal", "status", "prod", "--output", "json", exit=(contract.DONE, contract.WARNINGS)).json()
        return status["clusters"][0]["gaps"]

    def recovered(self, *arguments):
        for path in [self.tool.directory, *self.tool.directory.rglob("*")]:
            shutil.chown(path, "postgres", "postgres")  # restore_command runs as the server does
        into = self.directory / f"restored{self.servers}"
        self.tool.restore("prod", into, *arguments)
        return self.restored_server(self.source, into).start()

    def assert_nothing_is_wrong(self):
        self.assertEqual([], [finding for finding in self.tool.verify("prod") if finding["severity"] == "damage"])

    def test_what_stays_restores_and_the_rest_gives_its_space_back(self):
        receiver = Receiver(self.tool, self.source).start()
        ids, digests, moments = [], {}, []
        for number in range(6):
            self.commit()
            ids.append(self.tool.backup("prod", "--keep", "manual" if number == 1 else "daily", *(["--full"] if number in (0, 3) else [])))
            digests[ids[-1]] = dump_everything(self.source)
            for _ in range(3):
                self.commit()
                self.source.execute("select pg_switch_wal()")
            time.sleep(1.1)  # so that a moment lies apart from the backups' whole seconds
            moments.append((now(), self.last))
        self.tool.run("pin", "prod", ids[0])
        receiver.wait_until_flushed(self.source.scalar("select pg_current_wal_insert_lsn()"))
        receiver.stop()

        plan = self.expire("--dry-run", *ALL_GO)
        self.assertEqual([ids[0], ids[1], ids[5]], [backup["id"] for backup in plan["backups"] if backup["stays"]])
        self.assertEqual([["pinned"], ["manual"]], [[reason["rule"] for reason in backup["reasons"]] for backup in plan["backups"][:2]])
        self.assertEqual({"newest_good"}, {reason["rule"] for reason in plan["backups"][5]["reasons"]})
        self.assertEqual(plan["window_now"]["until_lsn"], plan["window_then"]["until_lsn"])
        self.assertLess(plan["window_now"]["from_time"], plan["window_then"]["from_time"])
        # Three of six are not more than half: with another one it is.
        self.assertFalse(plan["needs_confirmation"])
        self.assertTrue(self.expire("--dry-run", "--remove", ids[1], *ALL_GO, exit=contract.WARNINGS)["needs_confirmation"])
        refused = self.expire("--remove", ids[1], *ALL_GO, exit=contract.FAILED)
        self.assertTrue(refused["needs_confirmation"])
        self.assertEqual(ids, self.tool.ids("prod"))

        before, segments = self.size(), self.wal_segments()
        waiting = self.expire(*ALL_GO)
        self.assertEqual(ids[2:5], waiting["removed"])
        self.assertEqual([ids[0], ids[1], ids[5]], self.tool.ids("prod"))
        self.assertEqual(segments, self.wal_segments())  # whoever restores one of them goes on
        self.assert_nothing_is_wrong()
        swept = self.expire(*ALL_GO, *AT_ONCE)["sweep"]
        self.assertLess(len(self.wal_segments()), len(segments) - 8)
        self.assertAlmostEqual(before - self.size(), swept["bytes"], delta=20_000)  # marks and the lease come and go
        self.assertEqual([], self.tool.verify("prod"))
        # By the configuration's window of a week these are holes; by one that fits what was asked for they are not.
        self.assertEqual(2, len(self.gaps()))
        self.tool.cluster("prod", self.source.conninfo(), retention={"daily": 1, "window": "0s"})
        self.assertEqual([], self.gaps())

        for kept in (ids[0], ids[1]):
            self.assert_restores(self.tool, self.source, "prod", "--backup", kept, expected=digests[kept]).remove()
        latest = self.recovered("--latest")
        self.assertEqual(self.last, latest.scalar("select max(id) from log"))
        latest.remove()
        moment, last = moments[5]
        at = self.recovered("--at", moment, "--action", "promote")
        self.assertEqual(last, at.scalar("select max(id) from log"))
        at.remove()
        self.tool.restore("prod", self.directory / "gone", "--at", moments[3][0], exit=contract.TARGET_UNREACHABLE)

        # The next one shares with what is left.
        following = self.tool.backup("prod")
        self.assert_restores(self.tool, self.source, "prod", "--backup", following, expected=dump_everything(self.source)).remove()

    def test_pinned_newest_and_needed_ones_cannot_be_named_for_removal(self):
        first = self.tool.backup("prod")
        newest = self.tool.backup("prod")
        self.tool.run("expire", "prod", "--remove", newest, exit=contract.FAILED)
        self.tool.run("pin", "prod", first)
        refused = self.tool.run("expire", "prod", "--remove", first, exit=contract.FAILED)
        self.assertIn("pin", refused.stderr)
        self.tool.run("unpin", "prod", first)
        self.tool.run("expire", "prod", "--remove", "20200101T000000Z-full", exit=contract.TARGET_UNREACHABLE)
        self.assertEqual([first, newest], self.tool.ids("prod"))
        # Without a window, nothing needs it.
        self.assertEqual([first], self.expire("--remove", first, "--window", "0s")["removed"])
        self.assertEqual([newest], self.tool.ids("prod"))

    def test_beside_a_running_backup_nothing_is_removed(self):
        self.tool.cluster("prod", self.source.conninfo(), backup={"max_rate": "4MB/s"})
        self.tool.backup("prod", "--keep", "daily")
        self.source.fill(30)
        running = self.tool.start("backup", "prod", "--keep", "daily")
        self.source.wait_for(lambda: running.poll() is not None or self.source.is_streaming_backup(), "the backup to stream")
        refused = self.tool.run("expire", "prod", *ALL_GO, *AT_ONCE, exit=contract.HELD)
        self.assertIn(str(running.pid), refused.stderr)
        self.tool.run("repo", "sweep", *AT_ONCE, exit=contract.HELD)
        self.tool.finish(running)
        self.assertEqual(2, len(self.tool.ids("prod")))
        self.assert_nothing_is_wrong()

    def test_without_configuration_what_is_kept_must_be_said(self):
        backup = self.tool.backup("prod", "--keep", "daily")
        at = ("--repository", self.tool.url)
        self.tool.run("expire", "prod", *at, config=False, exit=contract.USAGE)
        self.tool.run("expire", "prod", *at, *ALL_GO, config=False)
        self.assertEqual([backup], self.tool.ids("prod"))
        # A sweep by address alone knows no window, and lets WAL be.
        segments = self.wal_segments()
        self.tool.run("repo", "sweep", *at, *AT_ONCE, config=False)
        self.assertEqual(segments, self.wal_segments())

    def test_a_clock_far_ahead_removes_nothing_that_the_window_needs(self):
        faketime = shutil.which("faketime")
        if not faketime:
            self.skipTest("faketime is not installed")
        receiver = Receiver(self.tool, self.source).start()
        ids = []
        for _ in range(3):
            self.commit()
            ids.append(self.tool.backup("prod", "--keep", "daily"))
        receiver.wait_until_flushed(self.source.scalar("select pg_current_wal_insert_lsn()"))
        receiver.stop()
        first = self.tool.run("show", "prod", ids[0], "--output", "json").json()["backup"]["first_wal_segment"]
        needed = [segment for segment in self.wal_segments() if segment >= first]
        ahead = self.tool.finish(self.tool.start("expire", "prod", *AT_ONCE, "--confirm", "--output", "json",
                                                 under=(faketime, "-f", "+3650d"))).json()["expire"]
        self.assertGreater(ahead["made"], "2036")
        self.assertEqual(needed, self.wal_segments())
        self.assertEqual([ids[0], ids[2]], self.tool.ids("prod"))  # the window begins with the first
        self.assert_nothing_is_wrong()

    def test_killed_at_any_moment_harms_nothing(self):
        dice = random.Random(20261123)
        self.source.fill(8)
        killed = attempt = 0
        duration = 0.2
        while killed < KILLS and attempt < 6 * KILLS:
            attempt += 1
            self.source.execute(f"update filler set body = reverse(body) where i % 7 = {attempt % 7}")
            while len(self.tool.ids("prod")) < 3:
                self.tool.backup("prod", "--keep", "daily", *(["--full"] if attempt % 3 == 0 else []))
            process = self.tool.start("expire", "prod", "--confirm", *ALL_GO, *AT_ONCE)
            select.select([], [], [], duration * dice.random())
            outcome = self.tool.kill(process)
            killed += outcome.exit == -signal.SIGKILL
            duration *= 0.9 if outcome.exit != -signal.SIGKILL else 1.02
            if attempt % 5 == 0:
                self.assert_nothing_is_wrong()
        self.assertEqual(KILLS, killed, "runs ended before they were killed")
        newest = self.tool.backup("prod")
        expected = dump_everything(self.source)
        self.expire("--confirm", *ALL_GO, *AT_ONCE)
        self.expire("--confirm", *ALL_GO, *AT_ONCE)
        self.assertEqual([newest], self.tool.ids("prod"))
        self.assertEqual([], self.tool.verify("prod"))
        self.assert_restores(self.tool, self.source, expected=expected)


if __name__ == "__main__":
    main()
