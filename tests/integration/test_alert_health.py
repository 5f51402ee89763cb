#!/usr/bin/python3
"""Silence is never mistaken for health: the heartbeat of a healthy daemon, and what becomes of it and of alerts when the daemon cannot
write its own state."""

import http.client
import os
import re

from harness import IntegrationTest, contract, main
from harness.daemon import NEVER, Daemon
from harness.peers import HttpPeer, closed_port

ROUNDS = 4


class Health(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.runner = self.pgrecall(self.source)
        self.runner.cluster("prod", self.source.conninfo(), schedule=NEVER, backup={"checkpoint": "fast"},
                            targets={"rpo": "15s", "wal_interruption": "15s"})
        self.beats, self.hook = HttpPeer(), HttpPeer()
        for peer in (self.beats, self.hook):
            self.addCleanup(peer.close)
        self.port = closed_port()
        self.runner.settings.update({
            "metrics": {"listen": f"127.0.0.1:{self.port}"},
            "alerts": {"hold": "1s", "settle": "1s", "heartbeats": {"alive": {"interval": "1s", "url_file": self.address("beats", self.beats)}},
                       "receivers": {"hook": {"kind": "webhook", "url_file": self.address("hook", self.hook)}}}})
        self.daemon = Daemon(self.runner)
        self.addCleanup(self.daemon.remove)

    def address(self, name, peer):
        file = self.directory / name
        file.write_text(peer.url)
        file.chmod(0o600)
        return str(file)

    def get(self, path):
        """(status, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metric(self, name):
        """Of the only series; None without one."""
        text = self.get("/metrics")[1]
        found = re.search(rf"^pgrecall_{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else None

    def begin(self):
        self.daemon.start().wait_until_streaming()
        self.assertFalse(self.beats.requests, "a cluster without a backup is not well")
        self.assertIsNone(self.metric("heartbeat_last_success_timestamp_seconds"))
        self.daemon.wait_for_run(self.daemon.start_run("prod", "backup"), "done")
        for _ in range(3):
            self.beats.wait()
        self.daemon.wait_for(lambda: self.metric("heartbeat_last_success_timestamp_seconds"), "the heartbeat's metric")

    def is_silent(self):
        """While the daemon looks around several times, the heartbeat does not come; one may have been on its way."""
        self.rounds(1)
        before = len(self.beats.requests)
        self.rounds(ROUNDS)
        return len(self.beats.requests) <= before

    def rounds(self, count):
        for _ in range(count):
            last = self.metric("figures_timestamp_seconds")
            self.daemon.wait_for(lambda: self.metric("figures_timestamp_seconds") > last, "the daemon to look around")

    def fires(self, name):
        return self.hook.wait_for(lambda request: request.json()["name"] == name and request.json()["state"] == "firing").json()

    def is_over(self, name):
        self.hook.wait_for(lambda request: request.json()["name"] == name and request.json()["state"] == "resolved")

    def test_the_heartbeat_stops_with_health_and_comes_back_with_it(self):
        self.begin()
        self.source.stop()
        self.fires("PgrecallWalStalled")
        self.assertTrue(self.is_silent())
        last = self.metric("heartbeat_last_success_timestamp_seconds")
        self.assertEqual(last, self.metric("heartbeat_last_success_timestamp_seconds"))
        self.source.start()
        self.is_over("PgrecallWalStalled")
        self.daemon.wait_for(lambda: self.metric("heartbeat_last_success_timestamp_seconds") > last, "the heartbeat to be back")
        self.daemon.kill()
        count = len(self.beats.requests)
        self.daemon.start()
        self.daemon.wait_for(lambda: len(self.beats.requests) > count, "the heartbeat of the next daemon")
        self.daemon.stop()

    def test_alerts_are_told_and_the_heartbeat_stops_while_the_state_cannot_be_written(self):
        disk = self.mount_tmpfs(4 << 20, "state")
        self.daemon.settings["state"] = str(disk / "state")
        self.begin()
        self.assertEqual(1, self.metric("state_writable"))
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(os.urandom(4096))
            except OSError:
                pass
        self.source.stop()
        self.fires("PgrecallWalStalled")
        self.assertIn("full", self.fires("PgrecallStateUnwritable")["summary"])
        self.assertEqual(0, self.metric("state_writable"))
        self.assertEqual(503, self.get("/readyz")[0])
        self.assertTrue(self.is_silent())
        listed = self.runner.run("alert", "list", exit=contract.WARNINGS).stdout
        self.assertIn("PgrecallStateUnwritable", listed)
        # What is over meanwhile is told to be over, too.
        self.source.start()
        self.is_over("PgrecallWalStalled")
        filler.unlink()
        self.is_over("PgrecallStateUnwritable")
        self.daemon.wait_for(lambda: self.get("/readyz")[0] == 200, "it to be ready")
        beats = len(self.beats.requests)
        self.daemon.wait_for(lambda: len(self.beats.requests) > beats, "the heartbeat to be back")
        # Nothing is told twice by the next daemon, and what was is known.
        told = len(self.hook.requests)
        self.daemon.stop()
        self.daemon.start().wait_until_streaming()
        self.rounds(ROUNDS)
        self.assertEqual(told, len(self.hook.requests), [request.json()["title"] for request in self.hook.requests])
        past = {alert["name"] for alert in self.daemon.alerts(scope="all") if alert["state"] == "resolved"}
        self.assertLessEqual({"PgrecallWalStalled", "PgrecallStateUnwritable"}, past)
        self.daemon.stop()


if __name__ == "__main__":
    main()
