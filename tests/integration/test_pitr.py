#!/usr/bin/python3
"""Recovery to a moment, PostgreSQL 13 to 18: exactly the commits before the target are there, whatever names the target."""

import datetime
import os
import pathlib
import random
import select
import signal
import threading
import time

import psycopg2

from harness import IntegrationTest, contract, installed_versions, main, processes, tool
from harness.receiver import Receiver

MOMENTS = 20
COMMITS = 300
SERVER_OPTIONS = {"checkpoint_timeout": "1h", "max_wal_size": "1GB", "shared_buffers": "16MB"}


class CommitLog:
    """What a client knows of its commits: when it asked for each, and when it had the answer."""

    def __init__(self, server, writers=2, seed=1, base=0):
        self.server = server
        self.entries = []  # (id, asked, answered), seconds since 1970
        self.threads = [threading.Thread(target=self._write, args=(base + number * 1_000_000, COMMITS // writers, seed)) for number in range(writers)]

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        return self

    def _write(self, number, count, seed):
        dice = random.Random(seed + number)
        connection = self.server.connect()
        with connection.cursor() as cursor:
            for i in range(count):
                ident = number + i
                asked = time.time()
                cursor.execute("insert into log values (%s, repeat('x', %s))", (ident, dice.randint(1, 3000)))
                self.entries.append((ident, asked, time.time()))
                cursor.execute("select pg_sleep(%s)", (dice.random() * 0.004,))
        connection.close()

    def ids(self):
        return {ident for ident, *_ in self.entries}

    def moments(self, count, seed):
        dice = random.Random(seed)
        begin, end = min(asked for _, asked, _ in self.entries), max(answered for *_, answered in self.entries)
        return [dice.uniform(begin, end) for _ in range(count)]

    def judge(self, test, moment, found):
        """All answered before the moment are there, none asked for after it; of the one or two in between nobody can tell."""
        test.assertEqual(set(), {ident for ident, _, answered in self.entries if answered < moment} - found, "commits are missing")
        test.assertEqual(set(), {ident for ident, asked, _ in self.entries if asked > moment} & found, "commits came from the future")


class Steps:
    """Three commits, one after the other, with everything that can name the end of each."""

    def __init__(self, server, first=50_000_000):
        self.ids = [first, first + 1, first + 2]
        self.xids, self.lsns = [], []
        for number, ident in enumerate(self.ids):
            self.xids.append(server.execute("insert into log values (%s, '') returning (pg_current_xact_id()::text)::bigint", (ident,))[0][0])
            self.lsns.append(server.scalar("select pg_current_wal_insert_lsn()"))
            server.execute(f"select pg_create_restore_point('step {number} done')")


def zoned(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).isoformat()


class Pitr(IntegrationTest):
    def prepare(self, major=15, *, name="tool", **server_options):
        """A server that archives into a new repository, and a backup of it. All of it belongs to user postgres, as does what is restored."""
        runner = self.pgrecall(name=name)
        command = f"{tool.BINARY} wal push prod %p --repository {runner.url}"
        source = self.create_server(major, initdb_arguments=["--wal-segsize=1"],
                                    options={**SERVER_OPTIONS, "archive_mode": "on", "archive_command": command, **server_options})
        runner.cluster("prod", source.conninfo())
        self.give_away(runner.directory)
        self.place = self.directory / f"restores-{name}"
        self.place.mkdir()
        self.give_away(self.place)
        source.execute("create table log (id int primary key, filler text)")
        runner.backup("prod", user="postgres")
        return source, runner

    def give_away(self, directory):
        for path in [directory, *directory.rglob("*")]:
            processes.own(path)

    def archive_all(self, source):
        """Until everything written so far is in the repository."""
        file = source.scalar("select pg_walfile_name(pg_switch_wal())")
        source.wait_for(lambda: (source.scalar("select last_archived_wal from pg_stat_archiver") or "")[8:] >= file[8:], f"{file} to be archived")

    def recover(self, source, runner, *arguments, exit=0, options=None):
        """Restores with --delta over the last restore, starts, and waits until recovery stands still or has ended."""
        into = self.place / "data"
        if getattr(self, "recovered", None):
            self.recovered.stop(how=signal.SIGQUIT)
        result = runner.restore("prod", into, "--delta", *arguments, user="postgres", exit=exit)
        if exit:
            return result
        server = self.recovered = self.restored_server(source, into, **{"archive_mode": "off", **(options or {})})
        self.start_in_recovery(server)
        return server

    def start_in_recovery(self, server):
        settings = [part for name, value in server.options.items() for part in ("-c", f"{name}={value}")]
        with open(server.log_path, "ab") as log:
            server.process = processes.start([server.version.program("postgres"), "-D", server.data, "-p", str(server.port), *settings],
                                             user="postgres", stdin=processes.NOTHING, stdout=log, stderr=log)
        server.wait_for(lambda: self.stands_still(server), "recovery to reach its target", 60)

    def stands_still(self, server):
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended with {server.process.returncode}\n{server.log()}")
        try:
            if not server.scalar("select pg_is_in_recovery()"):
                return True
            state = "pg_get_wal_replay_pause_state() = 'paused'" if server.version.major >= 14 else "pg_is_wal_replay_paused()"
            return server.scalar(f"select {state}")
        except psycopg2.OperationalError:
            return False

    def found(self, server):
        return {row[0] for row in server.execute("select id from log")}

    def check_moments(self, major):
        source, runner = self.prepare(major)
        log = CommitLog(source).run()
        steps = Steps(source)
        self.archive_all(source)
        for moment in log.moments(MOMENTS, seed=major):
            with self.subTest(moment=zoned(moment)):
                log.judge(self, moment, self.found(self.recover(source, runner, "--at", zoned(moment))))
        for arguments, last in (
            (["--xid", steps.xids[1]], 1),
            (["--xid", steps.xids[1], "--exclusive"], 0),
            (["--lsn", steps.lsns[1]], 1),
            (["--lsn", steps.lsns[1], "--exclusive"], 1),
            (["--name", "step 1 done"], 1),
            (["--latest"], 2),
        ):
            with self.subTest(target=arguments):
                found = self.found(self.recover(source, runner, *arguments))
                self.assertEqual(steps.ids[: last + 1], sorted(found & set(steps.ids)))
                self.assertEqual({ident for ident, *_ in log.entries}, found - set(steps.ids))

    def test_what_is_out_of_reach_is_refused(self):
        source, runner = self.prepare()
        steps = Steps(source)
        self.archive_all(source)
        for arguments, message in (
            (["--at", "2001-01-01T00:00:00Z"], "before the first backup"),
            (["--at", zoned(time.time() + 3600)], "behind what the WAL is known to cover"),
            (["--lsn", "0/1"], "before the first backup"),
            (["--lsn", "FF/1"], "behind the end of the WAL"),
            (["--xid", "4000000"], "no end of this transaction"),
            (["--name", "nowhere"], "no restore point"),
            (["--latest", "--timeline", "7"], "nothing of this timeline"),
        ):
            with self.subTest(arguments=arguments):
                result = self.recover(source, runner, *arguments, "--output", "json", exit=contract.TARGET_UNREACHABLE)
                error = result.json()["error"]
                self.assertIn(message, error["message"])
                self.assertRegex(error["hint"], r"reachable is 20\d\d-.*Z \(0/\w+\) to 20\d\d-.*Z \(0/\w+\) on timeline 1")
                self.assertFalse((self.place / "data").exists())
        self.assertEqual(steps.ids, sorted(self.found(self.recover(source, runner, "--latest"))))

    def test_gap_ends_the_window(self):
        source, runner = self.prepare()
        before = Steps(source, 10)
        self.archive_all(source)
        lost = source.scalar("select pg_walfile_name(pg_current_wal_lsn() + 1)")  # at a boundary, the name is of what lies before
        Steps(source, 20)
        self.archive_all(source)
        behind = Steps(source, 30)
        self.archive_all(source)
        (runner.wal_folder("prod") / lost[:8] / lost).unlink()
        self.assertEqual([(1, 1)], self.windows_and_gaps(runner))
        result = self.recover(source, runner, "--latest", exit=contract.TARGET_UNREACHABLE)
        self.assertIn("WAL is missing", result.stderr)
        self.recover(source, runner, "--xid", behind.xids[0], exit=contract.TARGET_UNREACHABLE)
        found = self.found(self.recover(source, runner, "--xid", before.xids[1]))
        self.assertEqual(before.ids[:2], sorted(found))
        runner.backup("prod", user="postgres")
        again = Steps(source, 40)
        self.archive_all(source)
        found = self.found(self.recover(source, runner, "--xid", again.xids[0]))
        self.assertIn(again.ids[0], found)
        self.assertEqual([(2, 1)], self.windows_and_gaps(runner))

    def test_damage_in_the_wal_is_not_taken_for_its_end(self):
        source, runner = self.prepare()
        self.archive_all(source)
        damaged = source.scalar("select pg_walfile_name(pg_current_wal_lsn() + 1)")
        before = Steps(source, 10)
        source.execute("insert into log values (20, repeat('y', 2000))")
        source.execute("insert into log select i, repeat('z', 1000) from generate_series(100, 200) i")  # pages behind the damage
        self.archive_all(source)
        behind = Steps(source, 30)
        self.archive_all(source)
        self.store_damaged(runner, damaged, b"y" * 100)
        sockets = self.directory / "sockets"
        sockets.mkdir()
        processes.own(sockets)
        into = self.place / "damaged"
        result = runner.restore("prod", into, "--latest", *self.start_arguments(sockets), exit=contract.CORRUPTION)
        self.addCleanup(self.stop_started, int((into / "postmaster.pid").read_text().split()[0]))
        self.assertIn("recovery ended before the end of the WAL", result.stderr)
        server = self.restored_server(source, into, archive_mode="off")
        server.run_directory = sockets
        found = self.found(server)
        self.assertEqual(set(before.ids), found & set(before.ids))
        self.assertEqual(set(), found & {20, *behind.ids})

    def store_damaged(self, runner, name, content):
        """The segment as it would be had its bytes changed before they were stored: every checksum of the repository is right."""
        copy = self.place / name
        runner.run("wal", "fetch", "prod", name, copy, "--repository", runner.url, config=False, user="postgres")
        wal = bytearray(copy.read_bytes())
        wal[wal.index(content)] ^= 1
        copy.write_bytes(wal)
        (runner.wal_folder("prod") / name[:8] / name).unlink()
        runner.run("wal", "push", "prod", copy, "--repository", runner.url, config=False, user="postgres")

    def windows_and_gaps(self, runner):
        """How many of each cluster, as seen from the repository alone."""
        result = runner.run("wal", "status", "--repository", runner.url, "--output", "json", user="postgres", config=False, exit=contract.WARNINGS)
        return [(len(cluster["windows"]), len(cluster["gaps"])) for cluster in result.json()["clusters"]]

    def test_status(self):
        source, runner = self.prepare(archive_timeout="0")
        self.archive_all(source)
        status = lambda exit: runner.run("wal", "status", "prod", "--output", "json", user="postgres", exit=exit).json()["clusters"][0]
        first = status(contract.DONE)
        self.assertEqual(runner.ids("prod"), first["windows"][0]["backups"])
        self.assertEqual(1, first["server"]["timeline"])
        self.assertIsNone(first["server"]["slot"])
        self.assertEqual(0, first["lag_seconds"])
        source.execute("select pg_create_physical_replication_slot('pgrecall_prod', true)")
        Steps(source)
        behind = status(contract.WARNINGS)  # nobody uses the slot
        self.assertFalse(behind["server"]["slot"]["active"])
        self.assertGreater(behind["lag_bytes"], 0)
        self.assertGreater(behind["server"]["slot"]["retained_bytes"], 0)
        self.archive_all(source)
        caught_up = status(contract.WARNINGS)
        self.assertLess(first["windows"][0]["until_lsn"], caught_up["windows"][0]["until_lsn"])
        ends = [datetime.datetime.fromisoformat(each["windows"][0]["until_time"]) for each in (first, caught_up)]
        self.assertGreaterEqual(ends[1], ends[0])
        source.stop()
        alone = status(contract.WARNINGS)
        self.assertIsNone(alone["server"])
        self.assertIsNotNone(alone["server_problem"])
        self.assertEqual(caught_up["windows"], alone["windows"])
        self.assertIn("window", runner.run("wal", "status", user="postgres", exit=contract.WARNINGS).stdout)

    def test_timelines(self):
        """The old server goes on after its copy was recovered and promoted: both branches can be reached, each to any moment."""
        source, runner = self.prepare()
        common = CommitLog(source, seed=1).run()
        self.archive_all(source)
        fork = common.moments(1, seed=1)[0]
        promoted = self.recover(source, runner, "--at", zoned(fork), "--action", "promote",
                                options={"archive_mode": "on", "archive_command": source.options["archive_command"]})
        self.recovered = None
        self.assertEqual(2, promoted.scalar("select timeline_id from pg_control_checkpoint()"))
        self.assertIn("archive_mode = 'off'", (promoted.data / "postgresql.auto.conf").read_text())  # against what is set here
        kept = self.found(promoted)
        common.judge(self, fork, kept)
        self.place = self.place / "second"
        self.place.mkdir()
        self.give_away(self.place)
        new, old = CommitLog(promoted, base=10_000_000).run(), CommitLog(source, base=20_000_000).run()
        self.archive_all(promoted)
        for server in (source, promoted):
            server.execute("insert into log values (%s, 'the end')", (99_000_000,))
            self.archive_all(server)
            if server is source:  # goes on to a later time than the timeline with the higher number: as if that were a copy's
                refused = self.recover(source, runner, "--latest", exit=contract.TARGET_UNREACHABLE)
                self.assertIn("--timeline 1", refused.stderr)
                told = runner.run("wal", "status", "--repository", runner.url, user="postgres", config=False, exit=contract.WARNINGS)
                self.assertIn("timeline 1 goes on to a later time", told.stdout + told.stderr)
            server.stop()
        self.assertEqual(kept | new.ids() | {99_000_000}, self.found(self.recover(source, runner, "--latest")))
        self.assertEqual(common.ids() | old.ids() | {99_000_000}, self.found(self.recover(source, runner, "--latest", "--timeline", "1")))
        for moment in new.moments(3, seed=2):
            found = self.found(self.recover(source, runner, "--at", zoned(moment)))
            self.assertEqual(kept, {ident for ident in found if ident < 10_000_000})
            new.judge(self, moment, {ident for ident in found if ident >= 10_000_000})
        for moment in old.moments(3, seed=3):
            found = self.found(self.recover(source, runner, "--at", zoned(moment), "--timeline", "1"))
            self.assertEqual(common.ids(), {ident for ident in found if ident < 10_000_000})
            old.judge(self, moment, {ident for ident in found if ident >= 10_000_000})
        before = common.moments(1, seed=4)[0]
        before = min(before, fork)
        common.judge(self, before, self.found(self.recover(source, runner, "--at", zoned(before))))


    def test_idle_server_is_recoverable_until_its_last_keepalive(self):
        """PostgreSQL fails when no commit is later than the target. The WAL is a segment's beginning, in tails."""
        source, runner = self.prepare(wal_sender_timeout="2s", archive_mode="off")
        runner.cluster("prod", source.conninfo(), wal={"tail_interval": "500ms"})
        receiver = Receiver(runner, source, user="postgres").start()
        steps = Steps(source)
        last = time.time()
        covered = lambda: datetime.datetime.fromisoformat(receiver.status()["durable_time"] or "2001-01-01T00:00:00Z").timestamp()
        source.wait_for(lambda: covered() > last + 2, "a keepalive of the idle server")
        stored = lambda: runner.run("wal", "status", "prod", "--repository", runner.url, "--output", "json", user="postgres", config=False, exit=(0, 3)).json()
        until = lambda: datetime.datetime.fromisoformat(stored()["clusters"][0]["windows"][-1]["until_time"]).timestamp()
        source.wait_for(lambda: until() > last, "the repository to be told that the server has been idle since")
        stopping = source.scalar("select clock_timestamp()").timestamp()
        receiver.stop()  # and the server's last word is stored
        runner.restore("prod", self.place / "planned", "--at", zoned(stopping), "--dry-run", user="postgres")
        source.stop()
        idle = zoned(last + 1)
        plan = runner.restore("prod", self.place / "planned", "--at", idle, "--dry-run", "--output", "json", user="postgres").json()["plan"]
        self.assertIn("nothing was committed later", " ".join(plan["recovery"]["notes"]))
        for action in ("pause", "promote"):
            server = self.recover(source, runner, "--at", idle, "--action", action)
            self.assertEqual(steps.ids, sorted(self.found(server)))
            self.assertEqual(action == "pause", server.scalar("select pg_is_in_recovery()"))
        self.assertEqual(steps.ids, sorted(self.found(self.recover(source, runner, "--latest", "--action", "pause"))))
        self.recover(source, runner, "--at", zoned(last + 3600), exit=contract.TARGET_UNREACHABLE)

    def test_start_waits_and_tells_the_moment(self):
        source, runner = self.prepare()
        log = CommitLog(source).run()
        self.archive_all(source)
        moment = log.moments(1, seed=7)[0]
        sockets = self.directory / "sockets"
        sockets.mkdir()
        processes.own(sockets)
        start = self.start_arguments(sockets)
        for action, state in (("pause", "paused"), ("promote", "open"), ("shutdown", "shut_down")):
            with self.subTest(action=action):
                into = self.place / action
                # As root, who restores for the owner of the directory and has to become it.
                told = runner.restore("prod", into, "--at", zoned(moment), "--action", action, *start, "--output", "json").json()["server"]
                self.assertEqual(state, told["state"])
                server = self.restored_server(source, into, archive_mode="off")
                if state == "shut_down":
                    self.assertFalse((into / "postmaster.pid").exists())
                    continue
                self.addCleanup(self.stop_started, told["pid"])
                server.run_directory = sockets
                log.judge(self, moment, self.found(server))
                self.assertEqual(told["replayed_lsn"], server.scalar("select pg_last_wal_replay_lsn()"))
                last = datetime.datetime.fromisoformat(told["last_commit"])
                self.assertEqual(last, server.scalar("select pg_last_xact_replay_timestamp()"))
                self.assertLessEqual(last.timestamp(), moment)
                self.assertEqual(state == "paused", server.scalar("select pg_is_in_recovery()"))
                self.stop_started(told["pid"])
        self.assertIn("the end of its log", runner.restore("prod", self.place / "wrong", "--latest", *start, "--set", "shared_buffers=nonsense", exit=contract.FAILED).stderr)

    @staticmethod
    def start_arguments(sockets):
        settings = {"unix_socket_directories": sockets, "listen_addresses": "", "fsync": "off", "archive_mode": "off", "dynamic_shared_memory_type": "mmap"}
        return ["--start", *(part for name, value in settings.items() for part in ("--set", f"{name}={value}"))]

    def test_start_hands_the_passphrase_over_and_ends_with_what_was_begun(self):
        """Sealed by a passphrase that is in no file; and asked to stop while the server recovers."""
        source = self.create_server(initdb_arguments=["--wal-segsize=1"])
        runner = self.pgrecall(source, name="sealed", repository_settings={"passphrase_env": "SHOP_SECRET"}, environment={"SHOP_SECRET": "correct horse"})
        runner.backup("prod")
        source.stop()
        self.give_away(runner.directory)
        place = self.directory / "place"
        place.mkdir()
        processes.own(place)
        restore = lambda name: ("restore", "prod", "--into", place / name, "--latest", *self.start_arguments(place), "--output", "json")
        told = runner.run(*restore("first"))
        self.addCleanup(self.stop_started, told.json()["server"]["pid"])
        self.assertEqual("open", told.json()["server"]["state"])
        self.assertNotIn("PGRECALL_PASSPHRASE", told.text)
        self.stop_started(told.json()["server"]["pid"])
        running = runner.start(*restore("second"), "--set", "restore_command=sleep 1000")
        pid_file = place / "second/postmaster.pid"
        source.wait_for(lambda: pid_file.exists() or running.poll() is not None, "the server to start", 60)
        pid = int(pid_file.read_text().split()[0])
        self.addCleanup(self.stop_started, pid)
        os.kill(running.pid, signal.SIGINT)
        self.assertIn("started", runner.finish(running, exit=contract.CANCELLED).text)
        self.assertFalse(pid_file.exists())

    def test_root_is_warned_of_a_repository_that_the_server_may_not_read(self):
        source, runner = self.prepare()
        plan = lambda: runner.restore("prod", self.place / "planned", "--immediate", "--dry-run", "--output", "json").json()["plan"]
        self.assertFalse([warning for warning in plan()["warnings"] if "may not read" in warning])
        runner.repository.chmod(0o700)
        os.chown(runner.repository, 0, 0)
        self.assertEqual(1, len([warning for warning in plan()["warnings"] if "may not read" in warning]))
        moved = runner.repository.rename(runner.directory / "a b%20c")  # a URL has other signs for these
        refused = runner.run("restore", "prod", "--repository", moved, "--into", self.place / "planned", "--immediate", "--start", config=False, exit=contract.FAILED)
        self.assertIn("pgrecall.json", refused.stderr)
        self.assertFalse((self.place / "planned").exists())

    def stop_started(self, pid):
        try:
            os.kill(pid, signal.SIGQUIT)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + 30
        while pathlib.Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            select.select([], [], [], 0.02)


for version in installed_versions():
    setattr(Pitr, f"test_moments_{version.major}", lambda self, major=version.major: self.check_moments(major))

if __name__ == "__main__":
    main()
