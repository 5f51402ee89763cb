#!/usr/bin/python3
"""pgrecall wal events: finds what was dropped, truncated, deleted or updated in bulk among very many harmless records, with names,
PostgreSQL 13 to 18; and the command that it prints brings it back."""

import datetime
import re
import shlex
import signal

import psycopg2

from harness import IntegrationTest, contract, installed_versions, main, processes, tool
from harness.receiver import Receiver

HARMLESS_RECORDS = 170_000  # for each version: a million over all six
RECOVERED = (13, 15, 18)    # versions of which every printed command is run
ROWS = {"shop.orders": 5000, "public.log_entries": 3000, "public.accounts": 20000, "public.made_later": 12000}


class WalEvents(IntegrationTest):
    def prepare(self, major, **options):
        runner = self.pgrecall(name=f"tool{major}")
        command = f"{tool.BINARY} wal push prod %p --repository {runner.url}"
        source = self.create_server(major, options={"archive_mode": "on", "archive_command": command, "max_prepared_transactions": "5",
                                                    "checkpoint_timeout": "1h", **options})
        runner.cluster("prod", source.conninfo())
        self.give_away(runner.directory)
        source.execute("create database sales")
        source.execute("create table sold as select i from generate_series(1, 100) i", database="sales")
        source.execute("create schema shop; create table keep (id int primary key, t text); insert into keep select i, 'x' from generate_series(1, 2000) i;"
                       "create table noise (i int, t text)")
        for table in ("shop.orders", "public.log_entries", "public.accounts"):
            source.execute(f"create table {table} (id serial primary key, body text); insert into {table} (body) select repeat('b', i % 50)"
                           f" from generate_series(1, {ROWS[table]}) i")
        source.execute("analyze")
        runner.backup("prod", user="postgres")
        return source, runner

    def give_away(self, directory):
        for path in [directory, *directory.rglob("*")]:
            processes.own(path)

    def archive_all(self, source):
        file = source.scalar("select pg_walfile_name(pg_switch_wal())")
        source.wait_for(lambda: (source.scalar("select last_archived_wal from pg_stat_archiver") or "") >= file, f"{file} to be archived", 60)

    def harmless(self, source):
        """What looks like harm in the WAL, and is none."""
        source.execute("vacuum full keep")
        source.execute("vacuum full pg_class")  # the catalog that names are found in has other files from now on
        source.execute("reindex table keep")
        source.execute("reindex table concurrently keep")
        source.execute("alter table keep alter column id type bigint")
        source.execute("create temp table gone as select 1; drop table gone")
        source.execute("create materialized view seen as select count(*) from keep")
        source.execute("refresh materialized view seen")
        source.execute("create table short_lived (i int primary key); insert into short_lived select generate_series(1, 20000)")
        for sql in ("drop table keep cascade", "truncate keep", "delete from keep", "delete from short_lived"):
            connection = source.connect()
            connection.cursor().execute(f"begin; {sql}; rollback")
            connection.close()
        connection = source.connect()
        connection.cursor().execute("begin; savepoint a; truncate keep; drop table public.accounts; rollback to a; insert into noise values (1, 'a'); commit")
        connection.cursor().execute("begin; create table inner_one as select generate_series(1, 20000) i; delete from inner_one; drop table inner_one; commit")
        connection.close()
        source.execute("delete from keep where id < 50")
        source.execute("create database brief")
        source.execute("alter database brief rename to short")

    def mistakes(self, source):
        """One after the other, with harmless records between; returns what each is to be listed as."""
        noise = f"insert into noise select i, repeat('n', 10) from generate_series(1, {HARMLESS_RECORDS // 4}) i"
        source.execute("create table made_later (id int primary key, body text); insert into made_later select i, 'm' from generate_series(1, 12000) i")
        source.execute("drop table shop.orders")
        source.execute(noise)
        self.harmless(source)
        source.execute("truncate log_entries")
        source.execute(noise)
        source.execute("delete from accounts")
        source.execute("checkpoint")
        source.execute(noise)
        source.execute("drop database sales")
        source.execute(noise)
        source.execute("update made_later set body = 'wrong'")
        source.execute("begin; delete from made_later; savepoint a; drop table made_later; prepare transaction 'two'")
        source.execute("commit prepared 'two'")
        return [("postgres", [("dropped", "shop", "orders", None)]), ("postgres", [("truncated", "public", "log_entries", None)]),
                ("postgres", [("deleted", "public", "accounts", 20000)]), ("sales", [("dropped_database", None, "sales", None)]),
                ("postgres", [("updated", "public", "made_later", 12000)]),
                ("postgres", [("dropped", "public", "made_later", None), ("deleted", "public", "made_later", 12000)])]

    def events(self, runner, *arguments, exit=0):
        return runner.run("wal", "events", "prod", "--output", "json", *arguments, user="postgres", exit=exit).json()

    def told(self, document):
        return [(one["database"], [(change["kind"], change.get("schema"), change["name"], change.get("rows")) for change in one["changes"]])
                for one in document["transactions"]]

    def check(self, major):
        source, runner = self.prepare(major, wal_level="logical" if major % 2 == 0 else "replica")
        started = source.scalar("select clock_timestamp()")
        expected = self.mistakes(source)
        self.archive_all(source)
        found = self.events(runner)
        self.assertEqual(expected, self.told(found))
        self.assertEqual([], found["warnings"])
        times = [datetime.datetime.fromisoformat(one["time"].replace("Z", "+00:00")) for one in found["transactions"]]
        self.assertTrue(all(started <= time <= source.scalar("select clock_timestamp()") for time in times))
        self.check_narrower(source, runner, found, times)
        self.check_counts(source, runner)
        if major in RECOVERED:
            self.check_not_covered(runner, found)
            for one in found["transactions"]:
                with self.subTest(changes=one["changes"]):
                    self.check_recovery(source, runner, major, one)

    def check_narrower(self, source, runner, found, times):
        """Part of the time, of the WAL, of the databases; and names where the WAL that was read does not tell them."""
        whole = self.told(found)
        text = lambda time: time.isoformat()
        self.assertEqual(whole[2:4], self.told(self.events(runner, "--from", text(times[2]), "--to", text(times[3]))))
        lsn = [one["lsn"] for one in found["transactions"]]
        self.assertEqual(whole[1:3], self.told(self.events(runner, "--from-lsn", lsn[1], "--to-lsn", lsn[2])))
        self.assertEqual([whole[3]], self.told(self.events(runner, "--database", "sales")))
        self.assertEqual([], self.told(self.events(runner, "--from", text(times[5] + datetime.timedelta(seconds=1)))))
        many = self.told(self.events(runner, "--min-rows", "20001"))
        self.assertEqual([part for part in whole[:2]] + [whole[3]] + [("postgres", whole[5][1][:1])], many)
        shown = runner.run("wal", "events", "prod", user="postgres")
        self.assertIn("deleted 20,000 rows of table public.accounts", shown.stdout)
        self.assertIn("dropped table shop.orders", shown.stdout)
        for one in found["transactions"]:
            self.assertIn(one["restore_command"], shown.stdout)

    def check_counts(self, source, runner):
        """Rows of every relation and transaction against what PostgreSQL reads in the same WAL."""
        major = source.version.major
        if major < 15:
            return
        source.execute("create extension if not exists pg_walinspect")
        runner.backup("prod", user="postgres")  # knows where VACUUM FULL put pg_class
        start = source.scalar("select redo_lsn::text from pg_control_checkpoint()")
        source.execute("delete from keep where id < 500; update keep set t = 'y' where id < 1000")
        source.execute("update noise set t = 'z' where i < 2000; begin; delete from keep where id > 1900; savepoint a; delete from keep; rollback to a; commit")
        for sql in ("vacuum full pg_class", "create table later (i int)", "drop table later"):
            source.execute(sql)
        end = source.scalar("select pg_current_wal_flush_lsn()::text")
        self.archive_all(source)
        rows = source.execute("select xid::text, block_ref, record_type from pg_get_wal_records_info(%s, %s) where resource_manager = 'Heap' and"
                              " (record_type like '%%DELETE%%' or record_type like '%%UPDATE%%')", (start, end))
        expected = {}
        for xid, blocks, kind in rows:
            node = int(re.search(r"rel \d+/\d+/(\d+)", blocks).group(1))
            if node >= 16384:
                key = (int(xid), node, "deleted" if "DELETE" in kind else "updated")
                expected[key] = expected.get(key, 0) + 1
        self.assertGreater(len(expected), 2)
        document = self.events(runner, "--from-lsn", start, "--to-lsn", end, "--min-rows", "1")
        found = {(one["xid"], change["node"], change["kind"]): change["rows"] for one in document["transactions"] for change in one["changes"]
                 if change["kind"] in ("deleted", "updated")}
        internal = {key for key in expected if key not in found}  # TOAST tables, catalogs that were rewritten, and what an abort undid
        committed = {one["xid"] for one in document["transactions"]}
        names = dict(source.execute("select relfilenode::bigint, relnamespace::regnamespace::text from pg_class"))
        for key in internal:
            self.assertTrue(key[0] not in committed or names.get(key[1], "pg_catalog").startswith("pg_"), key)
        self.assertEqual(found, {key: count for key, count in expected.items() if key in found})

    def check_recovery(self, source, runner, major, one):
        arguments = shlex.split(one["restore_command"])
        self.assertEqual("pgrecall", arguments.pop(0))
        into = self.directory / f"back{major}"
        if not into.exists():
            into.mkdir()
            self.give_away(into)
        arguments[arguments.index("/new/data/directory")] = str(into / "data")
        runner.run(*arguments, "--delta", config=False, user="postgres")
        server = self.restored_server(source, into / "data", archive_mode="off")
        settings = [part for name, value in server.options.items() for part in ("-c", f"{name}={value}")]
        with open(server.log_path, "ab") as log:
            server.process = processes.start([server.version.program("postgres"), "-D", server.data, "-p", str(server.port), *settings],
                                             user="postgres", stdin=processes.NOTHING, stdout=log, stderr=log)
        try:
            server.wait_for(lambda: self.stands_still(server), "recovery to reach its target", 60)
            for change in one["changes"]:
                self.check_there(server, change)
        finally:
            server.stop(how=signal.SIGQUIT)

    def check_there(self, server, change):
        if change["kind"] == "dropped_database":
            self.assertEqual(100, server.scalar("select count(*) from sold", database=change["name"]))
            return
        table = f"{change['schema']}.{change['name']}"
        self.assertEqual(ROWS[table], server.scalar(f"select count(*) from {table}"))
        if change["kind"] == "updated":
            self.assertEqual(0, server.scalar(f"select count(*) from {table} where body = 'wrong'"))

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

    def test_damage_and_holes_are_told(self):
        source, runner = self.prepare(15)
        source.execute("delete from accounts")
        self.archive_all(source)
        lost = source.scalar("select pg_walfile_name(pg_current_wal_lsn() + 1)")
        source.execute("insert into noise values (1, 'b')")
        self.archive_all(source)
        source.execute("drop table shop.orders")
        self.archive_all(source)
        (runner.wal_folder("prod") / lost[:8] / lost).unlink()
        document = self.events(runner, exit=contract.WARNINGS)
        self.assertEqual(["deleted", "dropped"], [one["changes"][0]["kind"] for one in document["transactions"]])
        self.assertIsNotNone(document["transactions"][0]["restore_command"])
        self.assertIsNone(document["transactions"][1]["restore_command"])
        self.assertIn("WAL is missing", " ".join(document["warnings"]))
        self.assertIn("out of reach", runner.run("wal", "events", "prod", user="postgres", exit=contract.WARNINGS).stdout)

    def test_what_waits_in_the_spool_is_listed_and_recovered(self):
        source, runner = self.prepare(15, archive_mode="off")
        runner.cluster("prod", source.conninfo(), wal={"tail_interval": "1s"})
        receiver = Receiver(runner, source, user="postgres").start()
        stored = lambda: [path.name for path in (runner.wal_folder("prod") / "00000001").iterdir() if "-" in path.name or "." in path.name]
        source.execute("insert into noise values (1, 'b')")
        source.wait_for(stored, "the beginning of the segment to be stored")
        receiver.kill()
        runner.cluster("prod", source.conninfo(), wal={"tail_interval": "1h"})
        receiver = Receiver(runner, source, user="postgres").start()
        source.execute("drop table shop.orders")
        source.execute("insert into noise values (2, 'b')")
        source.wait_for(lambda: self.told(self.events(runner)), "the end of the transaction to be received")
        document = self.events(runner)
        self.assertEqual([("postgres", [("dropped", "shop", "orders", None)])], self.told(document))
        receiver.kill()
        self.check_recovery(source, runner, 15, document["transactions"][0])

    def check_not_covered(self, runner, found):
        """That nothing was dropped is not said of what was not looked at."""
        self.assertLess(found["first_end"], found["transactions"][0]["time"])
        self.assertGreaterEqual(found["last_end"], found["transactions"][-1]["time"])
        for arguments, warning in ((["--from-lsn", "F/0"], "no WAL is kept from F/0 on"), (["--to-lsn", "0/1"], "no WAL is kept of before"),
                                   (["--to", "2001-01-01T00:00:00Z"], "the WAL that is kept begins later"),
                                   (["--from", "2101-01-01T00:00:00Z"], "in the future"), (["--database", "nobody"], 'no database "nobody"')):
            [told] = self.events(runner, *arguments, exit=contract.WARNINGS)["warnings"]
            self.assertIn(warning, told)

    def test_what_cannot_be_is_refused(self):
        runner = self.pgrecall()
        runner.run("wal", "events", "prod", "--repository", runner.url, config=False, exit=contract.TARGET_UNREACHABLE)
        for arguments in (["--from", "yesterday"], ["--from-lsn", "x"], ["--min-rows", "0"],
                          ["--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"]):
            runner.run("wal", "events", "prod", *arguments, "--repository", runner.url, config=False, exit=contract.USAGE)


def of_major(major):
    return lambda self: self.check(major)


for version in installed_versions():
    setattr(WalEvents, f"test_mistakes_are_found_{version.major}", of_major(version.major))


if __name__ == "__main__":
    main()
