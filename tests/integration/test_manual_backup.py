#!/usr/bin/python3
"""config/scripts/manual-backup.sh against a real server: the id, the exit codes, the proof by restore. (The .ps1 has no PowerShell to
run on here.)"""

import os
import pathlib
import subprocess

from harness import IntegrationTest, contract, main
from harness.tool import BINARY

SCRIPT = pathlib.Path(__file__).parents[2] / "config/scripts/manual-backup.sh"


class ManualBackup(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.server = self.create_server()
        self.server.execute("create table t as select n, repeat('x', 200) as filler from generate_series(1, 20000) n")
        self.tool = self.pgrecall(self.server)

    def script(self, *arguments, binary=BINARY):
        return subprocess.run([SCRIPT, *arguments, "--", "--config", self.tool.config], env={**os.environ, "PGRECALL": str(binary)},
                              capture_output=True, text=True, timeout=120)

    def backups(self):
        return self.tool.run("list", "prod", "--output", "json").json()["clusters"][0]["backups"]

    def test_backup_verify_and_restore(self):
        below = self.directory / "below"
        below.mkdir()
        result = self.script("prod", "--full", "--keep", "weekly", "--note", "by hand", "--restore", str(below))
        self.assertEqual(0, result.returncode, result.stderr)
        [backup] = self.backups()
        self.assertEqual([backup["id"]], result.stdout.split(), "the id is all of its output")
        self.assertEqual(("weekly", "by hand", "full"), (backup["keep"], backup["note"], backup["kind"]))
        self.assertIsNotNone(backup["verified"])
        self.assertIn("backup successfully verified", result.stderr, "pg_verifybackup's own words")
        self.assertEqual([], list(below.iterdir()), "what was restored is gone again")

    def test_progress_is_shown_once(self):
        talking = self.directory / "talking"
        talking.write_text(f"""#!/bin/bash
if [[ $1 == backup ]]; then
  printf '%s\n' '{{"progress":{{"phase":"copying","percent":26,"x":1}}}}' '{{"progress":{{"phase":"copying","percent":null}}}}' hello >&2
fi
exec {BINARY} "$@" --no-progress
""")
        talking.chmod(0o755)
        result = self.script("prod", binary=talking)
        self.assertEqual(0, result.returncode, result.stderr)
        lines = result.stderr.splitlines()
        self.assertEqual((1, 1), (lines.count("manual-backup: copying 26%"), lines.count("hello")), result.stderr)

    def test_help_and_a_place_to_restore_that_is_not_there(self):
        result = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, timeout=60)
        self.assertEqual(0, result.returncode)
        self.assertIn("--restore DIRECTORY", result.stdout)
        self.assertEqual(2, self.script("prod", "--restore", str(self.directory / "nosuch")).returncode)
        self.assertFalse(self.tool.repository.joinpath("clusters").exists(), "found out before the backup")

    def test_damage_is_told_by_the_exit_code(self):
        """A pgrecall that damages what it stored, as a broken disk would."""
        broken = self.directory / "broken"
        broken.write_text(f"""#!/bin/bash
{BINARY} "$@"; code=$?
if [[ $1 == backup ]]; then
  pack=$(find {self.tool.repository}/clusters/prod/packs -type f | head -1)
  printf x | dd of="$pack" bs=1 seek=2000 conv=notrunc status=none
fi
exit $code
""")
        broken.chmod(0o755)
        result = self.script("prod", binary=broken)
        self.assertEqual(contract.CORRUPTION, result.returncode, result.stderr)
        self.assertEqual("", result.stdout)

    def test_failures_keep_their_exit_code(self):
        self.server.stop()
        result = self.script("prod")
        self.assertEqual(contract.DATABASE_UNREACHABLE, result.returncode, result.stderr)
        self.assertEqual("", result.stdout)
        self.assertEqual([], self.backups())

    def test_wrong_command_lines(self):
        for arguments in ([], ["prod", "other"], ["prod", "--frobnicate"], ["prod", "--note"]):
            with self.subTest(arguments):
                result = subprocess.run([SCRIPT, *arguments], env={**os.environ, "PGRECALL": str(BINARY)}, capture_output=True, text=True)
                self.assertEqual(contract.USAGE, result.returncode)
                self.assertIn("Usage: manual-backup.sh CLUSTER", result.stderr)


main()
