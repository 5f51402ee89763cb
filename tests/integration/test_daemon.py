#!/usr/bin/python3
"""The daemon: WAL of its clusters, runs on demand and by schedule, reload, drain, and what its socket answers."""

import json
import os
import pathlib
import signal
import socket
import stat

from harness import IntegrationTest, contract, main
from harness.daemon import NEVER, Daemon

FAST = {"checkpoint": "fast"}
SLOW = {"checkpoint": "fast", "max_rate": "4MB/s"}


class DaemonTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.runner = self.pgrecall(self.source)
        self.daemon = Daemon(self.runner)

    def cluster(self, name="prod", schedule=None, backup=None, server=None, **settings):
        self.runner.cluster(name, (server or self.source).conninfo(), schedule={**NEVER, **(schedule or {})},
                            backup=backup or FAST, **settings)

    def start(self, **options):
        self.daemon.start(**options)
        self.addCleanup(self.daemon.remove)
        return self.daemon


class Runs(DaemonTest):
    def test_receives_backs_up_and_tells(self):
        self.cluster()
        daemon = self.start().wait_until_streaming()
        backup = self.runner.backup("prod")  # the command asks the daemon
        self.assertEqual([backup], self.runner.ids("prod"))
        run, = daemon.runs(job="backup")
        self.assertEqual(("done", "manual", 0), (run["state"], run["trigger"], run["exit_code"]))
        self.assertEqual(f"asked for by uid {os.getuid()}", daemon.log_lines()[-1] and self.reason_of(run["id"]))
        self.assertEqual([], self.runner.verify("prod"))
        self.assertEqual(["backup", "verify"], [run["job"] for run in daemon.runs()])
        daemon.wait_for(lambda: daemon.status()["window"]["newest_backup"] == backup, "the window")
        self.runner.run("status", exit=0)
        self.assertIn(run["id"], self.runner.run("runs").stdout)
        self.assertIn("backup is done", self.runner.run("runs", "--log", run["id"]).stdout)
        daemon.stop()
        self.assertEqual(1, self.source.scalar("select count(*) from pg_replication_slots"))
        self.runner.run("status", exit=contract.FAILED)
        self.runner.backup("prod")  # nobody to ask: here

    def reason_of(self, run):
        first = self.daemon.get(f"/v1/runs/{run}/log")["lines"][0]["text"]
        return first.partition(": ")[2]

    def test_first_backup_comes_by_itself_then_those_of_the_schedule(self):
        self.cluster(schedule={"daily": "* * * * *"})
        daemon = self.start()
        first = daemon.wait_for(lambda: daemon.runs(trigger="first"), "the first backup")[0]
        daemon.wait_for_run(first["id"], "done")
        second = daemon.wait_for(lambda: daemon.runs(trigger="schedule"), "a scheduled backup", 90)[0]
        self.assertEqual("daily", second["job"])
        self.assertTrue(second["due"].endswith(":00Z"))
        daemon.wait_for_run(second["id"], "done")
        kept = self.runner.run("list", "prod", "--output", "json").json()["clusters"][0]["backups"]
        self.assertEqual({"daily"}, {backup["keep"] for backup in kept})

    def test_one_run_a_cluster_and_reasons_for_those_that_wait(self):
        self.source.fill(30)
        self.cluster(backup=SLOW)
        daemon = self.start(wait=True).wait_until_streaming()
        first = daemon.start_run("prod", "backup")
        daemon.wait_for_run(first, "running")
        second = daemon.start_run("prod", "check")
        self.assertEqual("queued", daemon.run(second)["state"])
        self.assertIn(first, daemon.run(second)["reason"])
        daemon.ask("POST", f"/v1/runs/{first}/cancel", status=202)
        self.assertEqual("cancelled", daemon.wait_for_run(first)["state"])
        self.assertIn(daemon.wait_for_run(second)["state"], ("done", "warnings"))
        self.assertEqual([], self.runner.ids("prod"))

    def test_cancel_of_what_waits_and_of_what_is_over(self):
        self.source.fill(30)
        self.cluster(backup=SLOW)
        daemon = self.start().wait_until_streaming()
        first = daemon.start_run("prod", "backup")
        second = daemon.start_run("prod", "backup")
        daemon.ask("POST", f"/v1/runs/{second}/cancel", status=202)
        self.assertEqual("cancelled", daemon.run(second)["state"])
        daemon.ask("POST", f"/v1/runs/{second}/cancel", status=409)
        daemon.ask("POST", "/v1/runs/20200101T000000Z-prod-daily/cancel", status=404)
        self.runner.run("runs", "--cancel", first)
        self.assertEqual("cancelled", daemon.wait_for_run(first)["state"])

    def test_limits_hold_over_clusters(self):
        self.source.fill(20)
        self.cluster(backup=SLOW)
        self.cluster("other", backup=SLOW)  # the same server: the slot is named after the cluster
        daemon = self.start().wait_until_streaming().wait_until_streaming("other")
        first = daemon.start_run("prod", "backup")
        second = daemon.start_run("other", "backup")
        self.assertIn("repository main", daemon.run(second)["reason"])
        self.runner.repository_settings["parallel_runs"] = 2
        self.runner.write_config()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_run(second, "running")
        self.assertEqual("running", daemon.run(first)["state"])
        for run in (first, second):
            daemon.ask("POST", f"/v1/runs/{run}/cancel", status=202)

    def test_detaching_leaves_the_run_alone(self):
        self.source.fill(30)
        self.cluster(backup=SLOW)
        daemon = self.start().wait_until_streaming()
        command = self.runner.start("backup", "prod")
        run = daemon.wait_for(lambda: daemon.runs(job="backup", state="running"), "the run")[0]["id"]
        os.kill(command.pid, signal.SIGINT)
        result = self.runner.finish(command, exit=contract.CANCELLED)
        self.assertIn("detached", result.stderr)
        self.assertIn(run, result.stderr)
        self.assertEqual("running", daemon.run(run)["state"])
        lines = daemon.follow(run)
        self.assertEqual("done", lines[-1]["run"]["state"])
        self.assertTrue(any(line.get("progress", {}).get("bytes_total", 0) > 20e6 for line in lines))
        self.assertTrue(any("started" in line.get("log", {}).get("text", "") for line in lines))

    def test_failed_scheduled_run_is_tried_again_then_told(self):
        self.cluster()
        self.runner.backup("prod")
        self.cluster(schedule={"daily": "* * * * *", "retries": 1, "retry_after": "1s"})
        daemon = self.start().wait_until_streaming()
        self.source.stop()
        failed = daemon.wait_for(lambda: daemon.runs(job="daily", trigger="retry", state="failed"), "the retry to fail", 120)[0]
        self.assertEqual(2, failed["attempt"])
        self.assertEqual("database_unreachable", failed["error"]["kind"])
        self.assertEqual(failed["id"], daemon.wait_for_alert("PgrecallRunFailed", subject="daily")["run"])
        self.source.start()


