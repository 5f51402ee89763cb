#!/usr/bin/python3
"""Completion in bash, as somebody gets it who presses the tabulator key."""

import pathlib
import subprocess

from harness import IntegrationTest, main
from harness.tool import BINARY

COMPLETION = pathlib.Path(__file__).parents[2] / "config/completion/pgrecall"


class Completion(IntegrationTest):
    def complete(self, *words):
        """What is offered for the last word."""
        script = 'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _pgrecall; printf "%s\\n" "${COMPREPLY[@]}"'
        result = subprocess.run(["bash", "-uc", script, "bash", COMPLETION, BINARY, *words], capture_output=True, text=True, check=True, timeout=60)
        self.assertEqual("", result.stderr)
        return result.stdout.split()

    def test_verbs(self):
        self.assertEqual(["schedule"], self.complete("sch"))
        self.assertLessEqual({"backup", "restore", "wal", "repo"}, set(self.complete("")))
        self.assertEqual({"status", "events", "fetch", "receive", "push"}, set(self.complete("wal", "")))
        self.assertEqual(["export"], self.complete("repo", "key", "e"))
        self.assertEqual(["schema"], self.complete("--config", "backup", "config", "schem"), "a file may be called as a verb is")

    def test_options(self):
        self.assertEqual(["--note", "--no-daemon", "--no-progress"], self.complete("backup", "prod", "--no"))
        self.assertIn("--config", self.complete("backup", "prod", "--"))
        self.assertNotIn("--into", self.complete("backup", "prod", "--"))
        self.assertIn("--into", self.complete("restore", "prod", "--"))
        self.assertEqual(["weekly"], self.complete("backup", "prod", "--keep", "w"))
        self.assertEqual(["json"], self.complete("list", "--output", "j"))

    def test_file_names_are_left_to_bash(self):
        self.assertEqual([], self.complete("list", "--config", ""))


main()
