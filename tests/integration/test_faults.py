#!/usr/bin/python3
"""The server goes away, the connection is cut, the run is cancelled: clear errors, nothing listed, the next backup works."""

import signal

from harness import IntegrationTest, contract, main
from harness.proxy import Proxy


class Faults(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.source.fill(40)
        self.tool = self.pgrecall()

    def slow_backup(self, conninfo):
        """A backup that takes seconds, caught as it streams files."""
        self.source.wait_for(lambda: not self.source.is_streaming_backup(), "the server to notice that the last backup ended")
        self.tool.cluster("prod", conninfo, backup={"max_rate": "8MB/s"})
        process = self.tool.start("backup", "prod")
        self.source.wait_for(lambda: process.poll() is not None or self.source.is_streaming_backup(), "the backup to stream")
        self.assertIsNone(process.poll(), "the backup ended before it could be disturbed")
        return process

    def assert_nothing_listed_and_next_works(self):
        self.assertEqual([], self.tool.ids("prod"))
        self.tool.cluster("prod", self.source.conninfo())
        backup = self.tool.backup("prod")
        self.assertEqual([backup], self.tool.ids("prod"))
        self.assertEqual([], [finding for finding in self.tool.verify("prod") if finding["severity"] == "damage"])

    def test_server_is_stopped(self):
        process = self.slow_backup(self.source.conninfo())
        self.source.crash()
        result = self.tool.finish(process, exit=contract.DATABASE_UNREACHABLE)
        self.assertIn("hint:", result.stderr)
        self.source.start()
        self.assert_nothing_listed_and_next_works()

    def test_server_is_restarted_in_order(self):
        """It says so and ends the COPY: no archive is damaged because it is cut short."""
        process = self.slow_backup(self.source.conninfo())
        self.source.stop()
        result = self.tool.finish(process, exit=contract.DATABASE_UNREACHABLE)
        self.assertRegex(result.stderr, "administrator command|connection was lost")
        self.assertIn("hint:", result.stderr)
        self.source.start()
        self.assert_nothing_listed_and_next_works()

    def test_connection_is_cut(self):
        proxy = Proxy(self.source, self.directory / "proxy")
        self.addCleanup(proxy.close)
        process = self.slow_backup(self.source.conninfo(host=proxy.directory))
        proxy.cut()
        self.tool.finish(process, exit=contract.DATABASE_UNREACHABLE)
        self.assert_nothing_listed_and_next_works()

    def test_server_is_not_there(self):
        self.source.stop()
        self.tool.cluster("prod", self.source.conninfo())
        result = self.tool.run("backup", "prod", exit=contract.DATABASE_UNREACHABLE)
        self.assertIn(str(self.source.run_directory), result.stderr)
        self.source.start()
        self.assert_nothing_listed_and_next_works()

    def test_interrupt_cancels(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                process = self.slow_backup(self.source.conninfo())
                process.send_signal(number)
                self.tool.finish(process, exit=contract.CANCELLED)
                self.assertEqual([], self.tool.ids("prod"))
        self.assert_nothing_listed_and_next_works()


if __name__ == "__main__":
    main()