class Ending(DaemonTest):
    def test_drain_lets_a_run_end(self):
        self.source.fill(12)
        self.cluster(backup=SLOW)
        daemon = self.start().wait_until_streaming()
        run = daemon.start_run("prod", "backup")
        daemon.wait_for_run(run, "running")
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGINT)  # at the same time: one request that comes twice, which insists on nothing
        daemon.wait_for(lambda: "STOPPING=1" in daemon.notifications(), "it to say so")
        status, document = daemon.ask("POST", "/v1/runs", {"cluster": "prod", "job": "check"})
        self.assertEqual((503, "held"), (status, document["error"]["kind"]))
        self.assertEqual(0, daemon.process.wait(60))
        self.assertTrue([line for line in daemon.notifications() if line.startswith("EXTEND_TIMEOUT_USEC=")])
        self.assertEqual(1, len(self.runner.ids("prod")))
        daemon.start()
        self.assertEqual("done", daemon.run(run)["state"])

    def test_drain_limit_stops_a_run_which_goes_on_after_the_next_start(self):
        self.source.fill(30)
        self.cluster(backup=SLOW)
        daemon = self.daemon.configure(drain_limit="1s")
        self.start().wait_until_streaming()
        run = daemon.start_run("prod", "backup")
        daemon.wait_for_run(run, "running")
        daemon.stop(timeout_seconds=20)
        self.assertEqual([], self.runner.ids("prod"))
        self.assertEqual([], [path.name for path in (self.runner.repository / "leases").glob("*")])
        daemon.start()
        interrupted = daemon.run(run)
        self.assertEqual(("interrupted", "the daemon was stopped"), (interrupted["state"], interrupted["reason"]))
        again, = daemon.runs(trigger="retry")
        self.assertEqual("done", daemon.wait_for_run(again["id"])["state"])

    def test_state_and_socket_are_for_one_daemon(self):
        self.cluster()
        self.start()
        second = Daemon(self.runner, "second")
        self.addCleanup(second.remove)
        second.settings["state"] = self.daemon.settings["state"]
        second.start(wait=False)
        self.assertEqual(contract.HELD, second.process.wait(30))
        second.settings = {"socket": self.daemon.settings["socket"], "state": str(second.directory / "state")}
        second.start(wait=False)
        self.assertEqual(contract.HELD, second.process.wait(30))

    def test_lost_journal_is_rebuilt_from_the_repository(self):
        self.cluster()
        daemon = self.start().wait_until_streaming()
        backup = self.runner.backup("prod", "--keep", "daily")
        daemon.stop()
        state = pathlib.Path(daemon.settings["state"]) / "state.db"
        state.write_bytes(b"nonsense" * 4096)
        daemon.start().wait_until_streaming()
        run, = daemon.runs(job="daily")
        self.assertIn(backup, run["reason"])
        self.assertIn("state.db.damaged-", daemon.wait_for_alert("PgrecallJournalRebuilt")["summary"])
        self.assertEqual(1, len(list(state.parent.glob("state.db.damaged-*[0-9]Z"))))


