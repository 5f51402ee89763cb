"""A server that archives into a repository, and what drills of it need."""

import pathlib

from . import contract, processes, tool
from .case import IntegrationTest

SERVER_OPTIONS = {"checkpoint_timeout": "1h", "max_wal_size": "1GB", "shared_buffers": "16MB"}


class DrillTest(IntegrationTest):
    def prepare(self, major=15, *, name="tool", checksums=True, drill=None, before_backup=(), server_options=None):
        """Server and runner: a repository that user postgres owns, with a backup of 1 MiB segments; the scratch directory is its, too."""
        runner = self.pgrecall(name=name)
        command = f"{tool.BINARY} wal push prod %p --repository {runner.url}"
        source = self.create_server(major, initdb_arguments=["--wal-segsize=1"], checksums=checksums,
                                    options={**SERVER_OPTIONS, "archive_mode": "on", "archive_command": command, **(server_options or {})})
        self.scratch = self.directory / f"scratch-{name}"
        self.scratch.mkdir()
        runner.settings["scratch"] = str(self.scratch)
        runner.cluster("prod", source.conninfo(), drill={"binaries": [str(source.version.bin)], **(drill or {})})
        for path in [self.scratch, runner.directory, *runner.directory.rglob("*")]:
            processes.own(path)
        for statement in before_backup:
            source.execute(statement)
        runner.backup("prod", user="postgres")
        return source, runner

    def archive_all(self, source):
        """Until everything written so far is in the repository."""
        file = source.scalar("select pg_walfile_name(pg_switch_wal())")
        source.wait_for(lambda: (source.scalar("select last_archived_wal from pg_stat_archiver") or "")[8:] >= file[8:], f"{file} to be archived")

    def drill(self, runner, *arguments, exit=0, **options):
        """The report of a drill; nothing is left of it but the log of one that failed."""
        result = runner.run("drill", "prod", *arguments, "--output", "json", user=options.pop("user", "postgres"), exit=exit, **options)
        self.assert_clean()
        return result.json()

    def assert_clean(self):
        self.assertEqual([], [path for path in self.scratch.iterdir() if path.name != "logs"], "scratch is left")
        for process in pathlib.Path("/proc").glob("[0-9]*/cwd"):
            try:
                place = str(process.readlink())
            except OSError:
                continue  # it has just ended
            self.assertFalse(place.startswith(str(self.scratch)), f"a server is left: {process}")

    @staticmethod
    def states(report):
        """{what: worst state} of its checks."""
        order = ["good", "not_checked", "warning", "bad"]
        found = {}
        for check in report["drill"]["checks"]:
            found[check["what"]] = max(check["state"], found.get(check["what"], "good"), key=order.index)
        return found

    @staticmethod
    def bad(report):
        """Every detail of a check that failed."""
        return [f"{check['what']}: {check['detail']}" for check in report["drill"]["checks"] if check["state"] == "bad"]

    def records(self, runner):
        return sorted((runner.repository / "clusters/prod/drills").iterdir())


__all__ = ["DrillTest", "contract"]
