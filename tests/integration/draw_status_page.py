#!/usr/bin/python3
"""Draws docs/status-page.png anew: the page of a real daemon that looked after two real servers for nine days, of which one has just
gone. Time is faked, and so is the name of the host; nothing else is. No test; a few minutes: draw_status_page.py FILE."""

import datetime
import pathlib
import random
import shutil
import sys

from harness import IntegrationTest, browser, processes
from harness.daemon import Daemon
from harness.peers import closed_port
from harness.tool import BINARY

DAYS = 9
LAST = datetime.datetime(2026, 11, 23, 11, 41, 0, tzinfo=datetime.timezone.utc)
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
SCHEDULE = {"timezone": "Europe/Berlin", "monthly": "never", "check": "45 13 * * *"}


class Drawing(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.clock = self.directory / "clock"
        self.set_clock(LAST - datetime.timedelta(days=DAYS))
        fake = {"LD_PRELOAD": FAKETIME, "FAKETIME_NO_CACHE": "1", "FAKETIME_TIMESTAMP_FILE": str(self.clock),
                "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        start = processes.start
        self.addCleanup(setattr, processes, "start", start)
        processes.start = lambda argv, *, environment=None, **options: start(argv, environment={**fake, **(environment or {})}, **options)

    def set_clock(self, time):
        offset = time - datetime.datetime.now(datetime.timezone.utc)
        self.clock.write_text(f"{offset.total_seconds():+.0f}\n")

    def server(self, port):
        server = self.create_server()
        server.stop()
        server.options.update({"listen_addresses": "127.0.0.1", "max_wal_size": "200MB"})
        server.port = port
        server.start()
        server.execute("create role pgrecall login replication superuser")
        return server

    def test_draw(self):
        self.clusters = {"shop": self.server(closed_port()), "crm": self.server(5432)}
        runner = self.pgrecall()
        runner.settings.update({"metrics": {"listen": f"127.0.0.1:{closed_port()}"}, "alerts": {
            "runbook_url": "https://wiki.example.com/pgrecall", "hold": "1s", "settle": "1s"}})
        for name, server in self.clusters.items():
            runner.cluster(name, f"host={name}.example.com hostaddr=127.0.0.1 port={server.port} user=pgrecall dbname=postgres",
                           schedule=SCHEDULE, backup={"checkpoint": "fast"}, wal={"tail_interval": "500ms"})
        self.daemon = Daemon(runner, program=["unshare", "--uts", "sh", "-c", 'hostname backup1; exec "$@"', "sh", BINARY, "daemon"])
        self.addCleanup(self.daemon.remove)
        for day in range(DAYS, -1, -1):
            self.live_through(LAST - datetime.timedelta(days=day))
        self.set_clock(LAST)
        self.begin()
        now = f"{LAST:%Y-%m-%dT%H:%M}"
        self.daemon.wait_for(lambda: all(self.daemon.status(name)["window"]["until"] >= now for name in self.clusters),
                             "the windows to be worked out anew", 120)
        self.clusters["crm"].stop()
        self.daemon.wait_for_run(self.daemon.start_run("crm", "check"), "failed")
        self.daemon.wait_for_alert("PgrecallRunFailed")
        url = f"http://{runner.settings['metrics']['listen']}/"
        browser.picture(url, self.directory / "page.png", 960, 1250)
        shutil.copy(self.directory / "page.png", pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else "status-page.png")

    def begin(self):
        self.daemon.start()
        for name in self.clusters:
            self.daemon.wait_until_streaming(name)
        self.daemon.wait_for(lambda: not [run for run in self.daemon.runs() if run["state"] in ("queued", "running")],
                             "all that was due to be done", 120)

    def live_through(self, day):
        """The night's backup, with what the day before brought."""
        self.set_clock(day.replace(hour=1, minute=29, second=52))
        for server in self.clusters.values():
            server.fill(random.Random(str(day)).randint(2, 9), table=f"day{day.day}")
        self.begin()
        due = f"{day:%Y-%m-%d}T01:30:00Z"
        self.daemon.wait_for(lambda: {run["cluster"] for run in self.daemon.runs(job="daily", state="done") if run["started"] >= due} ==
                             set(self.clusters), "the daily backups", 60)
        self.daemon.stop()


if __name__ == "__main__":
    import unittest

    unittest.main(argv=sys.argv[:1])
