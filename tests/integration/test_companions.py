#!/usr/bin/python3
"""Files from outside of the database are kept with each backup, shared, brought back as they were, and never lost without a word."""

import os
import pathlib
import shutil
import signal
import stat

from harness import IntegrationTest, Pgrecall, contract, main
from harness.daemon import NEVER, Daemon

KEY = "canary-vault-key-0123456789abcdef0123456789abcdef"
NOON = 1_700_000_000


def tree(root):
    """{path: (kind, mode, mtime, content)} of all that is below."""
    found = {}
    for path in sorted(pathlib.Path(root).rglob("*")):
        state = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        mode = 0 if path.is_symlink() else stat.S_IMODE(state.st_mode)
        found[str(path.relative_to(root))] = (stat.S_IFMT(state.st_mode), mode, int(state.st_mtime), content)
    return found


class Companions(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.files = self.mkdir("files")
        self.key = self.write("db/pgsodium_root.key", KEY, 0o644)
        self.write(".env", "PASSWORD=canary\n", 0o600)
        self.write("custom/conf.d/one.conf", "a = 1\n", 0o640)
        self.write("custom/pgsodium_root.key", KEY, 0o600)
        self.write("functions/main/index.ts", "serve()\n", 0o644)
        self.write("functions/large.bin", os.urandom(3_000_000), 0o600)
        self.write("functions/empty", "", 0o600)
        os.symlink("/etc/passwd", self.files / "functions/outside")
        os.symlink("main", self.files / "functions/inside")
        os.mkfifo(self.files / "functions/pipe")
        (self.files / "functions/main").chmod(0o750)
        for path in self.files.rglob("*"):
            os.utime(path, (NOON, NOON), follow_symlinks=False)

    def mkdir(self, name):
        path = self.directory / name
        path.mkdir()
        return path

    def write(self, name, content, mode):
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def companions(self):
        return {"functions": {"path": str(self.files / "functions")},
                "vault-key": {"path": str(self.key)},
                "env": {"command": ["cat", str(self.files / ".env")], "file": ".env"},
                "custom": {"command": ["tar", "-C", str(self.files / "custom"), "-cf", "-", "."], "format": "tar"}}

    def prepare(self, companions, sealed=True, **settings):
        key_file = str(self.directory / "repository.key")
        runner = Pgrecall(self.directory / "tool", repository_settings={"key_file": key_file} if sealed else {})
        runner.cluster("prod", self.source.conninfo(), companions=companions, schedule=NEVER, backup={"checkpoint": "fast"}, **settings)
        runner.init()
        if sealed:
            self.key_arguments = ("--key-file", key_file)
        return runner

    def expected(self):
        """Of each companion, as it has to come back."""
        found = tree(self.files)
        under = lambda place: {path[len(place) + 1:]: what for path, what in found.items() if path.startswith(place + "/")}
        wanted = {"functions/" + path: what for path, what in under("functions").items() if path != "pipe"}
        wanted.update({"custom/" + path: what for path, what in under("custom").items()})
        regular, _, mtime, content = found["db/pgsodium_root.key"]
        wanted["vault-key/pgsodium_root.key"] = (regular, 0o640, mtime, content)  # everybody could read it
        return wanted

    def assert_restored(self, place):
        self.assertEqual(0o700, stat.S_IMODE(place.stat().st_mode))
        found = tree(place)
        for folder in ("functions", "custom", "vault-key", "env"):
            self.assertEqual(stat.S_IFDIR, found.pop(folder)[0])
        regular, mode, _, content = found.pop("env/.env")
        self.assertEqual((stat.S_IFREG, 0o600, b"PASSWORD=canary\n"), (regular, mode, content))
        self.assertEqual(self.expected(), found)

    def test_kept_shared_and_brought_back(self):
        runner = self.prepare(self.companions())
        first = runner.run("backup", "prod", "--output", "json")
        self.assertIn("functions/pipe is a named pipe, and was left out", first.stderr)
        second = runner.run("backup", "prod", "--output", "json").json()
        self.assertGreater(contract.stored_bytes(first.json()), 3_000_000)
        self.assertLess(contract.stored_bytes(second), 1_000_000)
        kept = {one["name"]: one for one in second["backup"]["companions"]}
        self.assertEqual({"functions", "vault-key", "env", "custom"}, set(kept))
        self.assertEqual((3, 3_000_008, None, []), tuple(kept["functions"][member] for member in ("files", "bytes", "problem", "secrets")))
        self.assertEqual(["pgsodium_root.key"], kept["custom"]["secrets"])
        shown = runner.run("show", "prod", "latest").stdout
        self.assertRegex(shown, r"Companion files\n.*custom  2 files, 55 B, gathered ")
        self.assertEqual([], runner.verify("prod"))
        for path in runner.repository.rglob("*"):
            self.assertFalse(path.is_file() and b"canary" in path.read_bytes(), path)

        into = self.directory / "alone"
        said = runner.restore("prod", into, *self.key_arguments).stdout
        self.assertRegex(said, r"companions not restored: .*vault-key.* --companions DIR")
        self.assertEqual([], [path for path in into.rglob("*") if path.name in ("pgsodium_root.key", "index.ts")])

        for within in (self.directory / "inside", self.directory / "inside/companions"):
            refused = runner.restore("prod", self.directory / "inside", "--companions", within, *self.key_arguments, exit=contract.USAGE)
            self.assertIn("--companions lies in a directory of the server's", refused.text)
        into, place = self.directory / "both", self.directory / "deep/companions"
        said = runner.restore("prod", into, "--companions", place, *self.key_arguments).stdout
        self.assertIn(f"into {place}", said)
        self.assert_restored(place)
        self.assertTrue((into / "global/pg_control").exists())

        place = self.mkdir("by-themselves")
        only = ("restore", "prod", "--companions", place)
        planned = runner.run(*only, "--dry-run", "--output", "json").json()["companions"]
        self.assertEqual((None, []), (planned["restored"], planned["missing"]))
        self.assertEqual([], list(place.iterdir()))
        done = runner.run(*only, "--backup", contract.backup_id(first.json()), "--output", "json").json()["companions"]
        self.assertEqual(["vault-key/pgsodium_root.key"], done["restored"]["narrowed"])
        self.assert_restored(place)
        refused = runner.run(*only, exit=contract.FAILED)
        self.assertIn("nothing is overwritten", refused.text)
        self.assertIn("--latest needs --into", runner.run(*only, "--latest", exit=contract.USAGE).text)
        self.assertIn("--into is required", runner.run("restore", "prod", exit=contract.USAGE).text)
        self.assertFalse(any(KEY in output for output in runner.outputs))

    def test_one_that_fails_costs_no_backup_and_is_told_until_it_is_mended(self):
        broken = {"functions": {"path": str(self.files / "functions/main")},
                  "custom": {"command": ["sh", "-c", "echo half; echo no such container >&2; exit 1"], "file": "custom.tar"}}
        runner = self.prepare(broken, sealed=False, flavor="supabase")
        runner.settings["alerts"] = {"hold": "1s", "settle": "1s"}
        daemon = Daemon(runner)
        self.addCleanup(daemon.remove)
        daemon.configure().start()
        run = daemon.wait_for_run(daemon.start_run("prod", "backup"), "warnings")
        backup = run["result"]["document"]["backup"]
        self.assertEqual(["the command ended by exit status 1: no such container"],
                         [one["problem"].split(" (")[0] for one in backup["companions"] if one["problem"]])
        self.assertEqual([], runner.verify("prod"))  # the backup is whole
        command = daemon.wait_for_alert("PgrecallCompanionMissing", subject="custom")
        self.assertIn("no such container", command["summary"])
        self.assertIn("pgsodium_root.key", daemon.wait_for_alert("PgrecallCompanionMissing", subject="Vault key")["summary"])
        status = runner.run("status", "prod", exit=contract.WARNINGS).stdout
        self.assertIn("companions   NOT in the newest backup: custom; functions in the newest backup", status)
        self.assertIn("Vault key    missing: pgsodium_root.key", status)
        checked = runner.run("check", "prod", exit=contract.WARNINGS).stdout
        for expected in (r"good +companion functions +1 file, 8 B", r"warning +companion custom +the command ended by exit status 1",
                         r"warning +Vault key +no companion has pgsodium_root.key"):
            self.assertRegex(checked, expected)

        place = self.directory / "half"
        half = runner.run("restore", "prod", "--companions", place, exit=contract.WARNINGS)
        self.assertIn("does not have companion custom", half.stderr)
        self.assertEqual({"functions", "functions/index.ts"}, set(tree(place)))

        runner.clusters["prod"]["companions"] = self.companions()
        runner.write_config()
        daemon.ask("POST", "/v1/reload", status=200)
        daemon.wait_for_run(daemon.start_run("prod", "backup"), "done", "warnings")
        daemon.wait_for(lambda: not [one for one in daemon.alerts("prod") if one["name"] == "PgrecallCompanionMissing"], "the alert to be over")
        told = daemon.status()["companions"]
        self.assertTrue(told["vault_key"])
        self.assertEqual({"functions", "vault-key", "env", "custom"}, {one["name"] for one in told["list"]})
        self.assertNotIn("missing", runner.run("status", "prod", exit=(contract.DONE, contract.WARNINGS)).stdout)
        checked = runner.run("check", "prod", exit=contract.WARNINGS).stdout
        self.assertRegex(checked, r"warning +companion env +these are stored in the clear, as the repository is not sealed: \.env")
        shutil.rmtree(self.files / "functions")
        worse = runner.run("backup", "prod", "--no-daemon", exit=(contract.WARNINGS, contract.HELD))
        self.assertFalse(any(KEY in output for output in runner.outputs), worse)

    def test_interrupted_while_a_command_runs(self):
        begun = self.directory / "begun"
        runner = self.prepare({"slow": {"command": ["sh", "-c", f"sleep 1000 & echo $! >{begun}.part; mv {begun}.part {begun}; wait"]}})
        process = runner.start("backup", "prod")
        self.source.wait_for(begun.exists, "the command to begin")
        process.send_signal(signal.SIGINT)
        runner.finish(process, exit=contract.CANCELLED)
        child = pathlib.Path("/proc") / begun.read_text().strip() / "stat"
        self.assertTrue(not child.exists() or ") Z " in child.read_text())
        self.assertEqual([], runner.ids("prod"))


if __name__ == "__main__":
    main()
