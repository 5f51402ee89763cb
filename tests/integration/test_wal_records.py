#!/usr/bin/python3
"""Runs wal_records_dump over WAL that servers of every version wrote, and compares it with what PostgreSQL itself says: pg_waldump
(15), pg_walinspect (from 15 on), and what SQL knew as the WAL was written (all)."""

import datetime
import json
import os
import re

from harness import IntegrationTest, Load, installed_versions, main, processes

PROGRAM = os.environ.get("PGRECALL_WAL_RECORDS_DUMP", "")
SEGMENT_SIZE = 1 << 20  # the smallest, so that a short run crosses segments and large records several
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
PG_WALDUMP_LINE = re.compile(r"rmgr: (\S+) +len \(rec/tot\): *\d+/ *(\d+), tx: *(\d+), lsn: (\S+), prev (\S+), desc: (\S+) ?(.*)$")
MANAGERS = ["XLOG", "Transaction", "Storage", "CLOG", "Database", "Tablespace", "MultiXact", "RelMap", "Standby", "Heap2", "Heap", "Btree",
            "Hash", "Gin", "Gist", "Sequence", "SPGist", "BRIN", "CommitTs", "ReplicationOrigin", "Generic", "LogicalMessage"]
KINDS = {"COMMIT": "commit", "ABORT": "abort", "COMMIT_PREPARED": "commit_prepared", "ABORT_PREPARED": "abort_prepared"}


def lsn_value(text):
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def microseconds(moment):
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


