#!/usr/bin/python3
"""Every command of docs/recovery and of the other pages for bad days, as it stands there and in that order, on a machine that is in
the state that the page is about. The machines have followed docs/operations.md before.

PGRECALL_WRITE_PAGES=1 writes into the pages what the commands print."""

import atexit
import json
import pathlib
import re
import shutil
import tempfile

from harness import IntegrationTest, case, main, pages, processes
from harness.machine import Machine
from harness.pages import BACKUP_ID, WRITE, Page

DOCS = pathlib.Path(__file__).parents[2] / "docs"
CUSTOMERS = 2000
SHOP = f"""
    create table customers (id int primary key, name text not null);
    create table orders (id bigint generated always as identity primary key, customer int not null references customers, placed timestamptz not null);
    insert into customers select n, md5(n::text) from generate_series(1, {CUSTOMERS}) n;
    create index customers_name on customers (name);
    analyze;
"""
ORDERS = f"insert into orders (customer, placed) select 1 + n % {CUSTOMERS}, clock_timestamp() from generate_series(1, 3000) n"
SET_UP = "set-up"
DATA = "/var/lib/postgresql/15/main"


def anchors(text):
    """Of a page's headings, as they are made where Markdown is shown."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", plain, re.MULTILINE)]


class RecoveryDocs(IntegrationTest):
    """One test a page. `base` is the disk of a machine that was set up by docs/operations.md, runs a shop, and has a first backup."""

    base = None

    @classmethod
    def base_disk(cls):
        if cls.base is None:
            directory = pathlib.Path(tempfile.mkdtemp(prefix="pgr-", dir=case._base_directory()))
            directory.chmod(0o755)
            atexit.register(shutil.rmtree, directory, ignore_errors=True)
            machine = Machine(directory / "disk").power_on()
            try:
                machine.do("apt install postgresql-15 && runuser -u postgres -- createdb shop")
                machine.sql(SHOP)
                machine.sql(ORDERS)
                page = Page(DOCS / "operations.md")
                cls().follow(machine, page, SET_UP)
                machine.do("systemctl stop pgrecall && systemctl stop postgresql@15-main")
            finally:
                machine.power_off()
            RecoveryDocs.base = directory / "disk"
        return cls.base

    def boot(self, disk, name="db1"):
        machine = Machine(disk, name)
        self.addCleanup(machine.power_off)
        return machine.power_on()

    def shop(self):
        """The machine of the shop, which sells; what it sold by now is received and backed up."""
        disk = self.base_disk()
        machine = self.boot(self.copy(disk))
        machine.do("systemctl start postgresql@15-main && systemctl start pgrecall")
        machine.sql(ORDERS)
        return machine

    def copy(self, directory, to=None):
        self.copies = getattr(self, "copies", 0) + 1
        to = to or self.directory / f"machine{self.copies}"
        processes.run(["cp", "-a", directory, to])
        return to

    # Pages.

    def try_page(self, path):
        page = Page(DOCS / path)
        machine = None
        for state in page.states:
            if state == SET_UP:
                continue  # that is where every machine comes from
            if machine:
                machine.power_off()
            machine = getattr(self, state.replace("-", "_"))()
            self.follow(machine, page, state)
            getattr(self, f"after_{state.replace('-', '_')}", lambda _: None)(machine)

    def follow(self, machine, page, state):
        """What the page says from this state on, up to the next."""
        steps = iter(page.steps)
        next(step for step in steps if step == ("state", state))
        for kind, *what in steps:
            if kind == "state":
                break
            if kind == "moment":
                self.meanings = {what[0]: self.now}
                page.moments.update(self.meanings)
            elif kind == "file":
                (machine.disk / what[0].lstrip("/")).write_text(what[1])
            else:
                self.try_command(machine, page, *what)
        if WRITE:
            page.write()

    def try_command(self, machine, page, command):
        command.text = self.as_it_is_now(command.text)
        code, out, err = machine.run(command.text)
        said = [line for line in err.splitlines() if line.startswith(("pgrecall: ", "hint: ", "ERROR: ", "psql: "))]
        output = [pages.shortened(line.replace("/usr/local/bin/pgrecall", "/usr/bin/pgrecall")) for line in [*out.splitlines(), *said]]
        told = f"{page.name}: {command.prompt} {command.text}\n{out}{err}"
        if WRITE and not command.shown:
            print(told)
        telling = command.text.startswith(("pgrecall status", "pgrecall wal status")) and code == 3  # alerts come and go
        command.printed = pages.kept(output, command.shown, 0 if telling else code)
        if WRITE and code and command.prompt == "#":
            self.fail(told)
        if WRITE:
            return
        self.assertEqual(code if telling else command.expected_exit, code, told)
        self.assertIsNone(pages.missing_from(output, command.shown), told)

    def as_it_is_now(self, text):
        for shown, now in getattr(self, "meanings", {}).items():
            text = text.replace(shown, now)
        return text

    # Moments.

    def let_a_second_pass(self, machine):
        """A whole second with nothing around it: the page's moment."""
        last = machine.sql("select clock_timestamp()")
        whole = f"date_trunc('second', timestamptz '{last}') + interval '1 s'"
        machine.wait_for(lambda: machine.sql(f"select clock_timestamp() > {whole}") == "t", "a second to pass")
        self.now = machine.sql(f"select to_char({whole}, 'YYYY-MM-DD HH24:MI:SS') || ' UTC'")

    @staticmethod
    def is_received(machine):
        """All that was committed by now is safe with the receiver."""
        return machine.sql("select bool_and(flush_lsn >= pg_current_wal_flush_lsn()) from pg_stat_replication where application_name = 'pgrecall'") == "t"

    @staticmethod
    def is_stored(machine):
        """All that was committed by now is in the repository, and is known to be recoverable."""
        [cluster] = json.loads(machine.do("pgrecall wal status shop --output json", exits=(0, 3)))["clusters"]
        return cluster["windows"] and machine.sql(f"select '{cluster['windows'][-1]['until_lsn']}'::pg_lsn >= pg_current_wal_flush_lsn()") == "t"

    # States, each of a machine of its own, and what holds when the page has been followed to its end.

    def sold(self, machine):
        return machine.sql("select count(*), sum(id), max(placed) from orders")

    def server_lost(self, gone="base/* global/pg_control"):
        machine = self.shop()
        self.expected = self.sold(machine)
        machine.wait_for(lambda: self.is_received(machine), "the WAL to be received")
        machine.do(f"systemctl stop postgresql@15-main; cd {DATA} && rm -r {gone}")
        return machine

    def server_half_lost(self):
        return self.server_lost("base/5 pg_xact")

    def after_server_lost(self, machine):
        self.assertEqual(self.expected, self.sold(machine))
        self.assert_guarded(machine)

    after_server_half_lost = after_server_lost

    def burned(self):
        """Nothing is left of the shop's machine but its repository and a copy of the key; a new machine is bought."""
        machine = self.shop()
        self.expected = self.sold(machine)
        machine.wait_for(lambda: self.is_stored(machine), "the WAL to be stored")
        machine.power_off()
        bare = self.boot(self.directory / "bare", name="db2")
        self.assertEqual("", bare.do("ls /etc/postgresql /var/lib/postgresql /srv; ls -d /etc/pgrecall /usr/local/bin/pgrecall 2>/dev/null || true").replace(
            "/etc/postgresql:\n\n/srv:\n\n/var/lib/postgresql:\n", ""))
        self.copy(machine.disk / "srv/backup", bare.disk / "srv/backup")
        shutil.copy(machine.disk / "etc/pgrecall/main.key", bare.disk / "media/usb/main.key")
        # Until a new machine stands there, the leases of the old one have run out.
        shutil.rmtree(bare.disk / "srv/backup/leases")
        bare.do("chown -R nobody:nogroup /srv/backup && chmod -R go= /srv/backup")
        shutil.rmtree(machine.disk)
        return bare

    def after_burned(self, machine):
        self.assertEqual(self.expected, self.sold(machine))
        self.assert_guarded(machine)

    def assert_guarded(self, machine):
        """What is sold from now on is received, on the timeline of the restored server, and the newest backup is of it."""
        machine.sql(ORDERS)
        machine.wait_for(lambda: self.is_stored(machine), "the new timeline's WAL to be stored")
        timeline = machine.sql("select timeline_id from pg_control_checkpoint()")
        self.assertGreater(int(timeline), 1)
        newest = json.loads(machine.do("pgrecall show shop latest --output json"))["backup"]
        self.assertEqual(int(timeline), newest["timeline"])
        into = "/var/lib/postgresql/15/proof"
        machine.do(f"pgrecall restore shop --latest --into {into} --start --set port=5499 --set listen_addresses=''")
        self.assertEqual(self.sold(machine), machine.sql("select count(*), sum(id), max(placed) from orders", port=5499))

    def mistake(self, harm="update customers set name = 'Bobby Tables'"):
        machine = self.shop()
        self.expected = self.sold(machine), self.customers(machine)
        self.let_a_second_pass(machine)
        for statement in harm.split(";"):
            machine.sql(statement)
        machine.sql("insert into orders (customer, placed) select 1 + n % 6, clock_timestamp() from generate_series(1, 3000) n")
        machine.wait_for(lambda: self.is_stored(machine), "the WAL to be stored")
        return machine

    def customers(self, machine):
        return machine.sql("select count(*), md5(string_agg(id || name, ',' order by id)) from customers")

    def after_mistake(self, machine):
        self.assertEqual(self.expected, (self.sold(machine), self.customers(machine)))
        self.assert_guarded(machine)

    def dropped_table(self):
        return self.mistake("drop table customers cascade")

    def after_dropped_table(self, machine):
        self.assertEqual(self.expected[1], self.customers(machine))
        self.assertNotEqual(self.expected[0], self.sold(machine), "orders that came since are lost")
        self.assertEqual("2", machine.sql("select count(*) from pg_constraint where confrelid = 'customers'::regclass or "
                                          "(conrelid = 'customers'::regclass and contype = 'p')"))

    def deleted_rows(self):
        return self.mistake("delete from orders where customer % 7 = 0; delete from customers where id % 7 = 0")

    def after_deleted_rows(self, machine):
        self.assertEqual(self.expected[1], self.customers(machine))

    def bad_table(self):
        machine = self.shop()
        self.expected = self.customers(machine)
        self.let_a_second_pass(machine)
        machine.sql(ORDERS)
        machine.wait_for(lambda: self.is_stored(machine), "the WAL to be stored")
        self.damage(machine, "customers", 3, b"nobody wrote this")
        return machine

    def damage(self, machine, relation, block, text):
        path = machine.disk / DATA.lstrip("/") / machine.sql(f"select pg_relation_filepath('{relation}')")
        machine.do("systemctl stop postgresql@15-main")
        with open(path, "r+b") as file:
            file.seek(block * 8192 + 4000)
            file.write(text)
        machine.do("systemctl start postgresql@15-main")

    def after_bad_table(self, machine):
        self.assertEqual(self.expected, self.customers(machine))

    def bad_index(self):
        """As after a change of the collation: the index knows nothing of a row that the table has."""
        machine = self.shop()
        machine.sql("update pg_index set indisready = false where indexrelid = 'customers_name'::regclass")
        machine.sql("insert into customers values (9999, 'Little Bobby')")
        machine.sql("update pg_index set indisready = true where indexrelid = 'customers_name'::regclass")
        return machine

    def after_bad_index(self, machine):
        self.assertEqual("9999", machine.sql("set enable_seqscan = off; select id from customers where name = 'Little Bobby'"))

    def damaged_repository(self):
        machine = self.shop()
        machine.do("pgrecall backup shop")
        newest = max((machine.disk / "srv/backup/clusters/shop/packs").glob("*/*"), key=lambda path: path.stat().st_size)
        with open(newest, "r+b") as file:
            file.seek(newest.stat().st_size // 3)
            file.write(b"the disk was not well")
        return machine

    def failed_upgrade(self):
        machine = self.shop()
        machine.do("pgrecall backup shop")
        machine.sql("select pg_create_restore_point('before_upgrade')")
        self.expected = self.sold(machine), self.customers(machine)
        machine.sql("alter table customers rename column name to nmae")
        machine.sql("truncate orders")
        machine.wait_for(lambda: self.is_stored(machine), "the WAL to be stored")
        return machine

    def after_failed_upgrade(self, machine):
        self.assertEqual(self.expected, (self.sold(machine), self.customers(machine)))
        self.assert_guarded(machine)

    def upgraded(self):
        machine = self.shop()
        machine.do("systemctl stop pgrecall; systemctl stop postgresql@15-main; pg_dropcluster 15 main; apt install postgresql-15")
        machine.do("runuser -u postgres -- psql -c \"create role pgrecall login replication password 'correct-horse'\"")
        machine.do("runuser -u postgres -- createdb shop")
        machine.do("systemctl start pgrecall")
        return machine

    def after_upgraded(self, machine):
        machine.sql("create table sales as select 1")
        machine.wait_for(lambda: self.is_stored(machine), "the new system's WAL to be stored")
        [cluster] = json.loads(machine.do("pgrecall wal status shop --output json"))["clusters"]
        self.assertEqual((1, 1, []), (len(cluster["windows"]), len(cluster["earlier_systems"]), cluster["gaps"]))

    def backup_host_lost(self):
        """Spool, state, configuration and program are gone; the server kept on selling."""
        machine = self.shop()
        machine.wait_for(lambda: self.is_received(machine), "the WAL to be received")
        shutil.copy(machine.disk / "etc/pgrecall/main.key", machine.disk / "media/usb/main.key")
        machine.do("kill -9 $(cat /run/pgrecall.pid); rm -r /run/pgrecall.pid /etc/pgrecall /var/lib/pgrecall /usr/local/bin/pgrecall /srv/backup/leases")
        machine.sql(ORDERS)
        return machine

    def after_backup_host_lost(self, machine):
        machine.wait_for(lambda: self.is_stored(machine), "the WAL to be stored")
        [cluster] = json.loads(machine.do("pgrecall wal status shop --output json"))["clusters"]
        self.assertEqual((1, [], []), (len(cluster["windows"]), cluster["gaps"], cluster["warnings"]))

    def repository_lost(self):
        machine = self.shop()
        machine.do("mkdir /srv/other && find /srv/backup -mindepth 1 -delete")
        return machine

    def test_disaster_recovery(self):
        self.try_page("disaster-recovery.md")

    def test_policy_and_window(self):
        self.try_page("retention-policy.md")
        self.try_page("recovery-window.md")

    def test_links_lead_somewhere(self):
        for path in [*DOCS.glob("*.md"), *DOCS.glob("*/*.md")]:
            for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", path.read_text()):
                with self.subTest(page=path.name, target=target, anchor=anchor):
                    page = path.parent / target if target else path
                    self.assertTrue(page.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(page.read_text()))

    def test_operations(self):
        self.try_page("operations.md")

    def test_complete_restore(self):
        self.try_page("recovery/complete-restore.md")

    def test_point_in_time(self):
        self.try_page("recovery/point-in-time.md")

    def test_partial_recovery(self):
        self.try_page("recovery/partial-recovery.md")

    def test_new_host(self):
        self.try_page("recovery/new-host.md")

    def test_corruption(self):
        self.try_page("recovery/corruption.md")

    def test_failed_upgrade(self):
        self.try_page("recovery/failed-upgrade.md")


if __name__ == "__main__":
    main()
