#!/usr/bin/python3
"""Packaged Prometheus and Alertmanager with our rules, a daemon, and backups that fail for real in four ways: each alert reaches a webhook
once through Alertmanager and once by the daemon itself, and its end does too. Meanwhile every panel of the dashboard is asked."""

import json
import pathlib
import subprocess

from harness import IntegrationTest, Pgrecall, main, processes
from harness.daemon import NEVER, Daemon
from harness.monitoring import Alertmanager, Prometheus, Webhook, free_port, wait_for

DASHBOARD = pathlib.Path(__file__).parents[2] / "config/grafana/pgrecall.json"
ALERT = "PgrecallRunFailed"
CLUSTERS = ("readonly", "down", "password", "full")
# There is nothing to be shown of these while all is as in this test: no run is under way, nothing fills, no address gets heartbeats.
# Of what may not have happened: a run that is under way, a trend, a heartbeat, a receiver that failed.
MAY_BE_EMPTY = ("pgrecall_progress_bytes", "full_in_days", "pgrecall_heartbeat", "pgrecall_notification_failures_total")
SMALL_BYTES = 24 << 20


class EndToEnd(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.server = self.create_server(options={"max_slot_wal_keep_size": "1GB", "max_wal_senders": "20", "max_replication_slots": "20"})
        self.server.execute("create role knocker login replication password 'right'")
        self.server.fill(2)
        self.other = self.create_server()
        self.start_watchers()
        self.start_daemon()

    def start_watchers(self):
        self.through_alertmanager, self.by_the_daemon = Webhook(), Webhook()
        self.alertmanager = Alertmanager(self.directory / "alertmanager").start(self.through_alertmanager.url)
        self.port = free_port()
        self.prometheus = Prometheus(self.directory / "prometheus").start(f"127.0.0.1:{self.port}", self.alertmanager)
        for each in (self.through_alertmanager, self.by_the_daemon):
            self.addCleanup(each.close)
        for each in (self.alertmanager, self.prometheus):
            self.addCleanup(each.stop)

    def start_daemon(self):
        disks = {name: self.mount_tmpfs(SMALL_BYTES, name) for name in ("readonly", "full")}
        self.repositories = {name: disks.get(name, self.directory / name) / "repository" for name in CLUSTERS}
        self.password = self.directory / "knocker.password"
        self.password.write_text("right\n")
        self.password.chmod(0o600)
        conninfo = {"down": self.other.conninfo(), "password": self.server.conninfo(user="knocker")}
        self.server.pg_hba("local all knocker scram-sha-256", "local replication knocker scram-sha-256", "local all all trust", "local replication all trust")
        receivers = {}
        for name, url in (("hook", self.by_the_daemon.url), ("gone", "http://127.0.0.1:9/nobody")):
            file = self.directory / f"{name}.url"
            file.write_text(url + "\n")
            file.chmod(0o600)
            receivers[name] = {"kind": "webhook", "url_file": str(file)}
        self.runner = Pgrecall(self.directory / "tool")
        self.runner.settings.update({
            "metrics": {"listen": f"127.0.0.1:{self.port}"},
            "alerts": {"receivers": receivers},
        })
        self.document = {
            "repositories": {name: {"path": str(path)} for name, path in self.repositories.items()},
            "clusters": {name: {"connection": conninfo.get(name, self.server.conninfo()), "repository": name, "schedule": {**NEVER, "verify": "0 0 1 1 *"},
                                "backup": {"checkpoint": "fast"}} for name in CLUSTERS},
        }
        self.document["clusters"]["password"]["password_file"] = str(self.password)
        self.runner.write_config = self.write_config
        self.write_config()
        for path in self.repositories.values():
            self.runner.run("repo", "init", "--repository", f"file://{path}", config=False)
        self.daemon = Daemon(self.runner).configure(parallel_runs=4).start()
        self.addCleanup(self.daemon.remove)
        for name in CLUSTERS:
            self.daemon.wait_until_streaming(name)

    def write_config(self):
        self.runner.config.write_text(json.dumps({**self.runner.settings, **self.document}, indent=2))

    def back_up_all(self, state):
        runs = {name: self.daemon.start_run(name, "backup") for name in CLUSTERS}
        for name, run in runs.items():
            self.assertEqual(state, self.daemon.wait_for_run(run)["state"], f"{name}: {self.daemon.log()}")
        return runs

    # How backups come to fail, and how that is repaired.

    def break_everything(self):
        self.other.stop()
        self.password.write_text("wrong\n")
        processes.run(["psql", "-h", self.server.run_directory, "-p", str(self.server.port), "-U", "postgres", "-c",
                       "select pg_terminate_backend(pid) from pg_stat_replication"], user="postgres")
        self.filler = self.directory / "full/filler"
        with open(self.filler, "wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass
        self.server.execute("create table new_data as select i, md5(i::text) from generate_series(1, 20000) i")
        disk = self.directory / "readonly"
        wait_for(lambda: subprocess.run(["mount", "-o", "remount,ro", disk], capture_output=True, check=False).returncode == 0,
                 "nothing to be open for writing")

    def repair_everything(self):
        self.other.start()
        self.password.write_text("right\n")
        self.filler.unlink()
        subprocess.run(["mount", "-o", "remount,rw", self.directory / "readonly"], check=True)

    # Who was told what.

    def told_through_alertmanager(self, state):
        return sorted(alert["labels"]["cluster"] for post in self.through_alertmanager.posts for alert in post["alerts"]
                      if alert["labels"]["alertname"] == ALERT and alert["status"] == state)

    def told_by_the_daemon(self, state):
        return sorted(post["cluster"] for post in self.by_the_daemon.posts if post["name"] == ALERT and post["state"] == state)

    def wait_until_told(self, state):
        for told in (self.told_through_alertmanager, self.told_by_the_daemon):
            wait_for(lambda: set(told(state)) == set(CLUSTERS), f"{ALERT} to be told as {state} of all", 60,
                     lambda: f"{told.__name__}: {told(state)}\n{self.prometheus.log()}{self.daemon.log()}")

    def check_dashboard(self):
        board = json.loads(DASHBOARD.read_text())
        empty = []
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"].replace("$cluster", ".*").replace("$repository", ".*")
                found = self.prometheus.query(expression)
                if not found and not any(part in expression for part in MAY_BE_EMPTY):
                    empty.append(f"{panel['title']}: {expression}")
        self.assertEqual([], empty, "panels without data")

    def test_failures_are_told_once_and_so_is_their_end(self):
        self.back_up_all("done")
        wait_for(lambda: len(self.prometheus.query("pgrecall_last_success_timestamp_seconds{job='backup'}")) == len(CLUSTERS), "the scrape")
        wait_for(lambda: not self.prometheus.firing("PgrecallDown"), "the daemon to be found")
        self.assertEqual({"backup"}, {labels["job"] for labels, _ in self.prometheus.query("pgrecall_last_duration_seconds{job='backup'}")},
                         "pgrecall's own label job is kept")

        self.break_everything()
        self.back_up_all("failed")
        self.wait_until_told("firing")
        reasons = {labels["cluster"]: labels["reason"] for labels, value in self.prometheus.query("pgrecall_run_failures_total{job='backup'} > 0")}
        self.assertEqual({"readonly": "store_unreachable", "full": "store_unreachable", "down": "database_unreachable",
                          "password": "database_unreachable"}, reasons)
        self.check_dashboard()

        self.repair_everything()
        for name in CLUSTERS:
            self.daemon.wait_until_streaming(name)
        self.back_up_all("done")
        self.wait_until_told("resolved")
        for told in (self.told_through_alertmanager, self.told_by_the_daemon):
            for state in ("firing", "resolved"):
                self.assertEqual(sorted(CLUSTERS), told(state), f"{told.__name__}: {state}, once each")
        self.daemon.stop()
        wait_for(lambda: self.prometheus.firing("PgrecallDown"), "the dead daemon to be noticed")


if __name__ == "__main__":
    main()
