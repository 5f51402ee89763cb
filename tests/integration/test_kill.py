#!/usr/bin/python3
"""kill -9 of a backup at 50 random moments: nothing half-done is listed, nothing earlier is harmed, the next one works."""

import random
import select
import signal
import time

from harness import IntegrationTest, contract, dump_everything, main

KILLS = 50
CHECK_EVERY = 10


class Kill(IntegrationTest):
    def test_killed_backups_leave_no_harm(self):
        dice = random.Random(20261123)
        source = self.create_server()
        source.fill(40)
        tool = self.pgrecall(source)
        good = {tool.backup("prod"): dump_everything(source)}
        started = time.monotonic()
        probe = tool.backup("prod", "--full")
        duration = time.monotonic() - started
        good[probe] = dump_everything(source)
        killed = attempt = 0

        while killed < KILLS and attempt < 4 * KILLS:
            attempt += 1
            source.execute(f"update filler set body = reverse(body) where i % 50 = {attempt % 50}")
            process = tool.start("backup", "prod", "--full")
            # Slower runs are hit too, early ones more often: most of what can tear happens as things begin.
            select.select([], [], [], duration * dice.random())
            outcome = tool.kill(process)
            killed += outcome.exit == -signal.SIGKILL
            if outcome.exit != -signal.SIGKILL:  # it was faster than the dice: what killed runs left makes the next ones short
                duration *= 0.8
            # Killed behind the commit, or not at all: then it is listed, and must be as good as any other.
            for committed in set(tool.ids("prod")) - set(good):
                good[committed] = dump_everything(source)
                self.assertEqual(committed, max(good))
            self.assertEqual(sorted(good), sorted(tool.ids("prod")), f"after kill {attempt}")
            if attempt % CHECK_EVERY == 0:
                good[tool.backup("prod")] = dump_everything(source)
                self.assertEqual([], self.damage(tool), f"after kill {attempt}")
                restored = self.assert_restores(tool, source, expected=good[max(good)])
                restored.remove()

        self.assertEqual(KILLS, killed, "runs ended before they were killed")
        for backup in (min(good), probe):
            self.assert_restores(tool, source, "prod", "--backup", backup, expected=good[backup]).remove()

    @staticmethod
    def damage(tool):
        """Findings but orphans: what killed runs stored is there for the next to use, and says so."""
        return [finding for finding in tool.verify("prod") if finding["severity"] == "damage"]

    def test_killed_restore_does_not_start_and_is_finished_by_delta(self):
        source = self.create_server()
        source.fill(60)
        tool = self.pgrecall(source)
        tool.backup("prod")
        expected = dump_everything(source)
        into = self.directory / "restored"
        process = tool.start("restore", "prod", "--repository", tool.url, "--into", into, config=False)
        source.wait_for(lambda: process.poll() is not None or (into / "base").exists(), "the restore to begin")
        tool.kill(process)
        self.assertFalse((into / "global/pg_control").exists())
        refused = tool.restore("prod", into, exit=contract.FAILED)
        self.assertIn("--delta", refused.stderr)
        tool.restore("prod", into, "--delta")
        self.assert_same_data(expected, self.restored_server(source, into).start())


if __name__ == "__main__":
    main()
