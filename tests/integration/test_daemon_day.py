#!/usr/bin/python3
"""A Sunday, the first of a month, in two minutes: every job by the default hours, WAL all the time, and then back to a random moment."""

import datetime
import os
import pathlib
import random
import shutil
import threading

from harness import IntegrationTest, main, tool
from harness.daemon import Daemon

PROGRAM = pathlib.Path(os.environ.get("PGRECALL_FAST_DAEMON", tool.BINARY.parents[1] / "tests/integration/fast_daemon/fast_daemon"))
SPEED = 720  # a day in two minutes
START = "2026-11-01T01:30:00Z"
END = "2026-11-01T13:00:00Z"


class Writer(threading.Thread):
    """Inserts numbers, and remembers when each was begun and when it was known to be committed."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.over = threading.Event()
        self.rows = []
        server.execute("create table moments (number int)")

    def run(self):
        connection = self.server.connect()
        with connection.cursor() as cursor:
            while not self.over.wait(0.01):
                begun = datetime.datetime.now(datetime.timezone.utc)
                cursor.execute("insert into moments values (%s)", (len(self.rows),))
                self.rows.append((begun, datetime.datetime.now(datetime.timezone.utc)))
        connection.close()

    def stop(self):
        self.over.set()
        self.join()


class Day(IntegrationTest):
    def test_a_day_of_jobs_then_a_random_moment_of_it(self):
        source = self.create_server()
        source.fill(20)
        runner = self.pgrecall(source)
        runner.cluster("prod", source.conninfo(), backup={"checkpoint": "fast"}, wal={"tail_interval": "500ms"},
                       schedule={"verify": "30 6 * * *", "drill": "never", "expire": "10 */2 * * *"},
                       retention={"daily": 1, "weekly": 1, "monthly": 1, "window": "10s"})
        writer = Writer(source)
        writer.start()
        daemon = Daemon(runner, program=[PROGRAM, str(SPEED), START]).start()
        self.addCleanup(daemon.remove)
        daemon.wait_for(lambda: daemon.get("/v1/status")["now"] > END, "the day to pass", 300)
        runs = daemon.runs()
        daemon.stop()
        writer.stop()

        self.assertEqual([], [run for run in runs if run["state"] not in ("done", "warnings", "skipped")], daemon.log())
        done = {job: [run for run in runs if run["job"] == job and run["state"] != "skipped"] for job in
                ("daily", "weekly", "monthly", "verify", "expire", "check")}
        self.assertEqual(["first", "schedule"], [run["trigger"] for run in done["daily"]])
        self.assertEqual(["2026-11-01T02:30:00Z"], [run["due"] for run in done["daily"] if run["due"]])
        self.assertEqual(["2026-11-01T03:30:00Z"], [run["due"] for run in done["weekly"]])
        self.assertEqual(["2026-11-01T04:30:00Z"], [run["due"] for run in done["monthly"]])
        self.assertEqual(["2026-11-01T06:30:00Z"], [run["due"] for run in done["verify"]])
        self.assertGreaterEqual(len(done["expire"]), 4)
        # Every hour has its check, or the reason why not.
        self.assertEqual([f"2026-11-01T{hour:02}:45:00Z" for hour in range(1, 12)],
                         sorted(run["due"] for run in runs if run["job"] == "check")[:11])
        self.assert_no_overlap([run for run in runs if run["state"] != "skipped"])
        kept = runner.run("list", "prod", "--output", "json").json()["clusters"][0]["backups"]
        self.assertEqual("monthly", kept[-1]["keep"])
        self.assertLess(len(kept), 4)
        self.assertEqual([], [finding for finding in runner.verify("prod") if finding["severity"] == "damage"])

        window = runner.run("wal", "status", "prod", "--output", "json", exit=(0, 3)).json()["clusters"][0]["windows"][-1]
        low, high = (datetime.datetime.fromisoformat(window[name].replace("Z", "+00:00")) for name in ("from_time", "until_time"))
        moment = low + random.random() * (high - low - datetime.timedelta(seconds=1))
        print(f"back to {moment.isoformat()}, within {low} to {high}")
        for path in [runner.directory, *runner.directory.rglob("*")]:
            shutil.chown(path, "postgres", "postgres")
        into = self.directory / "restored"
        runner.restore("prod", into, "--at", moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "--action", "promote")
        restored = self.restored_server(source, into).start()
        found = {row[0] for row in restored.execute("select number from moments")}
        wanted = {number for number, (_, committed) in enumerate(writer.rows) if committed <= moment}
        unwanted = {number for number, (begun, _) in enumerate(writer.rows) if begun > moment}
        self.assertEqual(set(), wanted - found)
        self.assertEqual(set(), unwanted & found)
        self.assertGreater(len(wanted), 100)

    def assert_no_overlap(self, runs):
        spans = sorted((run["started"], run["ended"], run["id"]) for run in runs if run["ended"])
        for before, after in zip(spans, spans[1:]):
            self.assertLessEqual(before[1], after[0], f"{before[2]} and {after[2]}")


if __name__ == "__main__":
    main()
