#!/usr/bin/python3
"""PostgreSQL 13 to 18: backups of a quiet and of a loaded server restore to what they were, by PostgreSQL's own judgement."""

from harness import IntegrationTest, Load, amcheck, broken_pages, dump_everything, installed_versions, main, verify_backup


class Versions(IntegrationTest):
    def loaded_source(self, major):
        source = self.create_server(major)
        for name in ("space_one", "space_two"):
            source.add_tablespace(name, self.directory / name)
        return source, Load(source, tablespaces=["space_one", "space_two"]).prepare()

    def restore_elsewhere(self, tool, source, backup):
        """Restores with both tablespaces moved, as the source's are in use on this host."""
        into = self.directory / f"restored-{backup}"
        moves = [f"--tablespace={self.directory / name}={self.directory / backup / name}" for name in ("space_one", "space_two")]
        tool.restore("prod", into, "--backup", backup, *moves)
        verify_backup(source.version, into)
        for link in (into / "pg_tblspc").iterdir():
            self.assertEqual(self.directory / backup, link.resolve().parent)
        return self.restored_server(source, into)

    def assert_sound(self, server):
        amcheck(server)
        server.stop()
        self.assertEqual([], broken_pages(server.version, server.data))
        server.remove()

    def check(self, major):
        source, load = self.loaded_source(major)
        tool = self.pgrecall(source)
        with load:
            load.wait_for_commits(500)
            tool.cluster("prod", source.conninfo(), backup={"max_rate": "20MB/s"})
            commits = load.commits
            loaded = tool.backup("prod")
            self.assertGreater(load.commits, commits, "the load stood still while the backup ran")
        quiet = tool.backup("prod")
        expected = dump_everything(source)
        source.stop()

        with self.subTest("taken under load"):
            server = self.restore_elsewhere(tool, source, loaded).start()
            self.assert_invariants(server)
            self.assert_sound(server)
        with self.subTest("taken from a quiet server"):
            server = self.restore_elsewhere(tool, source, quiet).start()
            self.assert_same_data(expected, server)
            self.assert_sound(server)
        self.assertEqual([], tool.verify("prod"))

    def test_second_segment_file(self):
        source, load = self.loaded_source(15)
        source.fill(1200, "big")
        path = source.data / source.scalar("select pg_relation_filepath('big')")
        self.assertTrue(path.with_name(path.name + ".1").exists(), "the table has no second segment file")
        expected = source.scalar("select md5(string_agg(md5(body), '' order by i)) from big")
        tool = self.pgrecall(source)
        with load:
            load.wait_for_commits(200)
            loaded = tool.backup("prod", timeout_seconds=300)
        source.remove()
        server = self.restore_elsewhere(tool, source, loaded).start()
        self.assertEqual(expected, server.scalar("select md5(string_agg(md5(body), '' order by i)) from big"))
        self.assert_invariants(server)
        self.assert_sound(server)


for version in installed_versions():
    setattr(Versions, f"test_postgres_{version.major}", lambda self, major=version.major: self.check(major))

if __name__ == "__main__":
    main()