class Two(DaemonTest):
    def test_second_daemon_waits_and_takes_over(self):
        self.cluster()
        first = self.start().wait_until_streaming()
        second = Daemon(self.runner, "second")
        second.start()
        self.addCleanup(second.remove)
        waiting = second.wait_for(lambda: second.status()["state"] == "held_by_another" and second.status(), "it to wait")
        self.assertIn(f"pid {first.process.pid}", waiting["held_by"]["owner"])
        self.assertIsNone(waiting["receiver"])
        self.assertIn("not known here", self.runner.run("status", exit=contract.WARNINGS).stdout)
        self.assertEqual("warning", second.wait_for(lambda: second.alerts(scope="all"), "the alert")[0]["severity"])
        run = second.start_run("prod", "backup")
        self.assertEqual("queued", second.run(run)["state"])
        self.assertTrue(first.is_streaming())
        first.kill()
        second.wait_until_streaming(timeout_seconds=30)
        self.assertEqual("done", second.wait_for_run(run)["state"])
        self.assertEqual([], self.runner.verify("prod", "--no-daemon"))


class Repair(DaemonTest):
    def test_gap_is_repaired_by_a_backup_of_its_own(self):
        self.cluster()
        daemon = self.start().wait_until_streaming()
        self.runner.backup("prod")
        daemon.stop()
        self.source.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots")
        for number in range(3):  # WAL that nobody receives, and that checkpoints remove
            self.source.fill(4, table=f"unseen{number}")
            self.source.execute("select pg_switch_wal()")
            self.source.execute("checkpoint")
        daemon.start()
        repair = daemon.wait_for(lambda: daemon.runs(trigger="repair"), "the repair")[0]
        self.assertEqual("done", daemon.wait_for_run(repair["id"])["state"])
        self.assertIn("the recovery window is broken", daemon.get(f"/v1/runs/{repair['id']}/log")["lines"][0]["text"])
        window = daemon.wait_for(lambda: daemon.status()["window"]["spans"] == 2 and daemon.status()["window"], "a new window")
        self.assertEqual(1, window["gaps"])
        self.source.execute("create table later as select 1 as one")
        daemon.wait_until_streaming()
        self.assertEqual(1, len(daemon.runs(trigger="repair")))