class WalRecords(IntegrationTest):
    needs_binary = False

    def dump(self, files, *, crc="check", piece=131072, start="-"):
        """The records, and the last line: position, ended, count."""
        lines = self.run_program("records", crc, piece, start, *files)
        return lines[:-1], lines[-1]

    def run_program(self, *arguments):
        _, out, _ = processes.run([PROGRAM, *arguments])
        return [json.loads(line) for line in out.splitlines()]

    def source(self, major):
        compression = {"wal_compression": "lz4"} if major == 15 else {"wal_compression": "on"}
        options = {"wal_level": "logical", "wal_keep_size": "1GB", "max_prepared_transactions": "10", "track_commit_timestamp": "on",
                   "wal_log_hints": "on", **compression}
        return self.create_server(major, initdb_arguments=["--wal-segsize=1"], options=options)

    def write_wal(self, server):
        """All kinds of records; returns what SQL knows: transactions by kind, restore points, and LSNs behind records."""
        known = {"commit": [], "abort": [], "commit_prepared": [], "abort_prepared": [], "restore_point": {}, "switch": 0, "ends": []}
        connection = server.connect()
        self.addCleanup(connection.close)
        cursor = connection.cursor()

        def scalar(sql):
            cursor.execute(sql)
            return cursor.fetchone()[0]

        def transaction(sql, end, kind):
            cursor.execute(f"begin; {sql}")
            known[kind].append(scalar("select txid_current()"))
            cursor.execute(end)

        cursor.execute("create table numbers (i int primary key, t text); checkpoint")
        for step in range(30):
            transaction(f"insert into numbers select i, md5(i::text) from generate_series({step * 200}, {step * 200 + 199}) i", "commit", "commit")
        for _ in range(5):
            transaction("update numbers set t = t || 'x' where i % 7 = 0", "rollback", "abort")
        many = "; ".join(f"savepoint s{i}; insert into numbers values ({100000 + i})" for i in range(100))
        transaction(many, "commit", "commit")
        tables = "; ".join(f"create table made_{i} (i int primary key)" for i in range(30))
        for kind, end in (("commit_prepared", "commit prepared 'name'"), ("abort_prepared", "rollback prepared 'name'")):
            transaction("insert into numbers values (-1)" if kind == "abort_prepared" else "insert into numbers values (-2)",
                        "prepare transaction 'name'", kind)
            cursor.execute(end)
        transaction(tables, "prepare transaction 'large'", "commit_prepared")
        cursor.execute("commit prepared 'large'")  # its record is longer than what is kept of one
        transaction("; ".join(f"savepoint s{i}; drop table made_{i}" for i in range(30)), "prepare transaction 'drop'", "commit_prepared")
        cursor.execute("commit prepared 'drop'")
        transaction("; ".join(f"savepoint s{i}; create table never_{i} (i int)" for i in range(30)), "prepare transaction 'undone'", "abort_prepared")
        cursor.execute("rollback prepared 'undone'")
        for size in (1, 8100, 70000, 3 * SEGMENT_SIZE + 12345):
            known["ends"].append(scalar(f"select pg_logical_emit_message(false, 'large', repeat('x', {size}))::text"))
        for name in ("before the switch", "x" * 63):
            known["restore_point"][name] = scalar(f"select pg_create_restore_point('{name}')::text")
        for _ in range(3):
            cursor.execute("insert into numbers select max(i) + 1 from numbers")
            cursor.execute("select pg_switch_wal()")
            known["switch"] += 1
        known["restore_point"]["after the switches"] = scalar("select pg_create_restore_point('after the switches')::text")
        for sql in ("vacuum full numbers", "checkpoint", "update numbers set t = upper(t)"):  # full page images
            cursor.execute(sql)
        transaction("insert into numbers values (-5)", "commit", "commit")
        cursor.execute("insert into numbers values (-6)")
        with Load(server).prepare() as load:
            load.wait_for_commits(60)
        known["last"] = scalar("select pg_current_wal_insert_lsn()::text")
        return known

    def segments(self, server):
        """The files from the first to the one being written, in order: later ones were recycled or made in advance."""
        last = server.scalar("select pg_walfile_name(pg_current_wal_insert_lsn())")
        names = sorted(path.name for path in (server.data / "pg_wal").iterdir() if re.fullmatch("[0-9A-F]{24}", path.name))
        return [server.data / "pg_wal" / name for name in names if name <= last]

    def check_chain(self, records):
        for before, record in zip(records, records[1:]):
            self.assertEqual(before["start"], record["previous"])
            self.assertIn(lsn_value(record["start"]) - lsn_value(before["end"]), (0, 24, 40))  # a page's header is in between

    def check_against_sql(self, server, records, known):
        ended = {kind: {record["ended"]: record for record in records if record.get("kind") == kind} for kind in KINDS.values()}
        for kind in KINDS.values():
            self.assertEqual(set(), set(known[kind]) - set(ended[kind]), kind)
            others = set().union(*(ended[other] for other in KINDS.values() if other != kind))
            self.assertEqual(set(), set(known[kind]) & others, kind)
        for transaction in known["commit"] + known["commit_prepared"]:
            when = microseconds(server.scalar("select pg_xact_commit_timestamp(%s::text::xid)", (transaction,)))
            found = {**ended["commit"], **ended["commit_prepared"]}[transaction]["time"]
            self.assertEqual(when, found, transaction)
        points = {record["name"]: record["end"] for record in records if record.get("kind") == "restore_point"}
        self.assertEqual(known["restore_point"], points)
        switches = [record for record in records if record.get("kind") == "switch"]
        self.assertEqual(known["switch"], len(switches))
        for record in switches:
            self.assertEqual(0, lsn_value(record["end"]) % SEGMENT_SIZE)
        ends = {record["end"] for record in records}
        self.assertEqual(set(), set(known["ends"]) - ends)

    def check_against_waldump(self, server, records, files, end):
        start = records[0]["start"]
        _, out, _ = processes.run([server.version.program("pg_waldump"), "-p", files[0].parent, "-s", start, "-e", end], environment={"TZ": "UTC"})
        expected, kinds = [], []
        for line in out.splitlines():
            name, length, transaction, lsn, previous, operation, rest = PG_WALDUMP_LINE.match(line).groups()
            expected.append((lsn_value(lsn), lsn_value(previous), int(length), int(transaction), MANAGERS.index(name)))
            if operation in KINDS:
                kinds.append((lsn_value(lsn), KINDS[operation], *self.waldump_end(operation, transaction, rest)))
        found = [(lsn_value(record["start"]), lsn_value(record["previous"]), record["length"], record["transaction"], record["manager"])
                 for record in records]
        self.assertGreater(len(expected), 1000)
        self.assertEqual(expected, found)
        self.assertEqual(kinds, [(lsn_value(record["start"]), record["kind"], record["ended"], record["time"])
                                 for record in records if record.get("kind") in KINDS.values()])

    @staticmethod
    def waldump_end(operation, transaction, rest):
        if operation.endswith("PREPARED"):
            transaction, rest = rest.split(": ", 1)
        moment = datetime.datetime.strptime(rest[:26], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=datetime.timezone.utc)
        return int(transaction), microseconds(moment)

    def check_against_walinspect(self, server, records, end):
        server.execute("create extension pg_walinspect")
        rows = server.execute(
            "select start_lsn::text, end_lsn::text, prev_lsn::text, record_length, xid::text, resource_manager, record_type"
            " from pg_get_wal_records_info(%s, %s)", (records[0]["start"], end))
        expected = [(start, next_, previous, length, int(transaction), MANAGERS.index(name))
                    for start, next_, previous, length, transaction, name, _ in rows]
        found = [(record["start"], record["end"], record["previous"], record["length"], record["transaction"], record["manager"])
                 for record in records]
        self.assertGreater(len(expected), 1000)
        self.assertEqual(expected, found)
        ends = [(start, KINDS[operation]) for start, *_, name, operation in rows if name == "Transaction" and operation in KINDS]
        self.assertEqual(ends, [(record["start"], record["kind"]) for record in records if record.get("kind") in KINDS.values()])

    def check_reading(self, files, records, end):
        """The same records whatever the pieces, the CRC, and where reading begins."""
        for crc, piece in (("check", 8192), ("check", 4001), ("skip", 1 << 30), ("skip", 61)):
            self.assertEqual(records, self.dump(files, crc=crc, piece=piece)[0][: len(records)], (crc, piece))
        middle = next(index for index, record in enumerate(records)
                      if index > len(records) // 3 and lsn_value(record["start"]) % 8192 > 4000)
        start = lsn_value(records[middle]["start"])
        later = [path for path in files if int(path.name[-8:], 16) >= start // SEGMENT_SIZE]
        self.assertEqual(records[middle:], self.dump(later, start=records[middle]["start"])[0][: len(records) - middle])
        # From each segment's start: what continues from the segment before is passed over.
        for path in files:
            number = int(path.name[-8:], 16)
            expected = [record for record in records
                        if number * SEGMENT_SIZE <= lsn_value(record["start"]) and lsn_value(record["end"]) <= (number + 1) * SEGMENT_SIZE]
            if number < lsn_value(end) // SEGMENT_SIZE:
                self.assertEqual(expected, self.dump([path])[0])
                (valid,) = self.run_program("valid-end", path)
                whole = max((record["end"] for record in expected), key=lsn_value, default=None)
                self.assertEqual(lsn_value(whole) if whole else number * SEGMENT_SIZE, lsn_value(valid["valid_end"]))

    def check(self, major):
        server = self.source(major)
        known = self.write_wal(server)
        end = known["last"]
        server.wait_for(lambda: server.scalar("select pg_current_wal_flush_lsn() >= %s", (end,)), "the WAL to be flushed")
        files = self.segments(server)
        copies = [self.directory / path.name for path in files]
        for path, copy in zip(files, copies):
            copy.write_bytes(path.read_bytes())
        cut = copies[-1].read_bytes()[: lsn_value(end) % SEGMENT_SIZE]  # behind it lies what the file held before
        copies[-1].write_bytes(cut)
        records, last = self.dump(copies)
        self.assertEqual((end, False, len(records)), (last["position"], last["ended"], last["count"]))
        self.assertGreater(len(records), 1000)
        self.check_chain(records)
        self.check_against_sql(server, records, known)
        self.check_reading(copies, records, end)
        (valid,) = self.run_program("valid-end", copies[-1])
        self.assertEqual(end, valid["valid_end"])
        (valid,) = self.run_program("valid-end", files[-1])  # with what lies behind
        self.assertLessEqual(lsn_value(end), lsn_value(valid["valid_end"]))
        if major == 15:
            self.check_against_waldump(server, records, files, end)
        if major >= 15:
            self.check_against_walinspect(server, records, end)


for version in installed_versions():
    setattr(WalRecords, f"test_postgres_{version.major}", lambda self, major=version.major: self.check(major))

if __name__ == "__main__":
    main()
