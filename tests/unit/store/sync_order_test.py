"""Watches and disturbs the system calls of a posix store with strace.

Power loss cannot be had in a unit test; the order of the calls that guard against it can: content is synced before it gets its
name, the name before anybody is told. And what the disk refuses must leave nothing behind.

usage: sync_order_test.py STORE_PROBE        exit status 77: skipped, strace cannot trace here
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROBE = sys.argv.pop()
CALLS = "openat,write,fsync,fdatasync,linkat,link,renameat2,rename,unlink,mkdir,rmdir"


class Traced:
    """One run of the probe: its words, and its system calls as (name, path or descriptor's path, error)."""

    def __init__(self, root, *arguments, inject=(), only_path=None):
        with tempfile.NamedTemporaryFile("r") as log:
            command = ["strace", "-f", "-y", "-s", "300", "-o", log.name]
            command += ["-P", only_path] if only_path else ["-e", "trace=" + CALLS]
            for fault in inject:
                command += ["-e", "inject=" + fault]
            done = subprocess.run(command + [PROBE, root, *arguments], capture_output=True, text=True, check=True)
            self.said = done.stdout.strip()
            lines = [line.split(None, 1)[1].replace(root, "ROOT") for line in log.read().splitlines()]
            self.lines = [re.sub("AT_FDCWD<[^>]*>", "AT_FDCWD", line) for line in lines]

    def position(self, pattern):
        """The number of the only call that matches."""
        found = [number for number, line in enumerate(self.lines) if re.search(pattern, line)]
        assert len(found) == 1, f"{pattern} matches {len(found)} of\n" + "\n".join(self.lines)
        return found[0]

    def positions(self, pattern):
        return [number for number, line in enumerate(self.lines) if re.search(pattern, line)]


class StoreTest(unittest.TestCase):
    def setUp(self):
        self.base = tempfile.mkdtemp(prefix="pgrecall-test-")
        self.root = self.base + "/store"

    def tearDown(self):
        shutil.rmtree(self.base)

    def run_probe(self, *arguments, **options):
        return Traced(self.root, *arguments, **options)

    def files(self):
        found = []
        for directory, _, names in os.walk(self.root):
            found += [os.path.relpath(os.path.join(directory, name), self.root) for name in names]
        return sorted(name for name in found if name != ".pgrecall+tmp/lock")

    def assert_in_order(self, trace, *patterns):
        positions = [trace.position(pattern) for pattern in patterns]
        self.assertEqual(positions, sorted(positions), "\n".join(trace.lines))


class SyncOrder(StoreTest):
    def check_put(self, naming, publish):
        trace = self.run_probe(naming, "put", "a/b/c")
        self.assertEqual(trace.said, "created")
        published = trace.position(publish)
        written = trace.positions(r"^write\(\d+<ROOT/\.pgrecall\+tmp/")
        synced = trace.position(r"^fsync\(\d+<ROOT/\.pgrecall\+tmp/")
        self.assertTrue(written and written[-1] < synced < published, "\n".join(trace.lines))
        # The object's name, and the names of the directories that were made for it, all the way up.
        for directory in ("ROOT/a/b>", "ROOT/a>", "ROOT>"):
            after = [number for number in trace.positions(r"^fsync\(\d+<" + directory) if number > published]
            self.assertTrue(after, directory + "\n" + "\n".join(trace.lines))
        self.assertEqual(self.files(), ["a/b/c"])

    def test_unnamed_file(self):
        self.check_put("unnamed", r'^linkat\(AT_FDCWD, "/proc/self/fd/\d+", AT_FDCWD, "ROOT/a/b/c", AT_SYMLINK_FOLLOW\) = 0')

    def test_named_file(self):
        self.check_put("named", r'^renameat2\(AT_FDCWD, "ROOT/\.pgrecall\+tmp/put-\w+", AT_FDCWD, "ROOT/a/b/c", RENAME_NOREPLACE\) = 0')

    def test_existing_object_is_synced_before_it_is_reported(self):
        self.run_probe("unnamed", "put", "a/b")
        trace = self.run_probe("unnamed", "put", "a/b")
        self.assertEqual(trace.said, "already_exists")
        trace.position(r"^fsync\(\d+<ROOT/a>")
        trace.position(r"^fsync\(\d+<ROOT>")

    def test_replace(self):
        self.run_probe("unnamed", "put", "a/b")
        trace = self.run_probe("unnamed", "replace", "a/b")
        self.assertEqual(trace.said, "replaced")
        self.assert_in_order(trace, r"^fsync\(\d+<ROOT/\.pgrecall\+tmp/put-", r'^rename\(.*"ROOT/a/b"\) = 0', r"^fsync\(\d+<ROOT/a>")
        self.assertEqual(self.files(), ["a/b"])

    def test_removals(self):
        for operation, said in (("remove", "removed"), ("remove_version", "replaced")):
            self.run_probe("unnamed", "put", "a/b")
            trace = self.run_probe("unnamed", operation, "a/b")
            self.assertEqual(trace.said, said)
            self.assert_in_order(trace, r'^unlink\("ROOT/a/b"\) = 0', r"^fsync\(\d+<ROOT/a>", r'^rmdir\("ROOT/a"\) = 0')


class Faults(StoreTest):
    def check_refused(self, naming, fault, operation="put", expected_files=()):
        trace = self.run_probe(naming, operation, "a/b", inject=[fault])
        self.assertRegex(trace.said, r"^store_unreachable, passing: ", fault)
        self.assertEqual(self.files(), sorted(expected_files), fault)
        return trace

    def test_failing_writes_and_syncs_leave_nothing(self):
        self.run_probe("unnamed", "put", "other")  # the first put syncs new directories too
        for naming in ("unnamed", "named"):
            for fault in ("write:error=ENOSPC:when=1", "write:error=EIO:when=1", "fsync:error=EIO:when=1", "fsync:error=ENOSPC:when=1"):
                self.check_refused(naming, fault, expected_files=["other"])

    def test_failing_publication_leaves_nothing(self):
        self.run_probe("unnamed", "put", "other")
        self.check_refused("unnamed", "linkat:error=EIO", expected_files=["other"])
        self.check_refused("unnamed", "linkat:error=EDQUOT", expected_files=["other"])
        self.check_refused("named", "renameat2:error=EIO", expected_files=["other"])

    def test_failing_directory_sync_is_told(self):
        self.run_probe("unnamed", "put", "a/other")
        # The content's sync is the first, the directory's the second: the object is there, whole, but not promised.
        self.check_refused("unnamed", "fsync:error=EIO:when=2", expected_files=["a/b", "a/other"])
        self.assertEqual(os.path.getsize(self.root + "/a/b"), 300_000)

    def test_failing_replace_keeps_the_object(self):
        self.run_probe("unnamed", "put", "a/b")
        for fault in ("write:error=ENOSPC:when=1", "fsync:error=EIO:when=1", "rename:error=EIO"):
            self.check_refused("unnamed", fault, "replace", ["a/b"])
            self.assertEqual(os.path.getsize(self.root + "/a/b"), 300_000)

    def test_interrupted_calls_go_on(self):
        trace = self.run_probe("unnamed", "put", "a/b", inject=["write:error=EINTR:when=1"])
        self.assertEqual(trace.said, "created")
        self.assertEqual(os.path.getsize(self.root + "/a/b"), 300_000)


class OlderFileSystems(StoreTest):
    def test_without_unnamed_files_the_store_names_them(self):
        self.run_probe("unnamed", "put", "other")
        for error in ("EOPNOTSUPP", "EISDIR", "EINVAL"):
            trace = self.run_probe("unnamed", "put", "a/" + error, inject=["openat:error=" + error], only_path=self.root + "/.pgrecall+tmp")
            self.assertEqual(trace.said, "created")
            self.assertTrue(trace.positions(r"INJECTED"), "\n".join(trace.lines))
        self.assertEqual(self.files(), ["a/EINVAL", "a/EISDIR", "a/EOPNOTSUPP", "other"])

    def test_without_noreplace_the_store_links(self):
        for error in ("EINVAL", "ENOSYS"):
            trace = self.run_probe("named", "put", "a/" + error, inject=["renameat2:error=" + error])
            self.assertEqual(trace.said, "created")
            trace.position(r'^link\("ROOT/\.pgrecall\+tmp/put-\w+", "ROOT/a/' + error + r'"\) = 0')
        self.assertEqual(self.files(), ["a/EINVAL", "a/ENOSYS"])

    def test_temporary_file_without_unnamed_files(self):
        os.makedirs(self.root)
        trace = self.run_probe("unnamed", "temporary", inject=["openat:error=EOPNOTSUPP"], only_path=self.root)
        self.assertEqual(trace.said, "content")
        self.assertTrue(trace.positions(r"INJECTED"), "\n".join(trace.lines))
        self.assertEqual(os.listdir(self.root), [])


def can_trace():
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    if not can_trace():
        print("skipped: strace is missing or not allowed to trace")
        sys.exit(77)
    unittest.main()