class Reload(DaemonTest):
    def test_reload_touches_only_what_has_changed(self):
        self.source.fill(20)
        self.cluster(backup=SLOW)
        daemon = self.start().wait_until_streaming()
        run = daemon.start_run("prod", "backup")
        daemon.wait_for_run(run, "running")
        receiver = daemon.wait_for(lambda: self.receiver_of("prod"), "its slot to be in use")
        self.cluster("other", backup=SLOW)
        answer = daemon.ask("POST", "/v1/reload", status=200)[1]
        self.assertIn("cluster other is new", answer["changes"])
        daemon.wait_until_streaming("other")
        self.assertEqual("running", daemon.run(run)["state"])
        self.assertEqual(receiver, self.receiver_of("prod"))
        self.assertEqual("done", daemon.wait_for_run(run)["state"])
        del self.runner.clusters["other"]
        self.runner.write_config()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(lambda: self.receiver_of("other") is None, "the other's receiver to end")
        self.assertEqual(receiver, self.receiver_of("prod"))

    def receiver_of(self, cluster):
        """The server's process that sends to it; none while nobody receives."""
        return self.source.scalar("select max(active_pid) from pg_replication_slots where slot_name = %s", (f"pgrecall_{cluster}",))

    def test_changed_connection_receives_anew(self):
        self.cluster()
        daemon = self.start().wait_until_streaming()
        self.runner.cluster("prod", self.source.conninfo(application_name="moved"), schedule=NEVER, backup=FAST)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(lambda: self.source.scalar("select count(*) from pg_stat_replication where application_name = 'moved'") == 1,
                        "the new connection")
        self.assertTrue(any(line.startswith("RELOADING=1") for line in daemon.notifications()))

    def test_invalid_configuration_keeps_the_old_one(self):
        self.cluster()
        daemon = self.start().wait_until_streaming()
        good = self.runner.config.read_text()
        self.runner.config.write_text("clusters: 7\n")
        status, document = daemon.ask("POST", "/v1/reload")
        self.assertEqual((400, "configuration"), (status, document["error"]["kind"]))
        daemon.wait_for_alert("PgrecallConfigReloadFailed")
        self.assertTrue(daemon.is_streaming())
        self.runner.config.write_text(good)
        self.assertEqual("done", daemon.wait_for_run(daemon.start_run("prod", "backup"))["state"])

    def test_daemon_is_asked_also_while_the_file_is_invalid(self):
        self.cluster()
        daemon = self.start().wait_until_streaming()
        good = self.runner.config.read_text()
        self.runner.config.write_text(good.replace('"repository":', '"repositry":'))
        for command in (("status",), ("status", "prod"), ("runs",), ("runs", "prod"), ("alert", "list")):
            result = self.runner.run(*command, exit=(0, contract.WARNINGS))
            self.assertIn("the configuration is invalid", result.stderr)
            self.assertIn("repositry", result.stderr)
        self.assertEqual("done", daemon.run(self.run_of(self.runner.run("backup", "prod")))["state"])
        for command in (("status", "nosuch"), ("runs", "nosuch"), ("alert", "list", "nosuch")):
            self.assertIn('no cluster "nosuch"', self.runner.run(*command, exit=contract.USAGE).stderr)
        self.assertIn("no run of this id", self.runner.run("runs", "--log", "nosuch", exit=contract.TARGET_UNREACHABLE).stderr)
        # Another file's daemon is not asked, nor is any when the file is invalid and none answers.
        copy = self.runner.config.with_name("copy.yaml")
        copy.write_text(self.runner.config.read_text())
        self.runner.run("status", "--config", str(copy), config=False, exit=contract.CONFIGURATION)
        daemon.stop()
        self.runner.run("status", exit=contract.CONFIGURATION)

    def run_of(self, result):
        return result.stderr.partition("the daemon does it: run ")[2].split()[0]


