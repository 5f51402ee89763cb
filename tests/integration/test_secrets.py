#!/usr/bin/python3
"""Canary passwords and keys: they appear in no output, no process list, no server log, no repository object."""

import pathlib
import threading

from harness import IntegrationTest, Pgrecall, contract, main

PASSWORD = "canary-password-7c1f"
PASSPHRASE = "canary-passphrase-93ab"
WEBHOOK = "https://hooks.example.com/services/canary-webhook-55d0"


class ProcessList:
    """Collects the command line of every process until it is stopped, as `ps` would show it."""

    def __enter__(self):
        self.seen = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()
        return self

    def _collect(self):
        while not self._stop.wait(0.01):
            for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except (FileNotFoundError, ProcessLookupError):
                    continue  # it ended meanwhile

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


class Secrets(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.source.execute(f"create role backup login replication password '{PASSWORD}'")
        self.source.pg_hba("local all postgres trust", "local all all scram-sha-256", "local replication all scram-sha-256")

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return str(path)

    def exercise(self, tool, *, key_arguments):
        """Every command, good and failing, as a person might run it and paste what it said."""
        tool.settings["alerts"] = {"receivers": {"oncall": {"kind": "slack", "url": WEBHOOK}}}
        tool.write_config()
        with ProcessList() as processes:
            tool.init()
            tool.run("config", "check", exit=(contract.DONE, contract.WARNINGS))
            tool.run("config", "show", exit=(contract.DONE, contract.WARNINGS))
            tool.run("config", "show", "--output", "json", exit=(contract.DONE, contract.WARNINGS))
            tool.run("check", "prod", exit=(contract.DONE, contract.WARNINGS))
            tool.run("backup", "prod")
            tool.run("backup", "prod", "--output", "json")
            (first, _) = tool.ids("prod")
            tool.run("list", "prod")
            tool.run("show", "prod", first)
            tool.run("verify", "prod")
            tool.run("repo", "info")
            tool.restore("prod", self.directory / "restored", *key_arguments)
            connection = tool.clusters["prod"]["connection"]
            for broken in (connection.replace("port=5432", "port=5433"), connection.replace("user=backup", "user=nobody_here")):
                tool.clusters["prod"]["connection"] = broken
                tool.write_config()
                tool.run("backup", "prod", exit=contract.DATABASE_UNREACHABLE)
                tool.run("check", "prod", exit=(contract.FAILED, contract.DATABASE_UNREACHABLE))
            # A mistake right beside the secret must not quote it.
            tool.clusters["prod"]["connection"] = connection + " bogus_option=1"
            tool.write_config()
            tool.run("backup", "prod", exit=(contract.CONFIGURATION, contract.DATABASE_UNREACHABLE, contract.FAILED))
        return processes.seen

    def assert_unseen(self, canaries, tool, seen):
        places = {"output": "\n".join(tool.outputs), "process list": "\n".join(seen), "server log": self.source.log_path.read_text()}
        for path in tool.repository.rglob("*"):
            if path.is_file():
                places[str(path)] = path.read_bytes().decode("latin-1")
        for canary in canaries:
            self.assertEqual([], [place for place, text in places.items() if canary in text])

    def test_literal_password_and_passphrase(self):
        connection = self.source.conninfo(user="backup", password=PASSWORD)
        tool = self.tool({"passphrase": PASSPHRASE}).cluster("prod", connection)
        passphrase_file = self.file("passphrase", PASSPHRASE)
        seen = self.exercise(tool, key_arguments=["--passphrase-file", passphrase_file])
        self.assert_unseen([PASSWORD, PASSPHRASE, WEBHOOK, "canary-"], tool, seen)

    def test_files(self):
        key = self.directory / "key"
        tool = self.tool({"key_file": str(key)})
        tool.cluster("prod", self.source.conninfo(user="backup"), password_file=self.file("password", PASSWORD))
        seen = self.exercise(tool, key_arguments=["--key-file", key])
        digits = key.read_text().split()[2]
        self.assertEqual(64, len(digits))
        self.assertEqual(0o600, key.stat().st_mode & 0o777)
        self.assert_unseen([PASSWORD, digits, bytes.fromhex(digits).decode("latin-1"), WEBHOOK], tool, seen)

    def test_environment(self):
        tool = self.tool({"passphrase_env": "TEST_PASSPHRASE"}, {"TEST_PASSPHRASE": PASSPHRASE, "TEST_PASSWORD": PASSWORD})
        tool.cluster("prod", self.source.conninfo(user="backup"), password_env="TEST_PASSWORD")
        seen = self.exercise(tool, key_arguments=["--passphrase-file", self.file("passphrase", PASSPHRASE)])
        self.assert_unseen([PASSWORD, PASSPHRASE, WEBHOOK], tool, seen)

    def tool(self, repository_settings, environment=None):
        return Pgrecall(self.directory / "tool", repository_settings=repository_settings, environment=environment)


if __name__ == "__main__":
    main()
