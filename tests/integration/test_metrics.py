#!/usr/bin/python3
"""What the daemon tells Prometheus of a real server, over a backup, a restart, a server that goes away and a slot that is gone."""

import http.client
import re
import socket
import subprocess

from harness import IntegrationTest, main
from harness.daemon import NEVER, Daemon

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class MetricsTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.runner = self.pgrecall(self.source)
        self.runner.cluster("prod", self.source.conninfo(), schedule=NEVER, backup={"checkpoint": "fast"})
        self.port = free_port()
        self.runner.settings["metrics"] = {"listen": f"127.0.0.1:{self.port}"}
        self.daemon = Daemon(self.runner)
        self.addCleanup(self.daemon.remove)

    def text(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            self.assertEqual(200, answer.status)
            return answer.read().decode()
        finally:
            connection.close()

    def metric(self, name, **labels):
        """The value of the one series with these labels; None when there is none."""
        for line in self.text().splitlines():
            found = SAMPLE.match(line)
            if found and found.group(1) == name:
                present = dict(LABEL.findall(found.group(2) or ""))
                if labels.items() <= present.items():
                    return float(found.group(3))
        return None

    def wait_for(self, condition, what):
        return self.daemon.wait_for(condition, what, timeout_seconds=150)

    def test_tells_of_a_server_and_its_backups_over_a_restart(self):
        self.daemon.start().wait_until_streaming()
        self.wait_for(lambda: self.metric("pgrecall_cluster_up", cluster="prod") == 1, "the cluster to be up")
        self.assertEqual(0, self.metric("pgrecall_backups", kind="manual") or 0)
        run = self.daemon.start_run("prod", "backup")
        self.assertEqual("done", self.daemon.wait_for_run(run)["state"])
        self.source.execute("create table t as select generate_series(1, 100000)")
        self.wait_for(lambda: self.metric("pgrecall_backups", kind="manual") == 1, "the backup to be told of")
        self.wait_for(lambda: (self.metric("pgrecall_wal_received_bytes_total") or 0) > 1 << 20, "received WAL")
        self.wait_for(lambda: (self.metric("pgrecall_wal_commit_acknowledge_seconds_count") or 0) > 0, "acknowledged WAL")
        self.assertEqual(1, self.metric("pgrecall_runs_total", job="backup", result="done"))
        self.assertGreater(self.metric("pgrecall_backup_last_logical_bytes", kind="manual"), 1 << 20)
        self.assertIsNotNone(self.metric("pgrecall_stage_last_duration_seconds", job="backup", stage="copying"))
        self.assertGreater(self.metric("pgrecall_store_requests_total", operation="put", code="ok"), 0)
        self.assertGreater(self.metric("pgrecall_store_transferred_bytes_total", direction="out"), 1 << 20)
        self.assertGreater(self.metric("pgrecall_repository_capacity_bytes"), self.metric("pgrecall_repository_free_bytes"))
        self.assertEqual(0, self.metric("pgrecall_window_broken"))
        self.wait_for(lambda: self.metric("pgrecall_wal_slot_lost") == 0, "the slot to be asked for")
        success = self.metric("pgrecall_last_success_timestamp_seconds", job="backup")
        checked = subprocess.run(["promtool", "check", "metrics"], input=self.text(), capture_output=True, text=True, check=False)
        self.assertEqual((0, "", ""), (checked.returncode, checked.stdout, checked.stderr))

        self.daemon.stop()
        self.daemon.start()
        self.wait_for(lambda: self.metric("pgrecall_backups", kind="manual") == 1, "the backups after a restart")
        self.assertEqual(success, self.metric("pgrecall_last_success_timestamp_seconds", job="backup"))
        self.assertEqual(1, self.metric("pgrecall_runs_total", job="backup", result="done"))

    def test_a_role_with_replication_alone_and_an_end_is_enough(self):
        self.source.execute("create role little login replication valid until '2100-01-01 00:00:00+00'")
        self.runner.cluster("prod", self.source.conninfo(user="little"), schedule=NEVER)
        self.daemon.start().wait_until_streaming()
        self.wait_for(lambda: self.metric("pgrecall_wal_slot_retained_bytes") is not None, "the slot to be asked for")
        self.assertEqual(4102444800, self.metric("pgrecall_credential_expiry_timestamp_seconds", cluster="prod"))
        self.assertIsNone(self.metric("pgrecall_wal_slot_limit_bytes"))

    def test_a_server_that_is_gone_is_not_told_as_healthy(self):
        self.daemon.start().wait_until_streaming()
        self.wait_for(lambda: self.metric("pgrecall_wal_streaming") == 1, "WAL to be received")
        self.source.stop()
        self.wait_for(lambda: self.metric("pgrecall_wal_streaming") == 0, "the end of receiving")
        before = self.metric("pgrecall_wal_lag_seconds")
        self.wait_for(lambda: self.metric("pgrecall_wal_lag_seconds") > before, "the lag to grow")
        self.wait_for(lambda: self.metric("pgrecall_wal_failures_total") > 0, "failures to be counted")


if __name__ == "__main__":
    main()