class Losses(DaemonTest):
    """What the daemon stands on goes away beneath it."""

    def test_nothing_is_stored_where_the_repository_was(self):
        self.cluster()
        daemon = self.start().wait_until_streaming()
        self.runner.backup("prod")
        away = self.runner.repository.with_name("away")
        self.runner.repository.rename(away)
        result = self.runner.run("backup", "prod", exit=contract.STORE_UNREACHABLE)
        self.assertIn("not at its address any more", result.stderr)
        daemon.wait_for(lambda: "not at its address any more" in (daemon.status()["window"]["problem"] or ""), "the window to be unknown")
        self.assertFalse(self.runner.repository.exists())
        away.rename(self.runner.repository)
        self.runner.backup("prod")
        self.assertEqual(2, len(self.runner.ids("prod")))
        self.assertEqual([], self.runner.verify("prod"))

    def test_jobs_go_on_while_the_state_cannot_be_written(self):
        disk = self.mount_tmpfs(4 << 20)
        self.cluster()
        self.runner.backup("prod")
        self.cluster(schedule={"check": "* * * * *"})
        daemon = self.daemon.configure(state=str(disk / "state"))
        self.start().wait_until_streaming()
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file, self.assertRaises(OSError):
            while True:
                file.write(bytes(4096))
        check = daemon.wait_for(lambda: daemon.runs(trigger="schedule", job="check"), "a scheduled run", 90)[0]["id"]
        self.assertIn(daemon.wait_for_run(check)["state"], ("done", "warnings"))
        self.assertIn("state.db", daemon.get("/v1/status")["state_problem"])
        self.assertIn("state cannot be written", self.runner.run("status", exit=contract.WARNINGS).stdout)
        backup = self.runner.backup("prod")
        filler.unlink()
        daemon.wait_for(lambda: daemon.get("/v1/status")["state_problem"] is None, "the state to be written again")
        daemon.kill()
        self.start()
        self.assertIn(daemon.run(check)["state"], ("done", "warnings"))
        self.assertEqual("done", daemon.runs(job="backup")[0]["state"])
        self.assertIn(backup, self.runner.ids("prod"))

    def test_who_follows_hears_that_the_daemon_ended(self):
        self.source.fill(20)
        self.cluster(backup=SLOW)
        daemon = self.start().wait_until_streaming()
        command = self.runner.start("backup", "prod")
        daemon.wait_for(lambda: daemon.runs(job="backup", state="running"), "the run")
        daemon.kill()
        result = self.runner.finish(command, exit=contract.FAILED)
        self.assertIn("the daemon ended before the run did", result.stderr)


