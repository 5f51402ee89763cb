#!/usr/bin/python3
"""What goes wrong while WAL is received: stores, disks, networks, servers, slots, primaries."""

import shutil
import signal
import subprocess

from harness import IntegrationTest, contract, main, processes, tool
from harness.proxy import Proxy
from harness.receiver import Clients, Receiver, destroy
from harness.versions import client_program

SMALL_SEGMENTS = ["--wal-segsize=1"]
SPOOL_BYTES = 8 << 20
LIMIT_BYTES = 64 << 20  # the least that the configuration takes


class WalFaults(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server(initdb_arguments=SMALL_SEGMENTS)
        self.runner = self.pgrecall(self.source)
        self.receiver = Receiver(self.runner, self.source)

    def configure(self, conninfo=None, **wal):
        self.runner.cluster("prod", conninfo or self.source.conninfo(), wal=wal)

    def current(self, server=None):
        return (server or self.source).scalar("select pg_current_wal_flush_lsn()")

    def own_everything(self):
        for path in [self.runner.directory, self.runner.repository, *self.runner.directory.rglob("*"), *self.runner.repository.rglob("*")]:
            shutil.chown(path, "postgres", "postgres")  # restore_command runs as the server does

    def recovered(self, *arguments, source=None):
        self.own_everything()
        into = self.directory / f"restored{self.servers}"
        self.runner.restore("prod", into, "--latest", *arguments)
        return self.restored_server(source or self.source, into).start()

    def wait(self, condition, what, timeout_seconds=30):
        self.source.wait_for(condition, what, timeout_seconds)

    def standby(self, name="standby"):
        """A standby of the source, started; it has no slot and follows by streaming."""
        data = self.directory / name
        processes.run([client_program("pg_basebackup"), "-h", self.source.run_directory, "-U", "postgres", "-D", data, "-R", "-X", "stream", "-c", "fast"])
        subprocess.run(["chown", "-R", "postgres:postgres", data], check=True)
        server = self.restored_server(self.source, data, hot_standby="on")
        self.follow(server)
        server.wait_for(lambda: "started streaming WAL" in server.log(), "the standby to follow")
        return server

    def follow(self, server):
        """Starts it as a standby; Server.start() would wait for the end of recovery."""
        arguments = [part for key, value in server.options.items() for part in ("-c", f"{key}={value}")]
        with open(server.log_path, "ab") as log:
            server.process = processes.start([server.version.program("postgres"), "-D", server.data, "-p", str(server.port), *arguments],
                                             user="postgres", death_signal=signal.SIGQUIT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        server.wait_for(lambda: self.accepts(server), "the standby to answer")

    @staticmethod
    def accepts(server):
        try:
            return server.scalar("select 1") == 1
        except Exception:  # still starting
            return False

    def warnings(self, runner=None):
        """What `wal status` warns of; it exits with 3 when there is something."""
        found = (runner or self.runner).run("wal", "status", "prod", "--output", "json", exit=contract.WARNINGS).json()["clusters"][0]["warnings"]
        return " / ".join(found)

    # Stores and disks.

    def test_store_down_for_a_while(self):
        disk = self.mount_tmpfs(256 << 20, "store")
        self.runner = self.pgrecall(self.source, name="tool2", repository=disk / "repository")
        receiver = Receiver(self.runner, self.source).start()
        self.runner.backup("prod")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        clients = Clients(self.source).start()
        self.source.fill(6)
        self.wait(lambda: len(receiver.spooled()) >= 6, "the spool to grow")
        receiver.wait_until_flushed(self.current())
        self.wait(lambda: receiver.status()["store_failing"], "the status to say it")
        self.assertIn("cannot bring WAL into the repository", self.warnings())
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        self.wait(lambda: len(receiver.spooled()) <= 2, "the spool to be emptied", 60)
        clients.stop()
        receiver.wait_until_flushed(self.current())
        result = receiver.stop()
        self.assertEqual(1, result.kinds.count("store_failing"))
        self.assertEqual(1, result.kinds.count("store_recovered"))
        destroy(self.source)
        self.assertEqual([], clients.missing_from(self.recovered()))

    def test_nothing_is_stored_where_the_repository_is_not_mounted(self):
        receiver = self.receiver.start()
        self.runner.backup("prod")
        self.wait(lambda: len(receiver.spooled()) <= 1, "uploads to end")
        away = self.directory / "away"
        self.runner.repository.rename(away)
        self.runner.repository.mkdir()  # what lies beneath a mount point
        self.source.fill(3)
        receiver.wait_until_flushed(self.current())
        self.wait(lambda: receiver.status()["store_failing"], "the status to say it")
        waiting = receiver.spooled()
        self.assertGreater(len(waiting), 2)
        self.assertEqual([], [path for path in self.runner.repository.rglob("*") if path.is_file()])
        self.runner.repository.rmdir()
        away.rename(self.runner.repository)
        self.wait(lambda: len(receiver.spooled()) <= 1, "the spool to be emptied", 60)
        receiver.stop()
        stored = {path.name for path in (self.runner.wal_folder("prod") / "00000001").iterdir()}
        self.assertEqual([], [name for name in waiting if "." not in name and name not in stored])

    def test_spool_on_a_full_disk(self):
        disk = self.mount_tmpfs(SPOOL_BYTES, "spool")
        self.runner.settings["spool"] = str(disk)
        self.configure()
        receiver = self.receiver.start()
        self.runner.backup("prod")
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - (100 << 10)))
        self.source.fill(2)
        self.wait(lambda: not receiver.is_streaming(), "receiving to stop")
        filler.unlink()
        clients = Clients(self.source, count=1).start()
        receiver.wait_until_streaming(60)
        self.wait(lambda: len(clients.acknowledged) > 50, "commits")
        clients.stop()
        receiver.wait_until_flushed(self.current(), 60)
        result = receiver.stop()
        self.assertEqual(1, result.kinds.count("spool_failing"))
        self.assertNotIn("gap", result.kinds)
        destroy(self.source)
        restored = self.recovered()
        self.assertEqual([], clients.missing_from(restored))
        self.assertEqual(2 * 930, restored.scalar("select count(*) from filler"))

    def shown(self, receiver):
        return receiver.status()["state"]

    def lsn(self, text):
        high, low = text.split("/")
        return int(high, 16) << 32 | int(low, 16)

    def test_spool_limit_stops_receiving_until_there_is_room(self):
        disk = self.mount_tmpfs(256 << 20, "store")
        self.runner = self.pgrecall(self.source, name="tool2", repository=disk / "repository")
        self.runner.cluster("prod", self.source.conninfo(), wal={"spool_limit": f"{LIMIT_BYTES}B"})
        receiver = Receiver(self.runner, self.source).start()
        self.runner.backup("prod")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        self.source.fill(90)
        self.wait(lambda: self.shown(receiver) == "waiting_for_room", "the limit to be reached")
        used = sum(path.stat().st_size for path in receiver.spool.glob("*/*") if path.is_file())
        self.assertLessEqual(used, LIMIT_BYTES)
        self.assertGreater(used, LIMIT_BYTES // 2)
        self.assertEqual("reserved", self.source.scalar("select wal_status from pg_replication_slots"))
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        receiver.wait_until_streaming(60)
        receiver.wait_until_flushed(self.current(), 60)
        result = receiver.stop()
        self.assertIn("spool_full", result.kinds)
        self.assertIn("spool_recovered", result.kinds)
        self.assertNotIn("gap", result.kinds)
        destroy(self.source)
        self.assertEqual(90 * 930, self.recovered().scalar("select count(*) from filler"))

    def test_other_bytes_in_the_repository_are_never_overwritten(self):
        receiver = self.receiver.start()
        self.runner.backup("prod")
        receiver.stop()
        self.source.execute("create table before as select 1")
        name = self.source.scalar("select pg_walfile_name(pg_current_wal_lsn())")
        folder = self.runner.wal_folder("prod") / "00000001"
        stored = next(path for path in folder.iterdir() if len(path.name) == 24 and path.name != name)
        shutil.copy(stored, folder / name)  # of another place: damage, as far as anybody can tell
        before = (folder / name).read_bytes()
        receiver.start()
        self.source.fill(3)
        receiver.wait_until_flushed(self.current())
        self.wait(lambda: receiver.status()["refused"] == 1, "the refusal")
        self.assertIn("the repository refused 1 segment", self.warnings())
        result = receiver.stop()
        self.assertEqual([name], [event["text"].split()[0] for kind, event in zip(result.kinds, result.events) if kind == "refused"])
        self.assertEqual(before, (folder / name).read_bytes())
        self.assertIn(name, receiver.spooled())
        (folder / name).unlink()
        self.assertIn("waits in the spool", self.warnings())  # nothing is lost
        self.assertNotIn("missing", self.warnings())
        receiver.start()
        self.wait(lambda: name not in receiver.spooled(), "the segment to be stored")
        receiver.stop()

    # Networks and servers.

    def test_network_cut_and_server_restarts(self):
        proxy = Proxy(self.source, self.directory / "proxy")
        self.addCleanup(proxy.close)
        self.configure(self.source.conninfo().replace(str(self.source.run_directory), str(proxy.directory)))
        receiver = self.receiver.start()
        self.runner.backup("prod")
        clients = Clients(self.source).start()
        for _ in range(3):
            before = len(clients.acknowledged)
            self.wait(lambda: len(clients.acknowledged) > before + 30, "commits")
            proxy.cut()
            self.wait(lambda: not receiver.is_streaming(), "the server to notice")
            proxy.heal()
            receiver.wait_until_streaming()
        for _ in range(2):
            self.source.stop()
            self.source.start()
            receiver.wait_until_streaming()
        clients.stop()
        receiver.wait_until_flushed(self.current())
        result = receiver.stop()
        self.assertNotIn("gap", result.kinds)
        self.assertGreaterEqual(result.kinds.count("disconnected"), 5)
        destroy(self.source)
        self.assertEqual([], clients.missing_from(self.recovered()))

    def test_refused_authentication_ends_it_at_once(self):
        self.source.pg_hba("local all postgres trust", "local all nobody reject")
        self.source.execute("create role shut login replication; create role nobody login replication")
        self.source.pg_hba("local all postgres trust", "local all shut scram-sha-256")
        self.configure(self.source.conninfo(user="shut"))
        self.runner.run("wal", "receive", "prod", exit=contract.DATABASE_UNREACHABLE)
        attempts = self.source.log().count("no password supplied") + self.source.log().count("password authentication failed")
        self.assertLessEqual(attempts, 1)

    def test_one_receiver_a_spool_and_one_cluster_a_name(self):
        receiver = self.receiver.start()
        second = self.runner.run("wal", "receive", "prod", exit=contract.HELD)
        self.assertIn("lock", second.stderr)
        receiver.stop()
        stranger = self.create_server(initdb_arguments=SMALL_SEGMENTS)
        self.configure(stranger.conninfo())
        refused = self.runner.run("wal", "receive", "prod", exit=contract.FAILED)
        self.assertIn("system identifier", refused.stderr)

    # Slots.

    def test_logical_slot_ends_it_at_once(self):
        self.runner.backup("prod")
        self.source.stop()
        self.source.start(wal_level="logical")
        self.source.execute("select pg_create_logical_replication_slot('pgrecall_prod', 'test_decoding')")
        self.assertIn("logical", self.runner.run("wal", "receive", "prod", exit=contract.CONFIGURATION).stderr)
        self.assertIn("logical", self.warnings())

    def test_dropped_slot_is_made_anew(self):
        receiver = self.receiver.start()
        self.runner.backup("prod")
        self.source.execute("create table earlier as select 1 as one")
        receiver.wait_until_flushed(self.current())
        receiver.stop()
        self.source.execute("select pg_drop_replication_slot('pgrecall_prod')")
        self.source.execute("create table later as select 1 as one")
        receiver.start()
        receiver.wait_until_flushed(self.current())
        result = receiver.stop()
        made = [event for event in result.events if event["kind"] == "slot_made"]
        self.assertIn("was gone", made[-1]["text"])
        self.assertIn("wal_level", made[-1]["hint"])
        self.assertNotIn("gap", result.kinds)
        destroy(self.source)
        self.assertEqual(1, self.recovered().scalar("select one from later"))

    def test_host_that_takes_over_again_with_an_old_spool_sees_no_gap(self):
        self.receiver.start()
        self.runner.backup("prod")
        self.source.execute("create table earlier as select 1 as one")
        self.receiver.wait_until_flushed(self.current())
        self.receiver.stop()
        left = self.source.scalar("select pg_walfile_name(pg_current_wal_flush_lsn())")
        other = tool.Pgrecall(self.directory / "other", repository=self.runner.repository)
        other.cluster("prod", self.source.conninfo())
        second = Receiver(other, self.source).start()
        self.source.fill(20)
        second.wait_until_flushed(self.current())
        second.stop()
        self.source.execute("checkpoint")  # removes what the slot does not keep
        self.assertFalse((self.source.data / "pg_wal" / left).exists())
        self.source.execute("create table later as select 1 as one")
        self.receiver.start()
        self.receiver.wait_until_flushed(self.current())
        result = self.receiver.stop()
        self.assertNotIn("gap", result.kinds)
        destroy(self.source)
        self.assertEqual(1, self.recovered().scalar("select one from later"))

    def test_slot_that_was_cut_off_is_a_gap_and_a_backup_heals_it(self):
        receiver = self.receiver.start()
        self.runner.backup("prod")
        receiver.stop()
        self.source.execute("alter system set max_slot_wal_keep_size = '1MB'; ")
        self.source.execute("select pg_reload_conf()")
        for _ in range(3):
            self.source.fill(4, table=f"f{_}")
            self.source.execute("select pg_switch_wal()")
            self.source.execute("checkpoint")
        self.assertEqual("lost", self.source.scalar("select wal_status from pg_replication_slots"))
        self.source.execute("alter system reset max_slot_wal_keep_size")
        self.source.execute("select pg_reload_conf()")
        receiver.start()
        self.runner.backup("prod")
        self.source.execute("create table later as select 1 as one")
        receiver.wait_until_flushed(self.current())
        result = receiver.stop()
        self.assertIn("slot_lost", result.kinds)
        gap = next(event for event in result.events if event["kind"] == "gap")
        self.assertLess(self.lsn(gap["from_lsn"]), self.lsn(gap["until_lsn"]))
        self.assertIn("pgrecall backup prod", gap["hint"])
        destroy(self.source)
        self.assertEqual(1, self.recovered().scalar("select one from later"))

    # Failover.

    def test_server_that_was_taken_back_is_no_continuation(self):
        """A restore without a target stays on the timeline, and writes another history under the same names."""
        receiver = self.receiver.start()
        self.runner.backup("prod")
        self.source.execute("create table acknowledged as select generate_series(1, 2000) as id")
        held = self.current()
        receiver.wait_until_flushed(held)
        receiver.stop()
        destroy(self.source)
        into = self.directory / "back"
        restored = self.runner.restore("prod", into)
        self.assertIn("--latest", restored.stdout + restored.stderr)
        back = self.restored_server(self.source, into).start()
        self.configure(back.conninfo())
        behind = self.runner.run("wal", "receive", "prod", exit=contract.FAILED)
        self.assertIn("WAL ends before what it had sent", behind.stderr)
        for number in range(100):
            back.execute(f"create table other{number} as select generate_series(1, 2000) as id")
            if self.lsn(self.current(back)) > self.lsn(held):
                break
        beyond = self.runner.run("wal", "receive", "prod", exit=contract.FAILED)
        self.assertIn("sends other WAL than before", beyond.stderr)
        self.assertEqual(2000, self.recovered().scalar("select count(*) from acknowledged"))

    def test_promotion_is_followed(self):
        standby = self.standby()
        hosts = f"host={self.source.run_directory},{standby.run_directory} port=5432,5432 user=postgres dbname=postgres target_session_attrs=primary"
        self.configure(hosts)
        receiver = self.receiver.start()
        self.runner.backup("prod")
        self.source.execute("create table on_first as select generate_series(1, 1000) as id")
        receiver.wait_until_flushed(self.current())
        standby.wait_for(lambda: standby.scalar("select pg_last_wal_replay_lsn() >= %s", (self.current(),)), "the standby")
        self.source.stop()
        standby.execute("select pg_promote()")
        receiver.server = standby
        receiver.wait_until_streaming()
        told = self.runner.run("wal", "status", "prod", "--output", "json", exit=(0, contract.WARNINGS)).json()["clusters"][0]
        self.assertEqual(2, told["server"]["timeline"])
        standby.execute("create table on_second as select generate_series(1, 1000) as id")
        receiver.wait_until_flushed(self.current(standby))
        result = receiver.stop()
        parted = (standby.data / "pg_wal/00000002.history").read_text().split()[1]
        self.assertEqual([parted], [event["from_lsn"] for event in result.events if event["kind"] == "timeline_switched"])
        self.assertIn("slot_made", result.kinds[2:])
        self.assertNotIn("timeline_lost", result.kinds)
        self.assertNotIn("gap", result.kinds)
        self.assertTrue((self.runner.wal_folder("prod") / "00000002.history").exists())
        destroy(standby)
        restored = self.recovered()
        self.assertEqual([(1000, 1000)], restored.execute("select (select count(*) from on_first), (select count(*) from on_second)"))

    def test_wal_that_only_the_old_primary_had_is_kept_and_reported(self):
        standby = self.standby()
        hosts = f"host={self.source.run_directory},{standby.run_directory} port=5432,5432 user=postgres dbname=postgres target_session_attrs=primary"
        self.configure(hosts)
        receiver = self.receiver.start()
        self.runner.backup("prod")
        standby.wait_for(lambda: standby.scalar("select pg_last_wal_replay_lsn() >= %s", (self.current(),)), "the standby")
        standby.stop()
        self.source.execute("create table only_on_first as select generate_series(1, 1000) as id")
        receiver.wait_until_flushed(self.current())
        old_end = self.current()
        self.source.crash()
        self.follow(standby)
        standby.execute("select pg_promote()")
        receiver.server = standby
        receiver.wait_until_streaming(60)
        standby.execute("create table on_second as select generate_series(1, 1000) as id")
        receiver.wait_until_flushed(self.current(standby))
        result = receiver.stop()
        lost = next(event for event in result.events if event["kind"] == "timeline_lost")
        self.assertGreaterEqual(self.lsn(lost["until_lsn"]), self.lsn(old_end))
        self.assertLess(self.lsn(lost["from_lsn"]), self.lsn(lost["until_lsn"]))
        destroy(standby)
        restored = self.recovered()
        self.assertEqual(1000, restored.scalar("select count(*) from on_second"))
        self.assertEqual(0, restored.scalar("select count(*) from pg_class where relname = 'only_on_first'"))
        restored.remove()
        restored = self.recovered("--timeline", "1")
        self.assertEqual(1000, restored.scalar("select count(*) from only_on_first"))


if __name__ == "__main__":
    main()
