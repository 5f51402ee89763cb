#!/usr/bin/python3
"""What must not be done is refused, with the exit code of the table, before anything is written."""

import json
import re
import shutil
import subprocess

from harness import IntegrationTest, Pgrecall, contract, main, tool


class Refusals(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.tool = self.pgrecall(self.source)
        self.backup = self.tool.backup("prod")
        self.into = self.directory / "restored"

    def assert_refused(self, result, pattern):
        self.assertRegex(result.stderr, re.compile(pattern, re.IGNORECASE))
        self.assertIn("hint:", result.stderr)

    def test_directory_is_not_empty(self):
        self.into.mkdir()
        (self.into / "precious").write_text("mine")
        self.assert_refused(self.tool.restore("prod", self.into, exit=contract.FAILED), "not empty")
        self.assertEqual(["precious"], [path.name for path in self.into.iterdir()])

    def test_server_runs_there(self):
        before = sorted(path.name for path in self.source.data.iterdir())
        for arguments in ([], ["--delta"]):
            with self.subTest(arguments=arguments):
                self.assert_refused(self.tool.restore("prod", self.source.data, *arguments, exit=contract.FAILED), "running|not empty")
        self.assertEqual(before, sorted(path.name for path in self.source.data.iterdir()))
        self.assertEqual(1, self.source.scalar("select 1"))

    def test_running_server_is_named_as_such_for_delta(self):
        result = self.tool.restore("prod", self.source.data, "--delta", exit=contract.FAILED)
        self.assert_refused(result, r"running")
        self.assertIn(str(self.source.process.pid), result.stderr)

    def test_delta_over_another_system(self):
        other = self.create_server()
        other.stop()
        result = self.tool.restore("prod", other.data, "--delta", exit=contract.FAILED)
        self.assert_refused(result, "system identifier|another cluster")
        self.assertEqual(1, other.start().scalar("select 1"))

    def test_too_little_space(self):
        small = self.mount_tmpfs(4 << 20)
        self.assert_refused(self.tool.restore("prod", small / "data", exit=contract.FAILED), "space")
        self.assertEqual([], [path for path in small.rglob("*") if path.is_file()])

    def test_dry_run_writes_nothing_and_tells_the_plan(self):
        result = self.tool.restore("prod", self.into, "--dry-run", "--output", "json")
        self.assertIn(self.backup, result.stdout)
        json.loads(result.stdout)
        self.assertFalse(self.into.exists())

    def test_missing_binaries_are_warned_of(self):
        source = self.create_server(13)  # no binaries of 13 are where PostgreSQL is installed
        tool = self.pgrecall(source, name="tool13")
        tool.backup("prod")
        result = tool.restore("prod", self.into, "--dry-run", exit=(contract.DONE, contract.WARNINGS))
        self.assertRegex(result.text, r"(?i)warning.*13|13.*not found|no .*PostgreSQL 13")

    def test_binaries_that_cannot_start_it_are_refused(self):
        other = self.directory / "bin"
        other.mkdir()
        arguments = ("--binaries", other, "--latest")
        self.assert_refused(self.tool.restore("prod", self.into, *arguments, exit=contract.USAGE), "without a postgres")
        (other / "postgres").write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9 (Debian 14.9-1)'\n")
        (other / "postgres").chmod(0o755)
        self.assert_refused(self.tool.restore("prod", self.into, *arguments, exit=contract.USAGE), "PostgreSQL 14")
        self.assertFalse(self.into.exists())

    def test_a_tablespace_that_the_chosen_backup_has_not_is_refused_with_its_name(self):
        result = self.tool.restore("prod", self.into, "--tablespace=/nowhere=/elsewhere", exit=contract.USAGE)
        self.assert_refused(result, f"pgrecall show prod {self.backup}")

    def test_unknown_backup_names_what_there_is(self):
        result = self.tool.restore("prod", self.into, "--backup", "20200101T000000Z-full", exit=contract.TARGET_UNREACHABLE)
        self.assert_refused(result, "20200101T000000Z-full")
        self.assertIn(self.backup, result.stderr)
        self.assertFalse(self.into.exists())

    def test_unknown_cluster_names_what_there_is(self):
        self.assert_refused(self.tool.restore("prid", self.into, exit=contract.TARGET_UNREACHABLE), "prod")

    def test_list_of_an_unknown_cluster_is_no_empty_list(self):
        """A script with a mistyped name must not read "no backups" as an answer."""
        result = self.tool.run("list", "prid", "--repository", self.tool.url, config=False, exit=contract.TARGET_UNREACHABLE)
        self.assert_refused(result, "prod")

    def test_targets_that_mean_nothing(self):
        for target, why in (("--xid=-1", "no transaction id"), ("--xid=2", "no transaction id"), ("--xid=12x", "no transaction id"),
                            ("--at=2026-11-23", "a date without a time of day"), ("--at=2026-11-23T1", "no time"), ("--lsn=7", "no LSN")):
            self.assert_refused(self.tool.restore("prod", self.into, target, exit=contract.USAGE), why)
        result = self.tool.run("wal", "status", "prid", "--repository", self.tool.url, config=False, exit=contract.TARGET_UNREACHABLE)
        self.assert_refused(result, "prod")

    def test_newest_backup_is_from_a_wrong_clock(self):
        """The hint leads out: no backup would be possible before that day."""
        future = self.tool.repository / "clusters/prod/backups/20990101T000000Z-full"
        future.mkdir()
        (future / "manifest").write_bytes(b"what a killed backup left")
        result = self.tool.run("backup", "prod", exit=contract.FAILED)
        self.assert_refused(result, "clock")
        self.assertIn(str(future.relative_to(self.tool.repository)), result.stderr)
        shutil.rmtree(future)
        self.tool.backup("prod")

    def test_passphrase_without_seal_is_said(self):
        result = self.tool.run("repo", "init", "--repository", self.directory / "plain", config=False,
                               environment={"PGRECALL_PASSPHRASE": "forgotten"})
        self.assertRegex(result.stderr, "warning:.*not sealed")

    def test_output_that_cannot_be_written(self):
        for output in ("text", "json"):
            with self.subTest(output=output), open("/dev/full", "wb") as full:
                run = subprocess.run([tool.BINARY, "list", "--repository", self.tool.url, "--output", output],
                                     stdout=full, stderr=subprocess.PIPE, text=True, check=False)
                self.assertEqual(contract.FAILED, run.returncode)
                self.assertEqual("pgrecall: error: cannot write the output: No space left on device\n", run.stderr)

    def test_working_directory_is_gone(self):
        gone = self.directory / "gone"
        run = subprocess.run(["sh", "-c", 'mkdir "$1" && cd "$1" && rmdir "$1" && exec "$2" list --repository here', "sh", gone, tool.BINARY],
                             stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(contract.FAILED, run.returncode)
        self.assertIn("here", run.stderr)
        self.assertNotIn("defect", run.stderr)

    def test_no_repository(self):
        url = f"file://{self.directory}/nowhere"
        for command in (["list", "prod"], ["verify", "prod"], ["restore", "prod", "--into", self.into], ["repo", "info"]):
            with self.subTest(command=command[0]):
                self.tool.run(*command, "--repository", url, config=False, exit=contract.NO_REPOSITORY)

    def test_wrong_key(self):
        key, other = self.directory / "key", self.directory / "other-key"
        sealed = Pgrecall(self.directory / "sealed", repository_settings={"key_file": str(key)}).cluster("prod", self.source.conninfo())
        sealed.init()
        sealed.backup("prod")
        Pgrecall(self.directory / "sealed2", repository_settings={"key_file": str(other)}).cluster("prod", self.source.conninfo()).init()
        for arguments in (["--key-file", other], []):
            with self.subTest(arguments=arguments):
                sealed.restore("prod", self.into, *arguments, exit=contract.WRONG_KEY)
                sealed.run("list", "prod", "--repository", sealed.url, *arguments, config=False, exit=contract.WRONG_KEY)
        self.assertFalse(self.into.exists())

    def test_init_over_a_repository(self):
        identity = (self.tool.repository / "pgrecall.json").read_bytes()
        self.tool.init(exit=contract.FAILED)
        self.assertEqual(identity, (self.tool.repository / "pgrecall.json").read_bytes())

    def test_cluster_with_other_system_identifier(self):
        other = self.create_server()
        self.tool.cluster("prod", other.conninfo())
        result = self.tool.run("backup", "prod", exit=contract.FAILED)
        self.assert_refused(result, "system identifier")
        self.assertIn(other.system_identifier(), result.stderr)
        self.assertIn(self.source.system_identifier(), result.stderr)
        self.assertEqual([self.backup], self.tool.ids("prod"))

    def test_command_line_and_configuration(self):
        self.tool.run("bakcup", exit=contract.USAGE, config=False)
        self.tool.run("restore", "prod", exit=contract.USAGE)
        self.tool.run("backup", exit=contract.USAGE)
        self.tool.config.write_text(self.tool.config.read_text().replace('"connection"', '"conection"'))
        result = self.tool.run("backup", "prod", exit=contract.CONFIGURATION)
        self.assertRegex(result.stderr, r"pgrecall\.yaml:\d+:\d+: .*conection")
        self.assertIn("did you mean", result.stderr)
        self.tool.run("list", "--config", self.directory / "absent.yaml", config=False, exit=contract.CONFIGURATION)

    def test_damaged_pack_restores_nothing_startable(self):
        pack = max((self.tool.repository / "clusters/prod/packs").glob("*/*"), key=lambda path: path.stat().st_size)
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(content)
        result = self.tool.restore("prod", self.into, exit=contract.CORRUPTION)
        self.assertIn(pack.name, result.stderr)
        self.assertFalse((self.into / "global/pg_control").exists())
        finding = next(one for one in self.tool.verify("prod", exit=contract.CORRUPTION) if one["severity"] == "damage")
        self.assertIn(pack.name, finding["object"])
        self.assertIn(self.backup, finding["backups"])
        shutil.rmtree(self.into, ignore_errors=True)


if __name__ == "__main__":
    main()
