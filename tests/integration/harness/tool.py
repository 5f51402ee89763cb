"""Runs the pgrecall binary as a person would: a configuration file, arguments, exit codes, JSON."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess

from . import contract, processes

BINARY = pathlib.Path(os.environ.get("PGRECALL_BINARY", pathlib.Path(__file__).parents[3] / "build/release/daemon/pgrecall"))


@dataclasses.dataclass
class Result:
    argv: list
    exit: int
    stdout: str
    stderr: str
    peak_rss_bytes: int

    @property
    def text(self):
        return self.stdout + self.stderr

    def json(self):
        """The document on stdout; where progress precedes it as JSON lines, the last line."""
        try:
            return json.loads(self.stdout)
        except json.JSONDecodeError:
            return json.loads(self.stdout.strip().splitlines()[-1])

    def __str__(self):
        return f"exit {self.exit} from {' '.join(self.argv)}\n--- stdout\n{self.stdout}--- stderr\n{self.stderr}"


class Pgrecall:
    """The binary with one configuration: a repository `main` and clusters by name."""

    def __init__(self, directory, *, repository=None, repository_settings=None, environment=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.repository = pathlib.Path(repository or self.directory / "repository")
        self.config = self.directory / "pgrecall.yaml"
        self.clusters = {}
        self.settings = {"spool": str(self.directory)}  # top level keys
        self.repository_settings = repository_settings or {}  # further keys of `main`
        self.environment = {"TMPDIR": str(self.directory), **(environment or {})}
        self.outputs = []  # everything that any run said, for the search for secrets

    @property
    def url(self):
        return f"file://{self.repository}"

    def cluster(self, name, conninfo, **settings):
        """Adds a cluster to the configuration; settings are its further YAML keys."""
        self.clusters[name] = {"connection": conninfo, "repository": "main", **settings}
        self.write_config()
        return self

    def wal_folder(self, cluster, system=None):
        """Where the WAL of one system lies; of the only one, unless it is named."""
        folder = self.repository / "clusters" / cluster / "wal"
        if system is not None:
            return folder / str(system)
        [only] = folder.iterdir()
        return only

    def write_config(self):
        # JSON is YAML, quoting included.
        document = {**self.settings, "repositories": {"main": {"path": str(self.repository), **self.repository_settings}},
                    "clusters": self.clusters}
        self.config.write_text(json.dumps(document, indent=2) + "\n")

    def start(self, *arguments, config=True, user=None, environment=None, under=()):
        """A run that the caller waits for (finish) or kills. `under`: a program that runs it, such as strace."""
        argv = [*map(str, under), str(BINARY), *map(str, arguments)]
        if config:
            argv += ["--config", str(self.config)]
        process = processes.start(argv, user=user, environment={**self.environment, **(environment or {})},
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.argv = argv
        return process

    def finish(self, process, *, exit=0, timeout_seconds=180):
        code, out, err, peak = processes.collect(process, timeout_seconds)
        result = Result(process.argv, code, out, err, peak)
        self.outputs.append(result.text)
        expected = exit if isinstance(exit, (tuple, list, set)) else (exit,)
        if code not in expected:
            raise AssertionError(f"expected exit {exit}: {result}")
        return result

    def run(self, *arguments, exit=0, timeout_seconds=180, **options):
        """Runs to the end and asserts the exit code (one, or any of several)."""
        return self.finish(self.start(*arguments, **options), exit=exit, timeout_seconds=timeout_seconds)

    def kill(self, process):
        """kill -9, as a power loss would."""
        os.kill(process.pid, signal.SIGKILL)
        return self.finish(process, exit=(-signal.SIGKILL, 0, contract.WARNINGS))

    # The commands, with what every test asks of them.

    def init(self, **options):
        """By the configuration, or by the repository's address alone as long as no cluster is configured."""
        if self.clusters:
            return self.run("repo", "init", **options)
        return self.run("repo", "init", "--repository", self.url, config=False, **options)

    def backup(self, cluster, *arguments, **options):
        """Takes a backup and returns its id."""
        return contract.backup_id(self.run("backup", cluster, "--output", "json", *arguments, **options).json())

    def ids(self, cluster):
        return contract.listed_ids(self.run("list", cluster, "--output", "json").json())

    def verify(self, cluster, *arguments, exit=0, **options):
        return contract.findings(self.run("verify", cluster, "--output", "json", *arguments, exit=exit, **options).json())

    def restore(self, cluster, into, *arguments, exit=0, **options):
        """From the repository's address alone: the configuration of the host that burned down is not needed."""
        return self.run("restore", cluster, "--repository", self.url, "--into", into, *arguments, exit=exit, config=False, **options)
