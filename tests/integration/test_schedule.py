#!/usr/bin/python3
"""`pgrecall schedule`: the next runs of a configuration, as text and as JSON. (When they are due is tested in tests/unit/schedule.)"""

import datetime

from harness import IntegrationTest, Pgrecall, contract, main


class Schedule(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.tool = Pgrecall(self.directory / "tool")
        self.tool.cluster("berlin", "host=/nowhere", schedule={"timezone": "Europe/Berlin", "spread": "10m", "check": "never"})
        self.tool.cluster("utc", "host=/nowhere", schedule={"daily": "*/5 * * * *", "weekly": "never", "monthly": "never",
                                                            "verify": "never", "drill": "never", "expire": "never", "check": "never"})

    def runs(self, *arguments):
        return self.tool.run("schedule", *arguments, "--output", "json").json()["runs"]

    def test_json(self):
        before = datetime.datetime.now(datetime.timezone.utc)
        runs = self.runs("-n", "400")
        self.assertEqual(400, len(runs))
        starts = [datetime.datetime.fromisoformat(run["starts"]) for run in runs]
        self.assertEqual(sorted(starts), starts)
        self.assertGreater(starts[0], before - datetime.timedelta(seconds=1))
        for run, start in zip(runs, starts):
            self.assertEqual(start, datetime.datetime.fromisoformat(run["local"]), "the same moment, by another clock")
            late = start - datetime.datetime.fromisoformat(run["due"])
            self.assertGreaterEqual(late, datetime.timedelta(0))
            self.assertLess(late, datetime.timedelta(minutes=10 if run["cluster"] == "berlin" else 0, microseconds=1))
        self.assertEqual({"Europe/Berlin", "UTC"}, {run["timezone"] for run in runs})
        every_five = [start for run, start in zip(runs, starts) if run["cluster"] == "utc"]
        self.assertEqual({datetime.timedelta(minutes=5)}, {later - earlier for earlier, later in zip(every_five, every_five[1:])})
        self.assertEqual({run["job"] for run in self.runs("berlin", "-n", "60")}, {"daily", "weekly", "monthly", "verify", "drill", "expire"})
        self.assertEqual({("berlin", "weekly", "30 3 * * 0")},
                         {(run["cluster"], run["job"], run["expression"]) for run in self.runs("--job", "weekly")})

    def test_text(self):
        lines = self.tool.run("schedule", "utc").stdout.splitlines()
        self.assertEqual(["CLUSTER", "JOB", "LOCAL", "TIME", "UTC", "IN"], lines[0].split())
        self.assertEqual(20, len(lines) - 1)
        self.assertEqual("nothing is scheduled: each job that was asked for runs never\n",
                         self.tool.run("schedule", "utc", "--job", "check").stdout)

    def test_refusals(self):
        self.assertIn("clusters: berlin, utc", self.tool.run("schedule", "paris", exit=contract.USAGE).stderr)
        self.assertIn("it is one of: daily, weekly", self.tool.run("schedule", "--job", "drink", exit=contract.USAGE).stderr)
        self.tool.run("schedule", "-n", "0", exit=contract.USAGE)
        self.assertIn("--config FILE", self.tool.run("schedule", "--repository", "/nowhere", config=False, exit=contract.USAGE).stderr)
        self.tool.cluster("utc", "host=/nowhere", schedule={"daily": "30 25 * * *"})
        wrong = self.tool.run("schedule", exit=contract.CONFIGURATION).stderr
        self.assertRegex(wrong, r"pgrecall\.yaml:\d+:\d+: clusters\.utc\.schedule\.daily: 25 is no hour: out of range")


main()
