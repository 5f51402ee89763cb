#!/usr/bin/python3
"""A cluster that is upgraded from 15 to 17 under its name: refused until somebody says so, and both systems stay restorable.

The servers are made by initdb: pg_upgrade leaves the same behind (a new system identifier, timeline 1, WAL that begins where the old
one's is), and the 17 that tests have comes without it."""

import datetime
import shutil
import time

from harness import IntegrationTest, contract, main, processes
from harness.daemon import NEVER, Daemon
from harness.receiver import Receiver

OLD, NEW = 15, 17
NOTHING_STAYS = ("--daily", "1", "--weekly", "0", "--monthly", "0", "--window", "0s")
AT_ONCE = ("--grace", "0s")


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


class Upgrade(IntegrationTest):
    def prepare(self, **cluster):
        self.old = self.create_server(OLD, initdb_arguments=["--wal-segsize=1"])
        self.old.execute("create table log (id int primary key, body text)")
        self.runner = self.pgrecall()
        self.runner.cluster("prod", self.old.conninfo(), wal={"tail_interval": "500ms"}, **cluster)

    def upgrade(self):
        """The old server is gone, and another answers at its place."""
        self.old_system = self.old.system_identifier()
        self.old.stop()
        self.new = self.create_server(NEW, start=False, initdb_arguments=["--wal-segsize=1"])
        self.new.run_directory = self.old.run_directory
        self.new.options["unix_socket_directories"] = str(self.old.run_directory)
        self.new.start()
        self.new.execute("create table log (id int primary key, body text)")
        self.new_system = self.new.system_identifier()

    def commit(self, server, first, last):
        server.execute("insert into log select i, repeat(md5(i::text), 20) from generate_series(%s, %s) i", (first, last))
        return last

    def moment(self):
        """Between two commits, apart from both."""
        time.sleep(0.05)
        found = now()
        time.sleep(0.05)
        return found

    def systems_with_wal(self):
        return sorted(path.name for path in (self.runner.repository / "clusters/prod/wal").iterdir() if any(path.rglob("*0*")))

    def current(self, server):
        return server.scalar("select pg_current_wal_insert_lsn()")

    def recovered(self, source, *arguments):
        for path in [self.runner.directory, *self.runner.directory.rglob("*")]:
            shutil.chown(path, "postgres", "postgres")  # restore_command runs as the server does
        into = self.directory / f"restored{self.servers}"
        self.runner.restore("prod", into, *arguments)
        server = self.restored_server(source, into).start()
        found = server.scalar("select max(id) from log"), server.system_identifier()
        server.remove()
        return found

    def refused(self, *arguments, exit=contract.FAILED):
        error = self.runner.run(*arguments, exit=exit).stderr
        self.assertIn("--new-system", error)
        self.assertIn(self.old_system, error)
        self.assertIn(self.new_system, error)

    def test_under_a_daemon(self):
        self.prepare(schedule=NEVER, backup={"checkpoint": "fast"})
        daemon = Daemon(self.runner).start()
        self.addCleanup(daemon.remove)
        daemon.wait_until_streaming()
        first = self.runner.backup("prod", "--keep", "daily")
        self.commit(self.old, 1, 1000)
        before = self.moment()
        last_of_old = self.commit(self.old, 1001, 2000)
        self.old.execute("create table precious as select 1 as id")
        self.old.execute("drop table precious")
        dropped = now()
        end_of_old = self.current(self.old)
        self.old.wait_for(lambda: self.old.scalar("select bool_or(flush_lsn >= %s) from pg_stat_replication", (end_of_old,)), "WAL to be received")
        self.upgrade()

        daemon.wait_for(lambda: "system identifier differs" in (daemon.status()["receiver_problem"] or ""), "receiving to be refused")
        self.refused("backup", "prod")
        self.refused("backup", "prod", "--no-daemon")
        self.refused("wal", "push", "prod", next(path for path in (self.new.data / "pg_wal").iterdir() if len(path.name) == 24),
                     exit=contract.CORRUPTION)
        self.assertEqual([self.old_system], self.systems_with_wal())
        self.assertIn("--new-system", self.runner.run("wal", "status", "prod", exit=contract.WARNINGS).stdout)
        self.assertIn(f"this name belongs to system {self.old_system}", self.runner.run("check", "prod", exit=contract.FAILED).stdout)

        second = self.runner.backup("prod", "--new-system", "--keep", "daily")
        self.assertTrue(second.endswith("-full"))
        daemon.wait_until_streaming()
        self.commit(self.new, 10_001, 11_000)
        after = self.moment()
        self.commit(self.new, 11_001, 12_000)
        end = self.current(self.new)
        self.new.wait_for(lambda: self.new.scalar("select bool_or(flush_lsn >= %s) from pg_stat_replication", (end,)), "WAL to be received")
        third = self.runner.backup("prod", "--keep", "daily")  # from now on as ever
        self.assertTrue(third.endswith("-incr"))
        daemon.stop()

        self.assertEqual([self.old_system, self.new_system], sorted(self.systems_with_wal(), key=[self.old_system, self.new_system].index))
        self.assertEqual([first, second, third], self.runner.ids("prod"))
        self.assertEqual([], self.runner.verify("prod"))
        status = self.runner.run("wal", "status", "prod", "--output", "json", exit=(contract.DONE, contract.WARNINGS)).json()["clusters"][0]
        self.assertEqual(self.new_system, status["system_identifier"])
        self.assertEqual(1, len(status["windows"]))
        (earlier,) = status["earlier_systems"]
        self.assertEqual((self.old_system, [first]), (earlier["system_identifier"], earlier["windows"][0]["backups"]))
        self.assertEqual([], status["gaps"])

        promote = ("--action", "promote")
        self.assertEqual((1000, self.old_system), self.recovered(self.old, "--at", before, *promote))
        self.assertEqual((11_000, self.new_system), self.recovered(self.new, "--at", after, *promote))
        self.assertEqual((last_of_old, self.old_system), self.recovered(self.old, "--backup", first, "--latest"))
        self.assertEqual((12_000, self.new_system), self.recovered(self.new, "--latest"))

        # What starts a server of its own finds the programs of the system that was there.
        place = self.directory / "place"
        (place / "scratch").mkdir(parents=True)
        processes.own(place)
        processes.own(place / "scratch")
        programs = ("--binaries", self.new.version.bin)  # beside Debian's, which are the old one's
        for at, rows in ((before, 1000), (after, 1000)):
            out = place / f"out-{at}"
            self.runner.run("extract", "prod", "--at", at, "--table", "public.log", "--format", "csv", "--to", out, "--scratch", place / "scratch",
                            *programs, user="postgres")
            self.assertEqual(rows, len((out / "public.log.csv").read_text().splitlines()) - 1)
            report = self.runner.run("drill", "prod", "--at", at, "--scratch", place / "scratch", *programs, "--output", "json",
                                     user="postgres", exit=(contract.DONE, contract.WARNINGS)).json()
            self.assertTrue(report["drill"]["passed"], report)

        # What was dropped on the old one is found there, and the commands that bring it back lead there.
        (found,) = self.runner.run("wal", "events", "prod", "--to", dropped, "--output", "json", user="postgres").json()["transactions"]
        for command in (found["restore_command"], found["extract_command"]):
            self.assertIn(f"--backup {first}", command)
        out = place / "precious"
        self.runner.run("extract", "prod", "--lsn", found["before_lsn"], "--exclusive", "--backup", first, "--table", "public.precious",
                        "--format", "csv", "--to", out, "--scratch", place / "scratch", *programs, user="postgres")
        self.assertEqual(["1"], (out / "public.precious.csv").read_text().splitlines()[-1:])

        # The old one's last backup goes, and its WAL with it; what is left is whole.
        self.runner.run("expire", "prod", *NOTHING_STAYS, *AT_ONCE, "--confirm")
        self.runner.run("expire", "prod", *NOTHING_STAYS, *AT_ONCE)
        self.assertEqual([third], self.runner.ids("prod"))
        self.assertEqual([self.new_system], self.systems_with_wal())
        self.assertEqual([], self.runner.verify("prod"))
        refused = self.runner.restore("prod", self.directory / "gone", "--at", before, exit=contract.TARGET_UNREACHABLE)
        self.assertIn("reachable is", refused.stderr)
        self.assertEqual((12_000, self.new_system), self.recovered(self.new, "--latest"))

    def test_what_waits_in_the_spool_of_the_old_system_is_stored_beside_the_new_one(self):
        self.prepare()
        receiver = Receiver(self.runner, self.old).start()
        first = self.runner.backup("prod")
        away = self.directory / "away"
        self.runner.repository.rename(away)
        self.runner.repository.mkdir()
        last = self.commit(self.old, 1, 5000)  # of several segments
        receiver.wait_until_flushed(self.current(self.old))
        self.old.wait_for(lambda: len(receiver.spooled()) > 2, "the spool to fill")
        receiver.kill()
        self.runner.repository.rmdir()
        away.rename(self.runner.repository)
        self.upgrade()
        spool = receiver.spool / self.old_system
        self.assertTrue(any(spool.iterdir()))
        self.runner.backup("prod", "--new-system")

        receiver = Receiver(self.runner, self.new).start()
        self.new.wait_for(lambda: not any(spool.iterdir()), "the old system's spool to be emptied")
        end = self.commit(self.new, 10_001, 11_000)
        receiver.wait_until_flushed(self.current(self.new))
        receiver.stop()
        self.assertFalse(spool.exists())
        self.assertEqual([], self.runner.verify("prod"))
        self.assertEqual((last, self.old_system), self.recovered(self.old, "--backup", first, "--latest"))
        self.assertEqual((end, self.new_system), self.recovered(self.new, "--latest"))

        # The upgrade is given up: the old server comes back, and has to be said to be the cluster's as well.
        self.new.stop()
        self.old.start()
        self.refused("backup", "prod")
        self.runner.run("wal", "receive", "prod", exit=contract.FAILED)
        self.runner.backup("prod", "--new-system")
        receiver = Receiver(self.runner, self.old).start()
        last = self.commit(self.old, 5001, 6000)
        receiver.wait_until_flushed(self.current(self.old))
        receiver.stop()
        self.assertEqual([], self.runner.verify("prod"))
        self.assertEqual((last, self.old_system), self.recovered(self.old, "--latest"))


if __name__ == "__main__":
    main()
