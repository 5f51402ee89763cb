#!/usr/bin/python3
"""What was acknowledged is there: receivers and primaries killed at any moment, spools burned."""

import random
import select
import shutil

from harness import IntegrationTest, installed_versions, main, synctrace
from harness.receiver import Clients, Receiver, destroy, wait_synchronously

SMALL_SEGMENTS = ["--wal-segsize=1"]
KILLS = 100


class WalReceive(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server(initdb_arguments=SMALL_SEGMENTS)
        self.runner = self.pgrecall(self.source)

    def receiver(self, **wal):
        self.runner.cluster("prod", self.source.conninfo(), wal=wal)
        return Receiver(self.runner, self.source)

    def recovered(self, spool=None):
        """A server with everything that repository and spool hold."""
        for path in [self.runner.directory, *self.runner.directory.rglob("*")]:
            shutil.chown(path, "postgres", "postgres")  # restore_command runs as the server does
        into = self.directory / f"restored{self.servers}"
        self.runner.restore("prod", into, "--latest", *(("--spool", spool) if spool else ()))
        return self.restored_server(self.source, into).start()

    def test_receiver_killed_at_a_hundred_moments_loses_nothing(self):
        dice = random.Random(20261123)
        receiver = self.receiver().start()
        self.runner.backup("prod")
        clients = Clients(self.source)
        wait_synchronously(self.source)
        clients.start()
        seen = 0
        for _ in range(KILLS):
            select.select([], [], [], dice.random() * 0.2)
            receiver.kill()
            receiver.start(wait=False)
            if len(clients.acknowledged) == seen:  # let it come to acknowledge something, now and then
                self.source.wait_for(lambda: len(clients.acknowledged) > seen, "a commit")
            seen = len(clients.acknowledged)
        receiver.wait_until_streaming()
        clients.stop()
        receiver.kill()
        destroy(self.source)
        self.assertGreater(len(clients.acknowledged), 500)
        self.assertEqual([], clients.missing_from(self.recovered(receiver.spool.parent)))

    def test_primary_killed_loses_nothing(self):
        receiver = self.receiver().start()
        self.runner.backup("prod")
        clients = Clients(self.source)
        wait_synchronously(self.source)
        clients.start()
        for _ in range(5):
            before = len(clients.acknowledged)
            self.source.wait_for(lambda: len(clients.acknowledged) > before + 50, "commits")
            self.source.crash()
            self.source.start()
        receiver.wait_until_streaming()
        clients.stop()
        destroy(self.source)
        result = receiver.stop()
        self.assertNotIn("gap", result.kinds)
        self.assertEqual([], clients.missing_from(self.recovered()))

    def test_burned_spool_loses_nothing_that_the_repository_acknowledged(self):
        receiver = self.receiver(acknowledge="repository").start()
        self.runner.backup("prod")
        clients = Clients(self.source)
        wait_synchronously(self.source)
        clients.start()
        for _ in range(3):
            before = len(clients.acknowledged)
            self.source.wait_for(lambda: len(clients.acknowledged) > before + 30, "commits")
            receiver.kill()
            shutil.rmtree(receiver.spool)
            receiver.start()
        before = len(clients.acknowledged)
        self.source.wait_for(lambda: len(clients.acknowledged) > before + 30, "commits")
        clients_done = clients.acknowledged[:]
        self.source.crash()
        clients.stop()
        receiver.kill()
        shutil.rmtree(receiver.spool)
        destroy(self.source)
        self.assertGreater(len(clients_done), 100)
        self.assertEqual([], clients.missing_from(self.recovered()))

    def test_burned_spool_costs_no_more_than_the_tail_interval(self):
        receiver = self.receiver(tail_interval="500ms").start()
        self.runner.backup("prod")
        self.source.execute("create table moments (at timestamptz)")
        inserted = []
        clients = Clients(self.source, count=1)
        clients.start()
        for _ in range(30):
            inserted.append(self.source.scalar("insert into moments values (clock_timestamp()) returning at"))
            select.select([], [], [], 0.1)
        receiver.kill()
        clients.stop()
        shutil.rmtree(receiver.spool)
        destroy(self.source)
        last = self.recovered().scalar("select max(at) from moments")
        lost = (inserted[-1] - last).total_seconds()
        print(f"a burned spool cost {lost:.2f} s at a tail interval of 0.5 s")
        self.assertLess(lost, 3)

    def test_every_version_and_a_connection_without_database(self):
        for version in installed_versions():
            for replication_only in (False, True):
                if replication_only and version.major not in (13, 18):  # with and without READ_REPLICATION_SLOT
                    continue
                with self.subTest(major=version.major, replication_only=replication_only):
                    self.source = self.create_server(version.major, initdb_arguments=SMALL_SEGMENTS)
                    self.runner = self.pgrecall(self.source, name=f"tool-{version.major}-{replication_only}")
                    if replication_only:
                        self.source.execute("create role repl login replication")
                        self.source.pg_hba("local replication repl trust", "local all postgres trust")
                        self.runner.cluster("prod", self.source.conninfo(user="repl"))
                    receiver = Receiver(self.runner, self.source).start()
                    wait_synchronously(self.source)
                    self.source.execute("create table seen as select 1 as one")
                    receiver.kill()
                    receiver.start()
                    self.source.fill(3)
                    result = receiver.stop()
                    self.assertEqual([], [kind for kind in result.kinds if kind not in ("connected", "slot_made")])
                    self.source.stop()

    def test_what_the_spool_holds_is_stored_when_the_server_is_gone(self):
        receiver = self.receiver(tail_interval="1h").start()
        self.runner.backup("prod")
        clients = Clients(self.source, count=1)
        wait_synchronously(self.source)
        clients.start()
        self.source.wait_for(lambda: len(clients.acknowledged) > 100, "commits")
        receiver.kill()
        destroy(self.source)
        clients.stop()
        before = {path.name for path in self.runner.repository.rglob("*.*-*")}
        receiver.start(wait=False)
        self.source.wait_for(lambda: (receiver.spool / "status.json").exists() and receiver.status()["durable_lsn"], "the receiver")
        receiver.stop()
        self.assertNotEqual(before, {path.name for path in self.runner.repository.rglob("*.*-*")})
        shutil.rmtree(receiver.spool)
        self.assertEqual([], clients.missing_from(self.recovered()))

    def test_stopped_in_order_leaves_nothing_in_the_spool_but_the_growing_segment(self):
        receiver = self.receiver().start()
        self.runner.backup("prod")
        self.source.fill(5)
        clients = Clients(self.source, count=1).start()
        self.source.wait_for(lambda: len(clients.acknowledged) > 100, "commits")
        clients.stop()
        receiver.wait_until_flushed(self.source.scalar("select pg_current_wal_flush_lsn()"))
        receiver.stop()
        self.assertEqual([True], [name.endswith(".partial") for name in receiver.spooled()])
        shutil.rmtree(receiver.spool)
        destroy(self.source)
        self.assertEqual([], clients.missing_from(self.recovered()))

    def test_every_acknowledgement_follows_the_sync_that_covers_it(self):
        receiver = self.receiver()
        trace = self.directory / "trace"
        receiver.start(under=["strace", "-f", "-xx", "-s", "64", "-o", trace, "-e", "trace=openat,pwrite64,fdatasync,fsync,sendto"])
        wait_synchronously(self.source)
        clients = Clients(self.source).start()
        self.source.wait_for(lambda: len(clients.acknowledged) > 1000, "commits")
        self.source.fill(4)  # over segments, without a pause
        clients.stop()
        receiver.wait_until_flushed(self.source.scalar("select pg_current_wal_flush_lsn()"))
        receiver.stop()
        acknowledged = synctrace.check(trace)
        self.assertGreater(acknowledged, 200)


if __name__ == "__main__":
    main()
