#!/usr/bin/python3
"""A full disk: a clear message, nothing listed, space given back, and the next backup works once there is room."""

import resource
import shutil
import subprocess

from harness import IntegrationTest, contract, dump_everything, main

SMALL_BYTES = 96 << 20  # room for two packs


class FullDisk(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.source.fill(240)

    def test_repository_is_full(self):
        disk = self.mount_tmpfs(SMALL_BYTES)
        tool = self.pgrecall(self.source, repository=disk / "repository")
        result = tool.run("backup", "prod", exit=(contract.FAILED, contract.STORE_UNREACHABLE))
        self.assertRegex(result.stderr.lower(), "no space left|disk full|file system is full|space")
        self.assertIn("hint:", result.stderr)
        self.assertEqual([], tool.ids("prod"))
        self.assertGreater(shutil.disk_usage(disk).free, SMALL_BYTES * 0.8, "what the failed backup stored fills the disk still")
        subprocess.run(["mount", "-o", "remount,size=1g", disk], check=True)
        tool.backup("prod")
        self.assertEqual([], [finding for finding in tool.verify("prod") if finding["severity"] == "damage"])
        self.assert_restores(tool, self.source, expected=dump_everything(self.source))

    def test_earlier_backups_stay_whole_when_the_next_does_not_fit(self):
        disk = self.mount_tmpfs(1 << 30)
        tool = self.pgrecall(self.source, repository=disk / "repository")
        first = tool.backup("prod")
        expected = dump_everything(self.source)
        used = shutil.disk_usage(disk).used
        subprocess.run(["mount", "-o", f"remount,size={used + (8 << 20)}", disk], check=True)
        self.source.execute("update filler set body = reverse(body)")
        tool.run("backup", "prod", exit=(contract.FAILED, contract.STORE_UNREACHABLE))
        self.assertEqual([first], tool.ids("prod"))
        self.assert_restores(tool, self.source, expected=expected)

    def test_limit_of_file_size_is_an_error_and_no_sudden_death(self):
        tool = self.pgrecall(self.source)
        process = tool.start("backup", "prod")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        result = tool.finish(process, exit=(contract.FAILED, contract.STORE_UNREACHABLE))
        self.assertRegex(result.stderr, "File too large")
        self.assertEqual([], tool.ids("prod"))

    def test_spool_is_full(self):
        spool = self.mount_tmpfs(64 << 10)
        tool = self.pgrecall(self.source)
        for number in range(2):  # leaves no room even for a directory's page
            (spool / f"filler{number}").write_bytes(bytes(32 << 10))
        tool.settings["spool"] = str(spool)
        tool.cluster("prod", self.source.conninfo())
        result = tool.run("backup", "prod", exit=contract.STORE_UNREACHABLE, environment={"TMPDIR": str(spool)})
        self.assertIn(str(spool), result.stderr)
        self.assertRegex(result.stderr, "No space left on device")
        self.assertIn("hint:", result.stderr)
        self.assertEqual([], tool.ids("prod"))
        self.assertEqual(["filler0", "filler1"], sorted(path.name for path in spool.iterdir()))
        for filler in spool.iterdir():
            filler.unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", spool], check=True)
        backup = tool.backup("prod")
        self.assertEqual([backup], tool.ids("prod"))
        self.assertEqual([], list(spool.iterdir()), "temporary files stay behind")


if __name__ == "__main__":
    main()
