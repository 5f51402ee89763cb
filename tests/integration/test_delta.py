#!/usr/bin/python3
"""restore --delta changes the copy that it is given, and nothing of any other server."""

import os
import re
import shutil
import stat

from harness import IntegrationTest, contract, main
from harness.processes import own


class Delta(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.location = self.directory / "space"
        self.source.add_tablespace("space", self.location)
        self.source.execute("create table there tablespace space as select i from generate_series(1, 1000) i; checkpoint")
        self.tool = self.pgrecall(self.source)
        self.tool.backup("prod")
        self.into = self.directory / "copy"
        self.moved = self.directory / "moved"

    def restore_moved(self):
        self.tool.restore("prod", self.into, f"--tablespace={self.location}={self.moved}")

    def files_of(self, directory):
        return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())

    def test_tablespaces_stay_where_the_copy_has_them(self):
        self.restore_moved()
        self.source.execute("create table later tablespace space as select 1; checkpoint")
        before = self.files_of(self.location)
        self.tool.restore("prod", self.into, "--delta")
        self.assertEqual(before, self.files_of(self.location))
        links = [os.readlink(link) for link in (self.into / "pg_tblspc").iterdir()]
        self.assertEqual([str(self.moved)], links)
        self.assertEqual(1, self.source.scalar("select count(*) from later"))

    def test_a_filled_tablespace_that_the_copy_has_no_link_to_is_refused(self):
        self.restore_moved()
        for link in (self.into / "pg_tblspc").iterdir():
            link.unlink()
        before = self.files_of(self.location)
        result = self.tool.restore("prod", self.into, "--delta", exit=contract.FAILED)
        self.assertRegex(result.stderr, "tablespace is not empty")
        self.assertIn("--tablespace", result.stderr)
        self.assertEqual(before, self.files_of(self.location))

    def test_a_copy_with_links_into_a_running_server_is_refused(self):
        self.source.stop()
        shutil.copytree(self.source.data, self.into, symlinks=True)
        self.source.start()
        result = self.tool.restore("prod", self.into, "--delta", exit=contract.FAILED)
        self.assertRegex(result.stderr, "running PostgreSQL server uses")
        self.assertIn(str(self.source.data), result.stderr)
        self.assertEqual(1000, self.source.scalar("select count(*) from there"))

    def test_old_wal_behind_a_link_goes(self):
        self.restore_moved()
        elsewhere = self.directory / "wal"
        shutil.move(self.into / "pg_wal", elsewhere)
        (self.into / "pg_wal").symlink_to(elsewhere)
        stale = elsewhere / "0000000100000000000000FE"
        stale.write_bytes(bytes(100))
        (elsewhere / "00000002.history").write_text("stale")
        self.tool.restore("prod", self.into, "--delta")
        self.assertEqual([], [path.name for path in elsewhere.iterdir() if path.name in (stale.name, "00000002.history")])
        self.assertTrue((self.into / "pg_wal").is_symlink())
        self.assertNotEqual([], list(elsewhere.iterdir()))

    def test_a_damaged_control_file_is_not_taken_for_a_damaged_repository(self):
        self.restore_moved()
        with open(self.into / "global" / "pg_control", "r+b") as file:
            file.write(b"nonsense")
        result = self.tool.restore("prod", self.into, "--delta", exit=contract.FAILED)
        self.assertIn(str(self.into / "global" / "pg_control"), result.stderr)

    def test_places_inside_of_others_are_refused(self):
        for place in (self.source.data / "base" / "new", self.tool.repository / "new"):
            with self.subTest(place=place):
                result = self.tool.restore("prod", place, f"--tablespace={self.location}={self.moved}", exit=contract.FAILED)
                self.assertRegex(result.stderr, re.compile("lies inside of a|running PostgreSQL server uses"))
                self.assertFalse(place.exists())
        result = self.tool.restore("prod", self.into, f"--tablespace={self.location}={self.source.data}/space", exit=contract.FAILED)
        self.assertRegex(result.stderr, "lies inside of a")


class GroupAccess(IntegrationTest):
    def test_the_mode_of_the_data_directory_comes_back(self):
        source = self.create_server(initdb_arguments=["--allow-group-access"])
        tool = self.pgrecall(source)
        tool.backup("prod")
        into = self.directory / "copy"
        tool.restore("prod", into)
        for path in (into, into / "pg_wal", into / "pg_tblspc"):
            self.assertEqual(0o750, stat.S_IMODE(path.stat().st_mode), path)

    def test_the_log_of_the_start_can_be_written(self):
        source = self.create_server()
        tool = self.pgrecall(source)
        tool.backup("prod")
        parent = self.directory / "by-root"
        parent.mkdir(mode=0o755)
        result = tool.restore("prod", parent / "data")
        self.assertIn(f"-l {parent}/data/startup.log", result.text)
        own(parent)
        shutil.rmtree(parent / "data")
        self.assertIn(f"-l {parent}/data.log", tool.restore("prod", parent / "data").text)


if __name__ == "__main__":
    main()
