#!/usr/bin/python3
"""kill -9 of the daemon at random moments of its work: it comes back, WAL goes on without a gap, what was interrupted is done."""

import random
import select
import shutil

from harness import IntegrationTest, main
from harness.daemon import NEVER, Daemon
from harness.receiver import Clients, destroy, wait_synchronously

KILLS = 30


class Killed(IntegrationTest):
    def test_daemon_killed_at_thirty_moments(self):
        dice = random.Random(20261123)
        source = self.create_server(initdb_arguments=["--wal-segsize=1"])
        source.fill(15)
        runner = self.pgrecall(source)
        runner.cluster("prod", source.conninfo(), backup={"checkpoint": "fast", "max_rate": "20MB/s"},
                       schedule={**NEVER, "daily": "* * * * *", "check": "* * * * *", "retries": 50, "retry_after": "1s"})
        daemon = Daemon(runner).start().wait_until_streaming()
        self.addCleanup(daemon.remove)
        clients = Clients(source)
        wait_synchronously(source)
        clients.start()
        seen = 0
        for number in range(KILLS):
            if number % 3 != 2 and not daemon.runs(state="running"):
                daemon.start_run("prod", dice.choice(["backup", "weekly", "verify"]))
            select.select([], [], [], dice.random() * 1.5)
            daemon.kill()
            daemon.start(wait=number % 3 != 1)
            if number % 3 == 1:  # also while it starts
                select.select([], [], [], dice.random() * 0.3)
                daemon.kill()
                daemon.start()
            source.wait_for(lambda: len(clients.acknowledged) > seen, "a commit", 60)
            seen = len(clients.acknowledged)
        daemon.wait_until_streaming()
        clients.stop()
        # No more of them by schedule, so that there is an end.
        runner.cluster("prod", source.conninfo(), backup={"checkpoint": "fast"}, schedule={**NEVER, "retries": 50, "retry_after": "1s"})
        daemon.ask("POST", "/v1/reload", status=200)
        daemon.wait_for(lambda: not daemon.runs(state="running") and not daemon.runs(state="queued"), "everything to be done", 300)
        runs = daemon.runs()
        interrupted = [run for run in runs if run["state"] == "interrupted"]
        self.assertGreater(len(interrupted), 5)
        for run in interrupted:
            follower = [other for other in runs if other["job"] == run["job"] and other["attempt"] == run["attempt"] + 1
                        and other["created"] >= run["ended"]]
            self.assertTrue(follower, f"{run} was not tried again")
        self.assertEqual([], [run for run in runs if run["state"] == "failed"])
        daemon.stop()
        self.assertEqual([], [path.name for path in (runner.repository / "leases").glob("*")])
        self.assertEqual([], [finding for finding in runner.verify("prod") if finding["severity"] == "damage"])
        self.assertEqual([], runner.run("wal", "status", "prod", "--output", "json", exit=(0, 3)).json()["clusters"][0]["gaps"])
        destroy(source)
        for path in [runner.directory, *runner.directory.rglob("*")]:
            shutil.chown(path, "postgres", "postgres")
        into = self.directory / "restored"
        runner.restore("prod", into, "--latest", "--spool", runner.settings["spool"])
        self.assertEqual([], clients.missing_from(self.restored_server(source, into).start()))
        self.assertGreater(len(clients.acknowledged), 300)


if __name__ == "__main__":
    main()
