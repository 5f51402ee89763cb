#!/usr/bin/python3
"""Restore drills pass on healthy clusters of PostgreSQL 13 to 18, reach what was asked for, keep to themselves and leave nothing."""

import datetime
import os
import pathlib
import shutil
import signal

from harness import contract, installed_versions, main, processes, tool
from harness.daemon import NEVER, Daemon
from harness.drills import DrillTest


class Drill(DrillTest):
    def fill(self, source):
        source.execute("create table orders (id int primary key, filler text); insert into orders select i, repeat('x', 100) from generate_series(1, 5000) i")
        moment = source.scalar("select clock_timestamp()")
        source.execute("select pg_sleep(0.01)")
        source.execute("truncate orders")
        self.archive_all(source)
        return moment

    def test_passes_on_every_version(self):
        for version in installed_versions():
            with self.subTest(version=version.major):
                source, runner = self.prepare(version.major, name=f"v{version.major}", drill={
                    "queries": {"orders": {"query": "select count(*) from orders;", "expect": "= 5000"}}})
                moment = self.fill(source)
                report = self.drill(runner, "--at", moment.isoformat())
                drill = report["drill"]
                self.assertTrue(drill["passed"])
                states = self.states(report)
                self.assertEqual({"good"}, {states[what] for what in ("target", "catalogs", "files", "libraries", "amcheck", "page checksums", "query orders")}, states)
                self.assertEqual(version.major == 13, "amcheck of tables" in states)
                self.assertEqual(moment, datetime.datetime.fromisoformat(drill["proven_recoverable_until"]))
                self.assertLessEqual(datetime.datetime.fromisoformat(drill["last_commit"]), moment)
                self.assertGreater(drill["restored_bytes"], 10_000_000)
                self.assertGreater(drill["wal_bytes"], 100_000)
                self.assertGreater(drill["restore_seconds"], 0)
                self.assertGreater(drill["replay_seconds"], 0)
                source.stop()

    def test_turns_and_records(self):
        source, runner = self.prepare()
        self.fill(source)
        aims = [self.drill(runner)["drill"]["aim"] for _ in range(4)]
        self.assertEqual(["newest", "oldest", "random", "newest"], aims)
        self.assertEqual(4, len(self.records(runner)))
        self.assertEqual([], runner.verify("prod", user="postgres"))  # knows what these are
        self.records(runner)[0].write_bytes(self.records(runner)[0].read_bytes()[:-1] + b"!")
        found = runner.verify("prod", user="postgres", exit=contract.CORRUPTION)
        self.assertEqual(["clusters/prod/drills/" + self.records(runner)[0].name], [finding["object"] for finding in found])

    def test_repository_and_key_are_enough(self):
        """No configuration: as on a host that was set up a minute ago. And the original's settings have no say."""
        source, runner = self.prepare(server_options={"max_connections": "150", "max_locks_per_transaction": "100"})
        source.execute("alter system set shared_preload_libraries = 'not_there'")
        source.execute("alter system set archive_cleanup_command = 'touch /tmp/pgrecall-drill-was-here'")
        source.execute("alter system set recovery_end_command = 'exit 1'")
        source.execute("alter system set listen_addresses = '*'")
        source.execute("alter system set synchronous_standby_names = 'nobody'")
        source.execute("alter system set ssl = on")
        source.execute("create database shop")
        source.execute("alter database shop set session_preload_libraries = 'not_there_either'")
        source.execute("alter database shop set statement_timeout = '1ms'")
        source.execute("create database still")
        source.execute("alter database still set default_transaction_read_only = on")
        runner.run("backup", "prod", user="postgres", exit=(0, 3))
        report = runner.run("drill", "prod", "--repository", runner.url, "--scratch", self.scratch, "--aim", "newest", "--output", "json", config=False, user="postgres").json()
        self.assertTrue(report["drill"]["passed"], report)
        self.assert_clean()

    def test_sessions_of_a_database_load_what_only_the_original_has(self):
        libraries = self.directory / "libraries"
        libraries.mkdir()
        source, runner = self.prepare(server_options={"dynamic_library_path": f"$libdir:{libraries}"})
        shutil.copy(source.scalar("select setting from pg_config where name = 'PKGLIBDIR'") + "/moddatetime.so", libraries / "only_here.so")
        source.execute("alter database postgres set session_preload_libraries = 'only_here'")
        self.archive_all(source)
        self.assertEqual([], self.bad(self.drill(runner, "--aim", "newest")))

    def test_root_starts_it_as_the_owner_of_scratch(self):
        """And what the original does at commands is not done in the copy."""
        source, runner = self.prepare()
        source.execute("create function refuse() returns event_trigger language plpgsql as $$ begin raise 'not here'; end $$")
        source.execute("create event trigger refusing on ddl_command_start execute function refuse()")
        self.archive_all(source)
        report = self.drill(runner, "--aim", "newest", user=None)
        self.assertEqual([], self.bad(report))
        self.assertEqual("good", self.states(report)["amcheck"])

    def test_another_superuser_and_a_tablespace(self):
        source, runner = self.prepare()
        source.add_tablespace("elsewhere", self.directory / "elsewhere")
        source.execute("create table far (id int primary key) tablespace elsewhere; insert into far select generate_series(1, 1000)")
        source.execute("create role chief superuser login; create role plain login replication in role pg_read_all_settings")
        runner.cluster("prod", source.conninfo(user="plain"), drill=runner.clusters["prod"]["drill"])
        rename = source.connect(user="chief")
        with rename.cursor() as cursor:
            cursor.execute("alter role postgres rename to former")
        rename.close()
        runner.run("backup", "prod", user="postgres", exit=(0, 3))
        report = self.drill(runner, "--aim", "newest")
        self.assertEqual([], self.bad(report))

    def test_keeps_the_copy_when_asked(self):
        source, runner = self.prepare()
        kept = pathlib.Path(runner.run("drill", "prod", "--aim", "newest", "--keep-scratch", "--output", "json", user="postgres").json()["drill"]["scratch"])
        self.assertTrue((kept / "data/PG_VERSION").exists())
        runner.run("drill", "prod", "--aim", "newest", user="postgres")
        self.assertTrue((kept / "data/PG_VERSION").exists())

    def test_the_daemon_drills_keeps_the_canary_and_cleans_up(self):
        source, runner = self.prepare()
        runner.clusters["prod"]["drill"]["canary"] = True
        runner.clusters["prod"]["schedule"] = NEVER
        left = self.scratch / "0a0b0c0d"
        (left / "data").mkdir(parents=True)
        (left / "pgrecall-scratch").write_text("pgrecall scratch 1\ndrill of prod, process 1\n")
        for path in (left, left / "data", left / "pgrecall-scratch"):
            processes.own(path)
        daemon = Daemon(runner, program=["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--", tool.BINARY, "daemon"])
        daemon.configure()
        for path in [runner.directory, *runner.directory.rglob("*")]:
            processes.own(path)
        before = os.umask(0)  # the socket that the daemon tells it is ready is root's
        daemon.start(wait=False)
        os.umask(before)
        self.addCleanup(daemon.remove)
        daemon.wait_for(lambda: "READY=1" in daemon.notifications(), "the daemon to be ready")
        daemon.wait_until_streaming()
        daemon.wait_for(lambda: source.scalar("select to_regclass('pgrecall.heartbeat') is not null"), "the first heartbeat")
        daemon.wait_for(lambda: not left.exists(), "what a dead drill left to be removed")
        daemon.wait_for_run(daemon.start_run("prod", "backup"), "done")
        report = runner.run("drill", "prod", "--aim", "newest", "--output", "json", user="postgres")
        self.assertIn("the daemon does it: run", report.stderr)
        drill = report.json()["drill"]
        self.assertTrue(drill["passed"], drill)
        self.assertEqual("good", self.states(report.json())["canary"], drill["checks"])
        status = daemon.wait_for(lambda: next((found for found in [daemon.status()["drill"]] if found["proven_recoverable_until"]), None), "the proof to be told")
        self.assertEqual(drill["proven_recoverable_until"][:19], status["proven_recoverable_until"][:19])
        self.assertGreater(status["estimate_seconds"], 0)
        self.assertIn("recoverable until", runner.run("status", "prod", user="postgres", exit=(0, 3)).stdout)
        plan = runner.run("restore", "prod", "--into", self.directory / "nowhere", "--latest", "--dry-run", user="postgres").stdout
        self.assertRegex(plan, "time +about .* by 1 drill")
        daemon.stop()
        self.assert_clean()

    def test_the_next_drill_cleans_up_after_a_kill(self):
        source, runner = self.prepare(drill={"queries": {"slow": {"query": "select true from pg_sleep(600)"}}})
        foreign = self.scratch / "somebody's"
        foreign.mkdir()
        running = runner.start("drill", "prod", "--aim", "newest", user="postgres")
        log = lambda: "".join(path.read_text() for path in self.scratch.glob("*/server.log"))
        source.wait_for(lambda: running.poll() is not None or "recovery has paused" in log() or "pausing at the end" in log(), "the copy to stand still", 60)
        server = int(next(self.scratch.glob("*/data/postmaster.pid")).read_text().split()[0])
        runner.kill(running)
        source.wait_for(lambda: not pathlib.Path(f"/proc/{server}/fd/0").exists(), "its server to end with it", 30)
        self.assertEqual(2, len(list(self.scratch.iterdir())))
        runner.clusters["prod"]["drill"].pop("queries")
        runner.write_config()
        runner.run("drill", "prod", "--aim", "newest", user="postgres")
        self.assertEqual([foreign], list(self.scratch.iterdir()))

    def test_cancelled_it_leaves_nothing(self):
        source, runner = self.prepare(drill={"queries": {"slow": {"query": "select true from pg_sleep(600)"}}})
        running = runner.start("drill", "prod", "--aim", "newest", user="postgres")
        log = lambda: "".join(path.read_text() for path in self.scratch.glob("*/server.log"))
        source.wait_for(lambda: running.poll() is not None or "recovery has paused" in log() or "pausing at the end" in log(), "the copy to stand still", 60)
        os.kill(running.pid, signal.SIGINT)
        runner.finish(running, exit=contract.CANCELLED)
        self.assert_clean()
        self.assertFalse((runner.repository / "clusters/prod/drills").exists())


if __name__ == "__main__":
    main()
