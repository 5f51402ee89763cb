#!/usr/bin/python3
"""The harness itself: what it is to notice, it notices. A check that cannot fail would let every other test pass."""

import pathlib
import struct

from harness import IntegrationTest, Load, amcheck, broken_invariants, broken_pages, difference, dump_everything, installed_versions, main
from harness.checks import PAGE_SIZE, page_checksum
from harness.pooler import Pooler
from harness.proxy import Proxy
from harness.versions import DEBIAN_MAJOR

import psycopg2


class Harness(IntegrationTest):
    needs_binary = False

    def flip(self, server, relation, block):
        server.stop()
        with open(server.data / relation, "r+b") as file:
            file.seek(block * PAGE_SIZE + 5000)
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 1]))

    def test_broken_pages_are_found(self):
        for version in (one for one in installed_versions() if one.major in (13, DEBIAN_MAJOR, 18)):
            with self.subTest(major=version.major):
                server = self.create_server(version.major)
                server.fill(2)
                relation = server.scalar("select pg_relation_filepath('filler')")
                server.stop()
                self.assertEqual([], broken_pages(version, server.data, page_limit=400))
                self.flip(server, relation, 3)
                found = broken_pages(version, server.data, page_limit=1 << 30)
                self.assertIn(relation, str(found))

    def test_page_checksum_is_that_of_postgres(self):
        server = self.create_server()
        server.fill(1)
        path = server.data / server.scalar("select pg_relation_filepath('filler')")
        server.stop()
        page = path.read_bytes()[5 * PAGE_SIZE : 6 * PAGE_SIZE]
        stored = struct.unpack_from("<H", page, 8)[0]
        self.assertEqual(stored, page_checksum(page, 5))
        self.assertNotEqual(stored, page_checksum(page, 6))

    def test_digest_notices_one_changed_value_and_one_byte_of_a_large_object(self):
        server = self.create_server()
        server.fill(1)
        document = server.scalar("select lo_from_bytea(0, 'abc')")
        before = dump_everything(server)
        self.assertEqual([], difference(before, dump_everything(server)))
        server.execute("update filler set i = -1 where i = 5")
        self.assertTrue(any("public.filler" in line for line in difference(before, dump_everything(server))))
        before = dump_everything(server)
        server.execute(f"select lo_put({document}, 1, 'X')")
        self.assertTrue(any("pg_largeobject" in line for line in difference(before, dump_everything(server))))
        before = dump_everything(server)
        server.execute("create database another")
        self.assertTrue(any(line.startswith("another: ") for line in difference(before, dump_everything(server))))

    def test_load_keeps_its_invariants_over_a_crash_and_their_breach_is_noticed(self):
        server = self.create_server()
        with Load(server).prepare() as load:
            load.wait_for_commits(300)
        server.crash()
        server.start()
        self.assertEqual([], broken_invariants(server))
        churned = server.scalar("select name from churn where rows > 1 order by name limit 1")
        for breach in (
            "update account set balance = balance + 1 where id = 7",
            "delete from pair_left where tx = (select min(tx) from pair_left)",
            "update pair_right set payload = 'x' where tx = (select max(tx) from pair_right)",
            f"delete from {churned} where id = (select min(id) from {churned})",
            f"update {churned} set payload = 'x' where id = (select max(id) from {churned})",
            f"drop table {churned}",
            "create table churn_unregistered ()",
            "select lo_unlink(min(id)) from document",
            "select lo_put(max(id), 0, 'changed') from document",
            "insert into scratch values (1, 'survived')",
        ):
            with self.subTest(breach=breach):
                before = set(broken_invariants(server))
                server.execute(breach)
                self.assertTrue(set(broken_invariants(server)) - before)

    def test_amcheck_notices_a_broken_index(self):
        server = self.create_server(checksums=False)
        server.execute("create table t as select i from generate_series(1, 5000) i; create index on t (i); checkpoint")
        relation = server.scalar("select pg_relation_filepath('t_i_idx')")
        amcheck(server)
        server.stop()
        with open(server.data / relation, "r+b") as file:
            file.seek(2 * PAGE_SIZE - 16)  # a key of the first leaf page
            file.write(bytes([255] * 8))
        server.start()
        self.assertRaises(AssertionError, amcheck, server)

    def test_proxy_cuts_connections(self):
        server = self.create_server()
        proxy = Proxy(server, self.directory / "proxy")
        self.addCleanup(proxy.close)
        connection = psycopg2.connect(host=str(proxy.directory), user="postgres")
        with connection.cursor() as cursor:
            cursor.execute("select repeat('x', 100000)")
        self.assertGreater(proxy.bytes_from_server, 100000)
        proxy.cut()
        with self.assertRaises(psycopg2.OperationalError), connection.cursor() as cursor:
            cursor.execute("select 1")
        connection.close()

    def test_removed_servers_leave_nothing_behind(self):
        server = self.create_server()
        process_id = server.process.pid
        server.remove()
        self.assertFalse(pathlib.Path(f"/proc/{process_id}").exists())
        self.assertFalse(server.data.exists())

    def pooler(self, **options):
        server = self.create_server(start=False)
        server.listen_tcp()
        server.start()
        server.pg_hba("local all all trust", "host all all 127.0.0.1/32 scram-sha-256")
        server.execute("alter role postgres password 'secret'")
        pooler = Pooler(server, **options)
        self.addCleanup(pooler.close)
        return pooler

    def connect(self, pooler, **options):
        connection = psycopg2.connect(pooler.conninfo(**options), password="secret")
        connection.autocommit = True
        self.addCleanup(connection.close)
        return connection.cursor()

    def ask(self, cursor, query="select pg_backend_pid()"):
        cursor.execute(query)
        return cursor.fetchone()[0]

    def test_session_pooler_keeps_sessions_and_knows_no_replication(self):
        pooler = self.pooler()
        first, second = self.connect(pooler, replication="database"), self.connect(pooler)
        self.assertEqual(1, len({self.ask(first) for _ in range(3)}))
        self.assertNotEqual(self.ask(first), self.ask(second))
        with self.assertRaises(psycopg2.errors.SyntaxError):  # 42601
            first.execute("IDENTIFY_SYSTEM")
        self.assertEqual([("postgres", True)] * 2, [(login.user, login.accepted) for login in pooler.logins])

    def test_transaction_pooler_keeps_transactions_only(self):
        pooler = self.pooler(mode="transaction")
        first, second = self.connect(pooler), self.connect(pooler)
        self.assertEqual(2, len({self.ask(first) for _ in range(4)}))
        first.execute("begin")
        held = self.ask(first)
        self.assertEqual(1, len({held, *(self.ask(first) for _ in range(3))}))
        self.assertNotIn(held, {self.ask(second) for _ in range(3)})
        first.execute("commit")

    def test_pooler_counts_every_login_that_was_refused(self):
        pooler = self.pooler()
        for _ in range(2):
            with self.assertRaises(psycopg2.OperationalError):
                psycopg2.connect(pooler.conninfo(), password="wrong")
        pooler.refusal = ("XX000", "Tenant or user not found")
        with self.assertRaisesRegex(psycopg2.OperationalError, "Tenant or user not found"):
            self.connect(pooler)
        self.assertEqual(["28P01", "28P01", "XX000"], [login.refused_with for login in pooler.logins])


if __name__ == "__main__":
    main()
