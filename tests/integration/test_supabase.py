#!/usr/bin/python3
"""A self-hosted Supabase as its image makes it is backed up, recovered, drilled and extracted from: nothing is edited on the server,
and the role may do no more than log in and replicate."""

import csv
import os

from harness import IntegrationTest, contract, main, processes, supabase, tool, versions
from harness.daemon import NEVER, Daemon
from harness.receiver import Receiver

USERS = "select count(*) from auth.users"


class SelfHosted(IntegrationTest):
    def prepare(self, major):
        """Server and runner, whose every file is user postgres': that one runs everything here, as the copies' servers run as nobody else."""
        self.source = supabase.new(self, major)
        self.runner = self.pgrecall()
        self.scratch = self.mkdir("scratch")
        password = self.runner.directory / "password"
        password.write_text("backup secret\n")
        password.chmod(0o600)
        self.runner.settings["scratch"] = str(self.scratch)
        self.runner.cluster("prod", self.source.published(), password_file=str(password), schedule=NEVER,
                            drill={"binaries": [str(self.source.version.bin)],
                                   "queries": {"everybody": {"query": USERS, "expect": "= 500"},
                                               "every-face": {"query": "select count(*) from storage.objects", "expect": "= 500"}}})
        self.give_away()
        return self.source, self.runner

    def give_away(self):
        for path in [self.scratch, self.runner.directory, *self.runner.directory.rglob("*")]:
            processes.own(path)

    def receive(self):
        return Receiver(self.runner, self.source, user="postgres").start()

    def receive_by_daemon(self):
        program = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--", tool.BINARY, "daemon"]
        daemon = Daemon(self.runner, program=program).configure()
        self.give_away()
        before = os.umask(0)  # the socket that the daemon tells it is ready is root's
        try:
            daemon.start(wait=False)
        finally:
            os.umask(before)
        self.addCleanup(daemon.remove)
        daemon.wait_for(lambda: "READY=1" in daemon.notifications(), "the daemon to be ready")
        return daemon.wait_until_streaming()

    def run_as_postgres(self, *arguments, password="backup secret", **options):
        return self.runner.run(*arguments, user="postgres", environment={"PGPASSWORD": password}, **options)

    def happen(self):
        """A day: users come, one loses points, everything goes wrong. Returns the moment before that, and how everything was."""
        source = self.source
        source.execute("insert into auth.users (id, email, raw_user_meta_data) values (md5('late')::uuid, 'late@example.com', '{\"name\": \"late\"}')")
        source.execute("update public.profiles set points = 7 where username = 'user 1'")
        source.execute("delete from auth.users where email = 'user500@example.com'")
        before = supabase.shape(source)
        moment = source.scalar("select clock_timestamp()").isoformat()
        source.execute("select pg_sleep(0.01)")
        source.execute("delete from auth.users where email like 'user1%'; drop policy \"Own folder\" on storage.objects")
        source.execute("drop trigger on_auth_user_created on auth.users; revoke select on storage.objects from anon")
        source.execute("drop table public.notes, public.profiles cascade; drop schema inventory cascade")
        return moment, before

    def archive_all(self):
        """Until all that was written so far is in the repository."""
        file = self.source.scalar("select pg_walfile_name(pg_switch_wal())")
        self.source.wait_for(lambda: any(self.runner.repository.rglob(f"*{file}*")), f"{file} to be stored")

    def everything(self, major, receive):
        source, runner = self.prepare(major)
        checked = self.run_as_postgres("check", "prod", exit=(contract.DONE, contract.WARNINGS))
        self.assertIn("replication=database", checked.text)
        receiver = receive()
        self.run_as_postgres("backup", "prod", exit=(contract.DONE, contract.WARNINGS))
        moment, before = self.happen()
        self.archive_all()
        lost = supabase.difference(before, supabase.shape(source))  # the comparison sees what went wrong
        for what in ("rows of auth.users: missing", "policies: missing", "triggers: missing", "relations: missing ('storage.objects'"):
            self.assertTrue(any(line.startswith(what) for line in lost), what)

        copy = self.recover(moment)
        self.assertEqual([], supabase.difference(before, supabase.shape(copy)))
        self.look_as_users_do(copy)
        copy.stop()

        self.drill(moment)
        bring_back = self.bring_tables_back if major == versions.DEBIAN_MAJOR else self.bring_rows_back
        bring_back(moment, before)
        receiver.stop()

    def drill(self, moment):
        """It starts without Supabase's libraries and finds auth and storage whole; that a function needs one of these is all it has to say."""
        drill = self.run_as_postgres("drill", "prod", "--at", moment, "--no-daemon", "--output", "json", exit=contract.FAILED).json()["drill"]
        states = {check["what"]: check["state"] for check in drill["checks"]}
        for what in ("target", "catalogs", "files", "amcheck", "query everybody", "query every-face"):
            self.assertEqual("good", states[what], drill)
        bad = [check["detail"] for check in drill["checks"] if check["state"] == "bad"]
        self.assertEqual(1, len(bad), drill)
        self.assertRegex(bad[0], "library is missing on this host: supabase_vault,.* vault.touched")

    def extract(self, moment, *arguments):
        self.run_as_postgres("extract", "prod", "--at", moment, *arguments, "--scratch", self.scratch, "--binaries", self.source.version.bin,
                             password="postgres secret")
        self.assertEqual([], [path for path in self.scratch.iterdir() if path.name != "logs"])

    def bring_tables_back(self, moment, before):
        """By Supabase's `postgres`, who is no superuser, into the server that runs."""
        for what in (("--table", "public.profiles"), ("--schema", "inventory")):
            self.extract(moment, *what, "--into", self.source.published("postgres"))
        after = supabase.shape(self.source)
        for what in ("rows of public.profiles", "rows of inventory.items"):
            self.assertEqual(before[what], after[what])
        ours = lambda found, what: [line for line in found[what] if "inventory" in line or "profiles" in line]
        for what in ("relations", "columns", "policies", "schemas"):
            self.assertEqual(ours(before, what), ours(after, what))

    def bring_rows_back(self, moment, before):
        """Into files: pg_dump of this version is none of Debian's."""
        for option, name, table in (("--table", "public.profiles", "public.profiles"), ("--schema", "inventory", "inventory.items")):
            into = processes.own(self.mkdir(name))
            self.extract(moment, option, name, "--format", "csv", "--to", into)
            with open(into / f"{table}.csv", newline="") as file:
                found = [row for row in csv.reader(file) if row[0] != "id"]
            self.assertEqual(sorted(csv.reader(row[1:-1] for row in before[f"rows of {table}"])), sorted(found))

    def mkdir(self, name):
        (self.directory / name).mkdir()
        return self.directory / name

    def recover(self, moment):
        """On a host without Supabase's libraries and configuration."""
        place = processes.own(self.mkdir("restored"))
        self.runner.restore("prod", place / "data", "--at", moment, "--action", "promote", "--spool", self.runner.directory, user="postgres")
        copy = self.source.restored(place / "data", place / "run")
        self.addCleanup(copy.remove)
        return copy.start()

    def look_as_users_do(self, copy):
        """Row level security acts, and so does the trigger that makes a profile of each user."""
        found = copy.execute("set role authenticated; select set_config('request.jwt.claims', json_build_object('sub', md5('1')::uuid)::text, false);"
                             " select count(*) from public.notes")
        self.assertEqual([(1,)], found)
        copy.execute("insert into auth.users (id, raw_user_meta_data) values (md5('new')::uuid, '{\"name\": \"new\"}')")
        self.assertEqual(1, copy.scalar("select count(*) from public.profiles where username = 'new'"))

    def test_15_with_a_receiver(self):
        self.everything(15, self.receive)

    def test_17_with_the_daemon(self):
        self.everything(17, self.receive_by_daemon)


if __name__ == "__main__":
    main()
