#!/usr/bin/python3
"""The main job once around: back up, list, show, pin, verify, restore, restore again over what is there."""

import shutil

from harness import IntegrationTest, contract, dump_everything, main


class Smoke(IntegrationTest):
    def test_backup_and_restore(self):
        source = self.create_server()
        source.fill(20)
        tool = self.pgrecall(source)
        first = tool.backup("prod", "--note", "before the release")
        self.assertEqual([first], tool.ids("prod"))
        self.assertEqual([], tool.verify("prod"))
        shown = tool.run("show", "prod", first, "--output", "json").json()
        self.assertEqual("before the release", shown["backup"]["note"])
        self.assertIn(first, tool.run("list", "prod").stdout)
        self.assert_restores(tool, source, expected=dump_everything(source))

    def test_second_backup_stores_what_changed_and_is_whole(self):
        source = self.create_server()
        source.fill(60)
        tool = self.pgrecall(source)
        first = tool.run("backup", "prod", "--output", "json").json()
        second = tool.run("backup", "prod", "--output", "json").json()
        # WAL of the backup itself and a few pages of catalogs and control files are always new.
        self.assertLess(contract.stored_bytes(second), contract.stored_bytes(first) * 0.05)
        source.execute("delete from filler where i % 1000 = 1")
        third = tool.backup("prod")
        self.assertEqual([contract.backup_id(first), contract.backup_id(second), third], tool.ids("prod"))
        expected = dump_everything(source)
        self.assert_restores(tool, source, "prod", "--backup", third, expected=expected)
        self.assertEqual([], tool.verify("prod"))

    def test_full_stores_everything_anew(self):
        source = self.create_server()
        tool = self.pgrecall(source)
        first = tool.run("backup", "prod", "--output", "json").json()
        again = tool.run("backup", "prod", "--full", "--output", "json").json()
        self.assertTrue(contract.backup_id(again).endswith("-full"))
        self.assertGreater(contract.stored_bytes(again), contract.stored_bytes(first) * 0.8)

    def test_sealed_repository_needs_only_address_and_key(self):
        source = self.create_server()
        source.execute("create table secret as select 'plain text that must not be found' as word from generate_series(1, 1000)")
        key = self.directory / "key"
        tool = self.pgrecall(source, repository_settings={"key_file": str(key)})
        tool.backup("prod")
        expected = dump_everything(source)
        for path in tool.repository.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"plain text that must not", path.read_bytes())
        elsewhere = self.directory / "elsewhere"
        shutil.copytree(tool.repository, elsewhere)
        shutil.rmtree(tool.repository)
        tool.repository = elsewhere
        self.assert_restores(tool, source, "prod", "--key-file", key, expected=expected)

    def test_delta_rewrites_what_differs(self):
        source = self.create_server()
        source.fill(20)
        tool = self.pgrecall(source)
        tool.backup("prod")
        expected = dump_everything(source)
        restored = self.assert_restores(tool, source, expected=expected)
        restored.execute("drop table filler; create table later as select 1 as one")
        restored.stop()
        (restored.data / "PG_VERSION").unlink()
        (restored.data / "base" / "left over").write_text("does not belong here")
        tool.restore("prod", restored.data, "--delta")
        self.assertFalse((restored.data / "base" / "left over").exists())
        self.assert_same_data(expected, restored.start())

    def test_pinned_backups_say_so(self):
        tool = self.pgrecall(self.create_server())
        backup = tool.backup("prod")
        tool.run("pin", "prod", backup)
        self.assertIn("pinned", tool.run("show", "prod", backup).stdout)
        tool.run("unpin", "prod", backup)
        self.assertNotIn("pinned", tool.run("show", "prod", backup).stdout.replace("not pinned", ""))

    def test_check_finds_a_good_server_good(self):
        tool = self.pgrecall(self.create_server())
        tool.run("check", "prod", exit=(contract.DONE, contract.WARNINGS))

    def test_compression_methods_restore_alike(self):
        source = self.create_server()
        expected = None
        for number, method in enumerate(({"method": "lz4"}, {"method": "none"}, {"method": "zstd", "level": 9})):
            with self.subTest(**method):
                tool = self.pgrecall(name=f"tool{number}")
                tool.cluster("prod", source.conninfo(), backup={"compression": method})
                tool.backup("prod")
                expected = expected or dump_everything(source)
                self.assert_restores(tool, source, expected=expected)


if __name__ == "__main__":
    main()
