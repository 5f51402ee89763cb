#!/usr/bin/python3
"""Partial recovery: tables, schemas, a database and a query's result as they were at a moment, into files or a live database."""

import csv
import pathlib
import subprocess

import psycopg2

from harness import IntegrationTest, contract, main, processes, tool, versions
from harness.versions import client_program

SERVER_OPTIONS = {"checkpoint_timeout": "1h", "shared_buffers": "16MB"}

SHOP = """
    create role app; create role reader login; create role gone;
    create table customers (id int primary key, name text);
    insert into customers select i, 'customer ' || i from generate_series(1, 100) i;
    create table orders (id serial primary key, customer int not null references customers, amount numeric(10, 2) check (amount >= 0),
        placed timestamptz not null default now(), doubled numeric generated always as (amount * 2) stored, note text unique);
    create index by_customer on orders (customer) where amount > 10;
    create statistics orders_stats on customer, amount from orders;
    comment on table orders is 'what was ordered';
    alter table orders owner to app;
    grant select on orders to reader, gone;
    insert into orders (customer, amount, note) select i % 100 + 1, i, E'line\\n"' || i || E'"\\t\\\\' from generate_series(1, 5000) i;
    create table lines (orders_id int references orders, position int);
    insert into lines select i, 1 from generate_series(1, 10) i;
    """
# PostgreSQL writes WAL of a sequence 32 values ahead, so that a recovered one has skipped some (SEQ_LOG_VALS, src/backend/commands/sequence.c).
AHEAD_OF_300 = range(301, 334)
AHEAD_OF_5000 = range(5000, 5034)
CHECKSUM = "select count(*), md5(string_agg(t::text, '|' order by id)) from {} t"


