#!/usr/bin/python3
"""A page with a broken checksum in the source: the backup succeeds with warnings and names file and block."""

from harness import IntegrationTest, contract, main

PAGE_SIZE = 8192


class Checksums(IntegrationTest):
    def break_page(self, source, table, block):
        """Flips one byte in the middle of a page, behind the stopped server's back; returns the file's path in the data directory."""
        relation = source.scalar(f"select pg_relation_filepath('{table}')")
        source.stop()
        path = source.data / relation
        with open(path, "r+b") as file:
            file.seek(block * PAGE_SIZE + PAGE_SIZE - 100)
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 0xFF]))
        source.start()
        return relation

    def test_broken_page_is_recorded_and_does_not_abort(self):
        source = self.create_server()
        source.fill(5)
        relation = self.break_page(source, "filler", 7)
        tool = self.pgrecall(source)
        result = tool.run("backup", "prod", "--output", "json", exit=contract.WARNINGS)
        self.assertEqual([(relation, 7)], contract.page_failures(result.json()))
        self.assertIn("pgrecall show", result.stderr)
        (backup,) = tool.ids("prod")
        shown = tool.run("show", "prod", backup)
        self.assertRegex(shown.stdout, rf"{relation}\D+7\b")
        self.assertEqual([(relation, 7)], contract.page_failures(tool.run("show", "prod", backup, "--output", "json").json()))
        # What was backed up is what was there: restored, the page is as broken as it was.
        into = self.directory / "restored"
        tool.restore("prod", into)
        self.assertEqual((source.data / relation).read_bytes(), (into / relation).read_bytes())
        noted = [finding for finding in tool.verify("prod", exit=(contract.DONE, contract.WARNINGS)) if finding.get("block") == 7]
        self.assertEqual(["notice"], [finding["severity"] for finding in noted])

    def test_failure_stays_in_later_backups_that_share_the_page(self):
        source = self.create_server()
        source.fill(5)
        relation = self.break_page(source, "filler", 3)
        tool = self.pgrecall(source)
        tool.run("backup", "prod", exit=contract.WARNINGS)
        again = tool.run("backup", "prod", "--output", "json", exit=contract.WARNINGS)
        self.assertEqual([(relation, 3)], contract.page_failures(again.json()))

    def test_block_numbers_count_over_segment_files(self):
        # A relation's checksums hold the block number in the relation: the second segment file begins at 131072.
        source = self.create_server()
        source.fill(1100, "big")
        source.execute("checkpoint")
        relation = source.scalar("select pg_relation_filepath('big')")
        source.stop()
        with open(source.data / f"{relation}.1", "r+b") as file:
            file.seek(2 * PAGE_SIZE + 4000)
            file.write(b"no such text was here")
        source.start()
        tool = self.pgrecall(source)
        result = tool.run("backup", "prod", "--output", "json", exit=contract.WARNINGS)
        ((file, block),) = contract.page_failures(result.json())
        self.assertIn((file, block), [(f"{relation}.1", 131072 + 2), (relation, 131072 + 2)])

    def test_cluster_without_checksums_has_none_to_break(self):
        source = self.create_server(checksums=False)
        source.fill(5)
        self.break_page(source, "filler", 7)
        self.pgrecall(source).backup("prod")


if __name__ == "__main__":
    main()
