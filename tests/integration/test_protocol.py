#!/usr/bin/python3
"""Runs protocol_live, which speaks lib/postgres to a live server, against every PostgreSQL version, and compares what it got with
what SQL and the server's own files say."""

import hashlib
import json
import os

from harness import IntegrationTest, Load, contract, installed_versions, main, processes
from harness.proxy import Proxy

PROGRAM = os.environ.get("PGRECALL_PROTOCOL_LIVE", "")
SEGMENT_SIZE = 1 << 20  # the smallest, so that a short run crosses segments


def lsn_value(text):
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def segment_name(timeline, position, segment_size):
    number = position // segment_size
    per_log = (1 << 32) // segment_size
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


class Protocol(IntegrationTest):
    needs_binary = False

    def live(self, *arguments, exit=0):
        """Runs protocol_live; returns its events by name, each a list."""
        process = processes.start([PROGRAM, *arguments], environment={"TMPDIR": str(self.directory)},
                                  stdin=processes.NOTHING, stdout=processes.PIPE, stderr=processes.PIPE)
        code, out, err, _ = processes.collect(process, 120)
        self.assertEqual(exit, code, out + err)
        events = {}
        for line in out.splitlines():
            event = json.loads(line)
            events.setdefault(event["event"], []).append(event)
        return events

    def server_wal(self, server, timeline, start, end, segment_size=SEGMENT_SIZE):
        """SHA-256 of the server's own WAL from the start of a segment to any position."""
        digest = hashlib.sha256()
        for position in range(start, end, segment_size):
            content = (server.data / "pg_wal" / segment_name(timeline, position, segment_size)).read_bytes()
            digest.update(content[: end - position])
        return digest.hexdigest()

    def source(self, major, **options):
        server = self.create_server(major, initdb_arguments=["--wal-segsize=1"], options={"wal_keep_size": "1GB", **options})
        server.add_tablespace("space_one", self.directory / "space_one")
        return server

    def check_backup(self, server):
        """A backup under load: its positions, tablespaces, and its WAL byte by byte."""
        space = self.directory / "space_one"
        with Load(server, tablespaces=["space_one"]).prepare() as load:
            load.wait_for_commits(200)
            events = self.live("backup", server.conninfo())
        (identity,), (start,), (end,), (wal,), (stream_end,) = (
            events[name] for name in ("identity", "start", "end", "wal", "stream_end"))
        oid = server.scalar("select oid from pg_tablespace where spcname = 'space_one'")
        locations = {one["oid"]: one["location"] for one in start["tablespaces"]}
        self.assertEqual({oid: str(space), 0: ""}, locations)  # 0 is the data directory
        self.assertEqual([0, oid], sorted(archive["tablespace"] for archive in events["archive"]))
        self.assertEqual(2, len({archive["sha256"] for archive in events["archive"]}))
        self.assertLess(lsn_value(start["lsn"]), lsn_value(end["lsn"]))
        self.assertEqual("reached_end", stream_end["end"])
        begin = lsn_value(identity["flushed"]) // SEGMENT_SIZE * SEGMENT_SIZE
        self.assertLessEqual(begin, lsn_value(start["lsn"]))
        durable = lsn_value(wal["durable"])
        last_segment = (lsn_value(end["lsn"]) - 1) // SEGMENT_SIZE
        self.assertGreaterEqual(durable, (last_segment + 1) * SEGMENT_SIZE)
        self.assertEqual(durable - begin, wal["bytes"])
        self.assertEqual(self.server_wal(server, 1, begin, durable), wal["sha256"])
        self.assertEqual(0, server.scalar("select count(*) from pg_replication_slots"))
        self.assertGreater(end["manifest_bytes"], 10000)

    def check_identity(self, server):
        (identity,) = self.live("identity", server.conninfo())["identity"]
        setting = lambda name: server.scalar("select current_setting(%s)", (name,))
        expected = {
            "mode": "database",
            "system": int(server.system_identifier()),
            "timeline": 1,
            "version_num": int(setting("server_version_num")),
            "wal_segment_size": SEGMENT_SIZE,
            "block_size": 8192,
            "data_checksums": True,
            "full_page_writes": True,
            "wal_level": "replica",
            "in_recovery": False,
            "data_directory": str(server.data),
            "database": "postgres",
        }
        self.assertEqual(expected, {name: identity[name] for name in expected})

    def check_timeline_switch(self, server):
        """Recovery ends on a new timeline; who streams the old one is told where it ends and what follows."""
        start = lsn_value(server.scalar("select pg_current_wal_lsn()")) // SEGMENT_SIZE * SEGMENT_SIZE
        server.stop()
        (server.data / "recovery.signal").touch()
        server.start(restore_command="false", recovery_target_timeline="latest")
        self.assertEqual("00000002", server.scalar("select pg_walfile_name(pg_current_wal_lsn())")[:8])
        events = self.live("wal", server.conninfo(), f"{start >> 32:X}/{start & 0xFFFFFFFF:X}", "1", "FF/0")
        (stream_end,), (history,) = events["stream_end"], events["history"]
        self.assertEqual(("timeline_ended", 2), (stream_end["end"], stream_end["next_timeline"]))
        self.assertEqual(stream_end["next_lsn"], stream_end["received"])
        self.assertEqual((server.data / "pg_wal/00000002.history").read_text(), history["content"])

    def check_cut_connection(self, server):
        proxy = Proxy(server, self.directory / "proxy")
        self.addCleanup(proxy.close)
        start = lsn_value(server.scalar("select pg_current_wal_lsn()")) // SEGMENT_SIZE * SEGMENT_SIZE
        process = processes.start([PROGRAM, "wal", server.conninfo(host=proxy.directory), f"{start >> 32:X}/{start & 0xFFFFFFFF:X}", "1", "FF/0"],
                                  stdin=processes.NOTHING, stdout=processes.PIPE, stderr=processes.PIPE)
        server.wait_for(lambda: process.poll() is not None or server.scalar("select count(*) from pg_stat_replication") > 0, "the stream")
        proxy.cut()
        code, out, err, _ = processes.collect(process, 60)
        self.assertEqual(contract.DATABASE_UNREACHABLE, code, out + err)
        error = json.loads(out.splitlines()[-1])
        self.assertEqual(("database_unreachable", True), (error["kind"], error["passing"]))

    def check(self, major):
        server = self.source(major)
        self.check_identity(server)
        self.check_backup(server)
        self.check_cut_connection(server)
        self.check_timeline_switch(server)


for version in installed_versions():
    setattr(Protocol, f"test_postgres_{version.major}", lambda self, major=version.major: self.check(major))

if __name__ == "__main__":
    main()
