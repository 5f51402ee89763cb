"""The base of all integration tests: one temporary directory, removed whatever happens, and servers that end with the test."""

import atexit
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from . import contract, digest, load, tool, versions
from .server import Server

SPACE_WANTED_BYTES = 6 << 30


def _base_directory():
    """PGRECALL_TEST_TMP, or memory where there is enough of it, or $TMPDIR."""
    given = os.environ.get("PGRECALL_TEST_TMP")
    if given:
        return given
    return "/dev/shm" if pathlib.Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > SPACE_WANTED_BYTES else None


class IntegrationTest(unittest.TestCase):
    maxDiff = None
    needs_binary = True

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise PermissionError("integration tests run as root: they start servers as user postgres")
        if cls.needs_binary and not tool.BINARY.exists():
            raise FileNotFoundError(f"no binary at {tool.BINARY}; build it, or set PGRECALL_BINARY")

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pgr-", dir=_base_directory()))
        self.directory.chmod(0o755)  # servers run as another user
        remove = lambda: shutil.rmtree(self.directory, ignore_errors=True)
        atexit.register(remove)
        self.addCleanup(atexit.unregister, remove)
        self.addCleanup(remove)
        self.servers = 0

    def create_server(self, major=versions.DEBIAN_MAJOR, *, start=True, **arguments):
        self.servers += 1
        server = Server.create(versions.version(major), self.directory / f"s{self.servers}", **arguments)
        self.addCleanup(server.remove)
        return server.start() if start else server

    def restored_server(self, source, data_directory, **options):
        """A server for a data directory restored from `source`; not started."""
        self.servers += 1
        server = Server(source.version, data_directory, self.directory / f"r{self.servers}", {**source.options, **options})
        server.options["unix_socket_directories"] = str(server.run_directory)
        server.options["listen_addresses"] = ""
        self.addCleanup(server.remove)
        return server

    def pgrecall(self, server=None, cluster="prod", *, name="tool", **arguments):
        """The binary with an initialized repository, and `cluster` configured for `server`."""
        runner = tool.Pgrecall(self.directory / name, **arguments)
        if server:
            runner.cluster(cluster, server.conninfo())
        runner.init()
        return runner

    def mount_tmpfs(self, size_bytes, name="small"):
        """A file system of that size; a test that needs a full disk fills this one."""
        directory = self.directory / name
        directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=755", "tmpfs", directory], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", directory], check=False)
        return directory

    def assert_same_data(self, source_digest, restored):
        self.assertEqual([], digest.difference(source_digest, digest.dump_everything(restored)))

    def assert_invariants(self, server, database="postgres"):
        self.assertEqual([], load.broken_invariants(server, database))

    def assert_restores(self, runner, source, cluster="prod", *arguments, expected=None):
        """Restores, starts, compares with `expected` (a digest) or else judges the load's invariants; returns the server."""
        into = self.directory / f"restored{self.servers}"
        runner.restore(cluster, into, *arguments)
        server = self.restored_server(source, into).start()
        if expected is None:
            self.assert_invariants(server)
        else:
            self.assert_same_data(expected, server)
        return server


def main():
    unittest.main(verbosity=2, warnings="error")


__all__ = ["IntegrationTest", "contract", "main"]