class Extract(IntegrationTest):
    def prepare(self, major=versions.DEBIAN_MAJOR, sql=SHOP, database="shop"):
        """A server that archives, with a database and a backup from before its tables were made."""
        runner = self.runner = self.pgrecall(name=f"tool{major}")
        command = f"{tool.BINARY} wal push prod %p --repository {runner.url}"
        source = self.create_server(major, initdb_arguments=["--wal-segsize=1"],
                                    options={**SERVER_OPTIONS, "archive_mode": "on", "archive_command": command})
        self.binaries = source.version.bin
        self.scratch = self.directory / "scratch"
        self.scratch.mkdir(exist_ok=True)
        for path in [self.scratch, runner.directory, *runner.directory.rglob("*")]:
            processes.own(path)
        runner.cluster("prod", source.conninfo())
        processes.own(runner.config)
        source.execute(f"create database {database}")
        runner.backup("prod", user="postgres")
        source.execute(sql, database=database)
        return source

    def moment(self, source):
        """Now, as an LSN; and what is needed to get there is archived when wait_archived() returns."""
        return source.scalar("select pg_current_wal_insert_lsn()")

    def wait_archived(self, source):
        source.execute("create table if not exists public.tick (i int); insert into public.tick values (1)")
        file = source.scalar("select pg_walfile_name(pg_switch_wal())")
        source.wait_for(lambda: (source.scalar("select last_archived_wal from pg_stat_archiver") or "")[8:] >= file[8:], f"{file} to be archived")

    def arguments(self, *arguments):
        return ("extract", "prod", "--scratch", self.scratch, "--binaries", self.binaries, "--output", "json", *arguments)

    def extract(self, *arguments, exit=0, **options):
        result = self.runner.run(*self.arguments(*arguments), user="postgres", exit=exit, **options)
        self.assertEqual([], list(self.scratch.iterdir()), "scratch is left")
        return result.json()["extract"] if exit == 0 else result

    def conninfo(self, source, database="shop", **more):
        return source.conninfo(database=database, **more)

    def names(self, source, relation, database="shop"):
        """What hangs on a table: indexes, constraints, statistics."""
        rows = source.execute(
            "select 'index ' || indexrelid::regclass::text from pg_index where indrelid = %s::regclass"
            " union select contype::text || ' ' || conname from pg_constraint where conrelid = %s::regclass and contype <> 'n'"
            " union select 'statistics ' || stxname from pg_statistic_ext where stxrelid = %s::regclass order by 1",
            (relation, relation, relation), database=database)
        return [row[0] for row in rows]

    def test_a_dropped_table_comes_back(self):
        source = self.prepare()
        before = source.execute(CHECKSUM.format("orders"), database="shop")
        hanging = self.names(source, "orders")
        source.execute("create view big as select * from orders where amount > 100; create view bigger as select * from big;"
                       "create table marks (); insert into marks default values; insert into marks default values;"
                       "create publication outside for table orders", database="shop")
        moment = self.moment(source)
        source.execute("drop table orders, marks cascade; insert into customers values (101, 'later')", database="shop")
        self.wait_archived(source)
        into = ("--into", self.conninfo(source))

        dry = self.runner.run(*self.arguments("--lsn", moment, "--table", "orders", *into, "--dry-run"), user="postgres").json()
        self.assertEqual("tables", dry["plan"]["what"])
        self.assertTrue(dry["plan"]["pg_dump"].endswith("15/bin/pg_dump"))
        self.assertEqual([], source.execute("select 1 from pg_class where relname = 'orders'", database="shop"))

        report = self.extract("--lsn", moment, "--table", "orders", "--table", "marks", *into)
        self.assertEqual(2, source.scalar("select count(*) from marks", database="shop"))
        self.assertEqual(before, source.execute(CHECKSUM.format("orders"), database="shop"))
        self.assertEqual([{"name": "public.marks", "as": "public.marks", "rows": 2, "rows_arrived": 2},
                          {"name": "public.orders", "as": "public.orders", "rows": 5000, "rows_arrived": 5000}],
                         [{key: table[key] for key in ("name", "as", "rows", "rows_arrived")} for table in report["tables"]])
        self.assertEqual([("public.orders_id_seq", True)], [(s["as"], s["is_called"]) for s in report["sequences"]])
        self.assertIn(report["sequences"][0]["last_value"], AHEAD_OF_5000)
        self.assertEqual(report["sequences"][0]["last_value"] + 1, source.scalar("insert into orders (customer, amount) values (1, 7) returning id", database="shop"))
        self.assertEqual([name for name in hanging if not name.startswith("f ")], self.names(source, "orders"))
        self.assertEqual("app", source.scalar("select tableowner from pg_tables where tablename = 'orders'", database="shop"))
        self.assertEqual([("gone",), ("reader",)], source.execute(
            "select distinct grantee from information_schema.role_table_grants where table_name = 'orders' and grantee <> 'app' order by 1", database="shop"))
        self.assertEqual("what was ordered", source.scalar("select obj_description('orders'::regclass)", database="shop"))
        # What was cut is told with the statement that mends it: the table's own foreign key, the one that pointed to it, and what
        # replicated it; and the views that went with it, so that they are brought back as well.
        statements = [note["statement"] for note in report["notes"] if note["statement"]]
        self.assertEqual(3, len(statements), report["notes"])
        self.assertEqual(["view public.big,", "view public.bigger,"], [" ".join(note["text"].split()[:2]) for note in report["notes"] if not note["statement"]])
        for statement in statements:
            source.execute(statement, database="shop")
        self.assertEqual(hanging, self.names(source, "orders"))
        self.assertEqual([("lines_orders_id_fkey",)], source.execute("select conname from pg_constraint where confrelid = 'orders'::regclass", database="shop"))
        self.assertEqual([("orders",)], source.execute("select tablename from pg_publication_tables", database="shop"))

    def test_nothing_that_exists_is_overwritten(self):
        source = self.prepare()
        before = source.execute(CHECKSUM.format("orders"), database="shop")
        hanging = self.names(source, "orders")
        moment = self.moment(source)
        source.execute("truncate orders cascade; create table orders_then_pkey (i int)", database="shop")
        self.wait_archived(source)
        into = ("--into", self.conninfo(source))

        refused = self.extract("--lsn", moment, "--table", "public.orders", *into, exit=contract.FAILED)
        self.assertIn("--rename public.orders=orders_recovered", refused.text)
        self.assertEqual(0, source.scalar("select count(*) from orders", database="shop"))
        # Not the table's name, but the one of its index; which is known only from the copy.
        refused = self.extract("--lsn", moment, "--table", "orders", "--rename", "orders=orders_then", *into, exit=contract.FAILED)
        self.assertIn("orders_then_pkey", refused.text)
        self.assertEqual([], source.execute("select 1 from pg_class where relname = 'orders_then'", database="shop"))

        report = self.extract("--lsn", moment, "--table", "orders", "--rename", "orders=orders_recovered", *into)
        self.assertNotIn("lines_orders_id_fkey", str(report["notes"]), "it points to the other orders")
        self.assertEqual(before, source.execute(CHECKSUM.format("orders_recovered"), database="shop"))
        self.assertEqual("public.orders_recovered", report["tables"][0]["as"])
        renamed = self.names(source, "orders_recovered")
        self.assertIn("index orders_recovered_pkey", renamed)
        self.assertIn("index orders_recovered_by_customer", renamed)
        self.assertIn("statistics orders_recovered_stats", renamed)
        self.assertEqual(hanging, self.names(source, "orders"))
        self.assertEqual("nextval('orders_recovered_id_seq'::regclass)", source.scalar(
            "select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'orders_recovered'::regclass and adnum = 1", database="shop"))
        self.assertEqual(5000, source.scalar("select last_value from orders_id_seq", database="shop"))

        # Into a schema that is not there yet, under its own name.
        self.extract("--lsn", moment, "--table", "orders", "--rename", "orders=then.orders", *into)
        self.assertEqual(before, source.execute(CHECKSUM.format("\"then\".orders"), database="shop"))

    def test_partitions_come_along(self):
        source = self.prepare(sql="""
            create table days (id int, day date, primary key (id, day)) partition by range (day);
            create table days_2025 partition of days for values from ('2025-01-01') to ('2026-01-01');
            create table days_2026 partition of days for values from ('2026-01-01') to ('2027-01-01') partition by hash (id);
            create table days_2026_0 partition of days_2026 for values with (modulus 2, remainder 0);
            create table days_2026_1 partition of days_2026 for values with (modulus 2, remainder 1);
            create index days_by_day on days (day);
            insert into days select i, date '2025-06-01' + i from generate_series(1, 500) i;""")
        before = source.execute(CHECKSUM.format("days"), database="shop")
        one = source.execute(CHECKSUM.format("days_2025"), database="shop")
        moment = self.moment(source)
        source.execute("delete from days", database="shop")
        self.wait_archived(source)
        into = ("--lsn", moment, "--into", self.conninfo(source))
        report = self.extract(*into, "--table", "days", "--rename", "days=days_then")
        self.assertEqual(before, source.execute(CHECKSUM.format("days_then"), database="shop"))
        self.assertEqual({"public.days_then_2025", "public.days_then_2026_0", "public.days_then_2026_1"}, {table["as"] for table in report["tables"]})
        self.assertEqual(500, sum(table["rows_arrived"] for table in report["tables"]))
        # One of them alone comes as a table of its own, and is told how to be attached.
        report = self.extract(*into, "--table", "days_2025", "--rename", "days_2025=lost")
        self.assertEqual(one, source.execute(CHECKSUM.format("lost"), database="shop"))
        attach = [note["statement"] for note in report["notes"] if "ATTACH PARTITION" in (note["statement"] or "")]
        self.assertEqual(["ALTER TABLE public.days ATTACH PARTITION public.lost FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"], attach)
        source.execute("drop table days_2025", database="shop")
        source.execute(attach[0], database="shop")

    SCHEMA = """
        create role app; create schema app authorization app; create schema other;
        create type app.mood as enum ('sad', 'happy'); create type other.size as enum ('s', 'm');
        create function app.twice(i int) returns int language sql immutable as 'select i * 2';
        create table app.people (id int generated always as identity primary key, mood app.mood default 'happy', twice int);
        create table app.pets (id int primary key, owner int not null references app.people deferrable, name text);
        create table app.toys (pet int references app.pets on delete cascade, name text, primary key (pet, name));
        create index on app.people (app.twice(id));
        create view app.owners as select p.id, count(*) from app.people p join app.pets t on t.owner = p.id group by 1;
        create materialized view app.happy as select id from app.people where mood = 'happy';
        insert into app.people (mood) select case i % 2 when 0 then 'sad'::app.mood else 'happy' end from generate_series(1, 300) i;
        insert into app.pets select i, i % 300 + 1, 'pet' || i from generate_series(1, 700) i;
        insert into app.toys select i, 'ball' from generate_series(1, 700) i;
        refresh materialized view app.happy;
        create table other.boxes (id int primary key, size other.size);
        insert into other.boxes values (1, 's');
        """

    def check_schema(self, source, schema, database="shop"):
        self.assertEqual((300, 700, 700, 150, 300), tuple(source.scalar(f"select count(*) from {schema}.{name}", database=database)
                                                          for name in ("people", "pets", "toys", "happy", "owners")))
        self.assertIn(source.scalar(f"insert into {schema}.people (mood) values ('sad') returning id", database=database), AHEAD_OF_300)
        with self.assertRaises(psycopg2.errors.ForeignKeyViolation):
            source.execute(f"insert into {schema}.pets values (9999, 9999, '')", database=database)
        self.assertEqual([("pets_owner_fkey", True, True), ("toys_pet_fkey", False, True)], source.execute(
            "select conname, condeferrable, convalidated from pg_constraint where contype = 'f' and connamespace = %s::regnamespace order by 1",
            (schema,), database=database))

    def test_a_schema_with_foreign_keys(self):
        source = self.prepare(sql=self.SCHEMA)
        moment = self.moment(source)
        source.execute("drop schema app cascade", database="shop")
        self.wait_archived(source)
        into = ("--lsn", moment, "--into", self.conninfo(source))
        self.extract(*into, "--schema", "app")
        self.check_schema(source, "app")
        self.assertEqual("app", source.scalar("select nspowner::regrole::text from pg_namespace where nspname = 'app'", database="shop"))
        refused = self.extract(*into, "--schema", "app", exit=contract.FAILED)
        self.assertIn("--rename app=app_recovered", refused.text)
        self.extract(*into, "--schema", "app", "--rename", "app=app_then")
        self.check_schema(source, "app_then")
        # One that is there, and empty, is filled.
        source.execute("drop schema app cascade; create schema app", database="shop")
        self.extract(*into, "--schema", "app")
        self.check_schema(source, "app")

    def test_what_is_missing_where_it_goes(self):
        source = self.prepare(sql=self.SCHEMA)
        moment = self.moment(source)
        self.wait_archived(source)
        target = self.create_server(options={"listen_addresses": ""})
        refused = self.extract("--lsn", moment, "--table", "other.boxes", "--into", target.conninfo(), exit=contract.FAILED)
        self.assertIn("other.size", refused.text)
        self.assertEqual([], target.execute("select 1 from pg_namespace where nspname = 'other'"))
        # Roles that are not there: told, and everything belongs to who brings it.
        report = self.extract("--lsn", moment, "--schema", "app", "--into", target.conninfo())
        self.check_schema(target, "app", "postgres")
        self.assertEqual("postgres", target.scalar("select nspowner::regrole::text from pg_namespace where nspname = 'app'"))
        self.assertTrue(any(note["text"].startswith("role app is not there") for note in report["notes"]), report["notes"])

    def test_rows_that_differ_leave_nothing(self):
        source = self.prepare()
        moment = self.moment(source)
        # Somebody's event trigger puts a trigger on every new table, and that one drops rows.
        source.execute("""
            create function skip() returns trigger language plpgsql as 'begin if new.id % 100 = 0 then return null; end if; return new; end';
            create function put() returns event_trigger language plpgsql as $$ begin
                execute 'create trigger skip before insert on public.orders_then for each row execute function public.skip()'; end $$;
            create event trigger put on ddl_command_end when tag in ('CREATE TABLE') execute function put();""", database="shop")
        self.wait_archived(source)
        failed = self.extract("--lsn", moment, "--table", "orders", "--rename", "orders=orders_then", "--into", self.conninfo(source), exit=contract.FAILED)
        self.assertIn("expected=5000, found=4950", failed.text.replace('"', ""). replace("\\", ""))
        self.assertEqual([], source.execute("select 1 from pg_class where relname like 'orders_then%%'", database="shop"))

    def test_files(self):
        source = self.prepare()
        before = source.execute(CHECKSUM.format("orders"), database="shop")
        moment = self.moment(source)
        source.execute("truncate orders, lines, customers", database="shop")
        self.wait_archived(source)
        place = self.directory / "out"
        place.mkdir()
        processes.own(place)

        report = self.extract("--lsn", moment, "--schema", "public", "--from-database", "shop", "--to", place / "sql")
        self.assertEqual([str(place / "sql/extract.sql")], report["files"])
        self.assertLessEqual({"app", "reader", "gone"}, set(report["roles"]))
        source.execute("create database copy template template0")
        subprocess.run([client_program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-d", self.conninfo(source, "copy"), "-f", report["files"][0]],
                       check=True, timeout=60, stdout=subprocess.DEVNULL)
        self.assertEqual(before, source.execute(CHECKSUM.format("orders"), database="copy"))
        self.assertIn(source.scalar("select nextval('orders_id_seq')", database="copy"), AHEAD_OF_5000)
        refused = self.extract("--lsn", moment, "--table", "orders", "--to", place / "sql", exit=contract.FAILED)
        self.assertIn("not empty", refused.text)

        report = self.extract("--lsn", moment, "--table", "orders", "--format", "csv", "--to", place / "csv")
        with open(place / "csv/public.orders.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual((5000, 5000), (len(rows), report["tables"][0]["rows_arrived"]))
        self.assertEqual("line\n\"17\"\t\\", rows[16]["note"])

        report = self.extract("--lsn", moment, "--query", "select id, note from orders where id <= 3 order by id -- the first\n;", "--to", place / "query")
        with open(place / "query/query.csv", newline="") as file:
            self.assertEqual([["id", "note"], *[[str(i), f"line\n\"{i}\"\t\\"] for i in (1, 2, 3)]], list(csv.reader(file)))
        self.assertEqual(3, report["tables"][0]["rows_arrived"])
        failed = self.extract("--lsn", moment, "--query", "select nothing from nowhere", "--to", place / "bad", exit=contract.FAILED)
        self.assertIn("nowhere", failed.text)
        self.assertEqual([], list((place / "bad").iterdir()))

    def test_a_database(self):
        source = self.prepare(sql=SHOP + "select lo_from_bytea(4242, convert_to(repeat('large object ', 1000), 'UTF8')); alter database shop set work_mem = '7MB';"
                                         "alter database shop set default_transaction_read_only = on;"
                                         "create schema app; create view app.v as select * from customers; grant connect on database shop to reader")
        before = source.execute(CHECKSUM.format("orders"), database="shop")
        moment = self.moment(source)
        source.execute("drop database shop")
        source.execute("create database pgrecall_extract_deadbeef")  # what a run that was killed would leave
        self.wait_archived(source)
        into = ("--lsn", moment, "--database", "shop", "--into", source.conninfo())
        report = self.extract(*into)
        self.assertEqual("shop", report["into_database"])
        self.assertEqual(before, source.execute(CHECKSUM.format("orders"), database="shop"))
        self.assertEqual(100, source.scalar("select count(*) from app.v", database="shop"))
        self.assertEqual("large object " * 1000, source.scalar("select convert_from(lo_get(4242), 'UTF8')", database="shop"))
        self.assertEqual("7MB", source.scalar("show work_mem", database="shop"))
        self.assertEqual([("postgres",), ("shop",)], source.execute("select datname from pg_database where datname !~ '^template' order by 1"))
        refused = self.extract(*into, exit=contract.FAILED)
        self.assertIn("--rename shop=shop_recovered", refused.text)
        self.extract(*into, "--rename", "shop=shop_then")
        self.assertEqual(before, source.execute(CHECKSUM.format("orders"), database="shop_then"))

    def test_what_was_not_there(self):
        source = self.prepare()
        early = self.moment(source)
        source.execute("create table late (i int)")
        source.execute("create database other")
        source.execute("create table orders (i int)", database="other")
        moment = self.moment(source)
        self.wait_archived(source)
        into = ("--into", self.conninfo(source))
        missing = self.extract("--lsn", early, "--table", "late", *into, exit=contract.TARGET_UNREACHABLE)
        self.assertIn("pgrecall wal events prod", missing.text)
        missing = self.extract("--lsn", early, "--table", "public.oders", *into, exit=contract.TARGET_UNREACHABLE)
        self.assertIn("did you mean public.orders?", missing.text)
        missing = self.extract("--lsn", early, "--schema", "pulbic", *into, exit=contract.TARGET_UNREACHABLE)
        self.assertIn('did you mean "public"?', missing.json()["error"]["hint"])
        missing = self.extract("--lsn", early, "--database", "shpo", "--into", source.conninfo(), exit=contract.TARGET_UNREACHABLE)
        self.assertIn('did you mean "shop"?', missing.json()["error"]["hint"])
        missing = self.extract("--lsn", early, "--table", "orders", "--from-database", "other", "--rename", "orders=x", *into, exit=contract.TARGET_UNREACHABLE)
        several = self.extract("--lsn", moment, "--table", "orders", "--rename", "orders=x", *into, exit=contract.USAGE)
        self.assertIn("--from-database", several.text)
        self.extract("--lsn", moment, "--table", "orders", "--rename", "orders=x", "--from-database", "other", *into)
        self.assertEqual(0, source.scalar("select count(*) from x", database="shop"))
        for arguments in (("--table", "a", *into), ("--latest", *into), ("--latest", "--table", "a"), ("--latest", "--query", "select 1", *into),
                          ("--latest", "--table", "a", "--rename", "b=c", *into), ("--latest", "--table", "a", "--into", "host=x password=secret"),
                          ("--latest", "--table", "a", "--schema", "b", *into), ("--latest", "--table", "a", "--format", "csv", *into)):
            self.extract(*arguments, exit=contract.USAGE)

    def scratch_server(self):
        """(directory, pid) of the scratch server that lets queries in."""
        for pid_file in self.scratch.glob("*/data/postmaster.pid"):
            lines = pid_file.read_text().split("\n")
            if len(lines) > 7 and lines[7].strip() == "ready":
                return pid_file.parents[1], int(lines[0])
        return None

    def is_gone(self, pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    def test_killed_in_the_midst(self):
        source = self.prepare()
        before = source.execute(CHECKSUM.format("orders"), database="shop")
        moment = self.moment(source)
        self.wait_archived(source)
        arguments = ("--lsn", moment, "--table", "orders", "--rename", "orders=orders_then", "--into", self.conninfo(source))
        # Somebody is about to take the name: the extract, which is in the midst of its transaction then, waits for that one.
        other = source.connect("shop")
        other.autocommit = False
        other.cursor().execute("create table orders_then (i int)")
        process = self.runner.start(*self.arguments(*arguments), user="postgres")
        source.wait_for(lambda: source.scalar("select count(*) from pg_locks where not granted") > 0, "the extract to wait", 60)
        scratch, pid = self.scratch_server()
        self.runner.kill(process)
        other.rollback()
        other.close()
        source.wait_for(lambda: self.is_gone(pid), "the scratch server to end")
        source.wait_for(lambda: source.scalar("select count(*) from pg_stat_activity where application_name = 'pgrecall extract'") == 0, "the session to end")
        self.assertEqual([], source.execute("select 1 from pg_class where relname like 'orders_then%%'", database="shop"))
        self.assertEqual([scratch], list(self.scratch.iterdir()))
        self.extract(*arguments)  # cleans up, too
        self.assertEqual(before, source.execute(CHECKSUM.format("orders_then"), database="shop"))

    def test_cancelled(self):
        source = self.prepare()
        moment = self.moment(source)
        self.wait_archived(source)
        process = self.runner.start(*self.arguments("--lsn", moment, "--query", "select pg_sleep(600)", "--to", self.scratch.parent / "tool15/out"), user="postgres")
        source.wait_for(lambda: self.scratch_server() is not None, "the scratch server to be open", 60)
        _, pid = self.scratch_server()
        process.terminate()
        self.runner.finish(process, exit=contract.CANCELLED)
        self.assertTrue(self.is_gone(pid))
        self.assertEqual([], list(self.scratch.iterdir()))
        self.assertEqual([], list((self.scratch.parent / "tool15/out").iterdir()))

    def check_version(self, major):
        source = self.prepare(major)
        before = source.execute(CHECKSUM.format("orders"), database="shop")
        moment = self.moment(source)
        source.execute("drop table orders cascade", database="shop")
        self.wait_archived(source)
        place = self.directory / f"out{major}"
        place.mkdir()
        processes.own(place)
        self.extract("--lsn", moment, "--table", "orders", "--format", "csv", "--to", place / "csv")
        source.execute("create table orders_then (id int, customer int, amount numeric(10, 2), placed timestamptz, note text)", database="shop")
        with source.connect("shop") as connection, open(place / "csv/public.orders.csv") as file:
            connection.cursor().copy_expert("copy orders_then from stdin (format csv, header)", file)
        connection.close()
        self.assertEqual(before, source.execute(
            CHECKSUM.format("(select id, customer, amount, placed, amount * 2 as doubled, note from orders_then)"), database="shop"))
        if major <= versions.DEBIAN_MAJOR:  # whose pg_dump reads older servers, too
            self.extract("--lsn", moment, "--table", "orders", "--into", self.conninfo(source))
            self.assertEqual(before, source.execute(CHECKSUM.format("orders"), database="shop"))
        else:
            refused = self.extract("--lsn", moment, "--table", "orders", "--into", self.conninfo(source), exit=contract.FAILED)
            self.assertIn(f"postgresql-client-{major}", refused.text)

    def test_versions(self):
        for major in versions.MAJORS:
            with self.subTest(major=major):
                self.check_version(major)


main()