class Socket(DaemonTest):
    def setUp(self):
        super().setUp()
        self.cluster()
        self.start()

    def test_permissions_are_those_of_the_owner_and_the_group(self):
        self.assertEqual(0o660, stat.S_IMODE(os.stat(self.daemon.settings["socket"]).st_mode))
        result = self.runner.run("status", user="postgres", exit=contract.FAILED)
        self.assertIn("no daemon answers", result.stderr)
        self.daemon.stop()
        self.daemon.configure(socket_group="postgres")
        self.daemon.start()
        self.runner.run("status", user="postgres", exit=(0, contract.WARNINGS))

    def test_what_is_asked_for_may_be_escaped(self):
        self.daemon.wait_for_run(self.daemon.start_run("prod", "check"))
        self.assertEqual(1, len(self.daemon.get("/v1/runs?cluster=p%72od")["runs"]))
        self.assertEqual(0, len(self.daemon.get("/v1/runs?cluster=p%72od2")["runs"]))

    def test_what_is_wrong_with_a_request_is_said(self):
        for method, target, body, status, kind in (
                ("GET", "/", None, 404, "target_unreachable"),
                ("GET", "/v2/status", None, 404, "target_unreachable"),
                ("DELETE", "/v1/runs", None, 404, "target_unreachable"),
                ("POST", "/v1/status", None, 404, "target_unreachable"),
                ("GET", "/v1/runs/nosuch", None, 404, "target_unreachable"),
                ("GET", "/v1/runs?limit=x", None, 400, "usage"),
                ("GET", "/v1/runs?limit=100000", None, 400, "usage"),
                ("GET", "/v1/runs?state=dnoe", None, 400, "usage"),
                ("POST", "/v1/runs", "", 400, "usage"),
                ("POST", "/v1/runs", "{", 400, "usage"),
                ("POST", "/v1/runs", [], 400, "usage"),
                ("POST", "/v1/runs", {"cluster": "prod"}, 400, "usage"),
                ("POST", "/v1/runs", {"cluster": 7, "job": "backup"}, 400, "usage"),
                ("POST", "/v1/runs", {"cluster": "nosuch", "job": "backup"}, 400, "usage"),
                ("POST", "/v1/runs", {"cluster": "prod", "job": "backpu"}, 400, "usage"),
                ("POST", "/v1/runs", {"cluster": "prod", "job": "backup", "options": {"fulll": True}}, 400, "usage"),
                ("POST", "/v1/runs", {"cluster": "prod", "job": "backup", "options": {"full": "yes"}}, 400, "usage"),
                ("POST", "/v1/runs", {"cluster": "prod", "job": "backup", "options": {"max_rate": -1}}, 400, "usage"),
                ("POST", "/v1/runs", {"cluster": "prod", "job": "expire", "options": {"grace_seconds": 10**13}}, 400, "usage"),
                ("POST", "/v1/runs", {"cluster": "prod", "job": "verify", "options": {"data_fraction": 7}}, 400, "usage"),
                ("POST", "/v1/runs", {"cluster": "prod", "job": "check", "options": {"x": 1}}, 400, "usage"),
                ("POST", "/v1/runs", "x" * 70000, 413, "usage")):
            with self.subTest(method=method, target=target, body=str(body)[:60]):
                answer = self.daemon.ask(method, target, body)
                self.assertEqual((status, kind), (answer[0], answer[1]["error"]["kind"]))
        self.assertEqual([], self.daemon.runs(trigger="manual"))

    def test_clients_that_say_nothing_or_nonsense_hold_nobody_up(self):
        silent = []
        for _ in range(80):  # more than it takes at a time
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            client.settimeout(10)
            self.daemon.wait_for(lambda: self.connected(client), "room among those who wait to be let in")
            silent.append(client)
        for client in silent[:40]:
            client.sendall(b"\x00\xff\r\n\r\n")
            client.close()
        self.assertEqual("running", self.daemon.wait_for(self.ask_gently, "an answer")["state"])
        for client in silent[40:]:
            client.close()

    def connected(self, client):
        try:
            client.connect(self.daemon.settings["socket"])
            return True
        except BlockingIOError:
            return False

    def ask_gently(self):
        try:
            return self.daemon.get("/v1/status")
        except (OSError, ValueError):
            return None

    def test_log_lines_carry_their_run(self):
        run = self.daemon.start_run("prod", "backup")
        self.daemon.wait_for_run(run)
        lines = [line for line in self.daemon.log_lines() if line.get("run") == run]
        self.assertEqual([{"prod"}, {"backup"}], [{line["cluster"] for line in lines}, {line["job"] for line in lines}])
        self.assertGreaterEqual(len(lines), 3)

    def test_schedule_is_told(self):
        self.cluster(schedule={"weekly": "15 3 * * 0"})
        self.daemon.ask("POST", "/v1/reload", status=200)
        upcoming, = self.daemon.get("/v1/schedule")["schedule"]
        self.assertEqual(("prod", "weekly"), (upcoming["cluster"], upcoming["job"]))
        self.assertIn("T03:15:00Z", upcoming["due"])


if __name__ == "__main__":
    main()
