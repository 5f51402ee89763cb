#!/usr/bin/python3
"""A backup taken from a standby restores to a server of its own, with all that the standby had."""

from harness import IntegrationTest, Server, dump_everything, main, processes
from harness.versions import client_program


class Standby(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.primary = self.create_server()
        self.primary.fill(20)
        data = self.directory / "standby"
        data.mkdir(mode=0o700)
        processes.own(data)
        processes.run([client_program("pg_basebackup"), "-D", data, "-R", "-c", "fast", "-h", self.primary.run_directory, "-U", "postgres"],
                      user="postgres")
        self.standby = Server(self.primary.version, data, self.directory / "standby-run")
        self.standby.is_standby = True
        self.addCleanup(self.standby.remove)
        self.standby.start()

    def catch_up(self):
        end = self.primary.scalar("select pg_current_wal_flush_lsn()")
        self.standby.wait_for(lambda: self.standby.scalar("select pg_last_wal_replay_lsn() >= %s::pg_lsn", (end,)), "the standby to catch up")

    def test_backup_of_a_standby(self):
        tool = self.pgrecall(self.standby)
        self.primary.execute("create table before_backup as select generate_series(1, 1000) i")
        self.primary.execute("checkpoint")  # what a standby's backup begins with is its newest restart point
        self.catch_up()
        backup = tool.backup("prod")
        shown = tool.run("show", "prod", backup, "--output", "json").json()["backup"]
        self.assertTrue(shown["from_standby"])
        self.assertEqual([], tool.verify("prod"))
        expected = dump_everything(self.standby)
        self.primary.execute("create table after_backup as select 1 i")
        into = self.directory / "restored"
        result = tool.restore("prod", into)
        self.assertRegex(result.stderr, "warning:.*standby")
        # The primary is alive: a server that followed it would have after_backup.
        self.assertFalse((into / "standby.signal").exists())
        restored = self.restored_server(self.primary, into).start()
        self.assert_same_data(expected, restored)
        restored.execute("create table writable (i int)")

    def test_later_backup_of_the_primary_shares_with_it(self):
        tool = self.pgrecall(self.standby)
        self.catch_up()
        tool.backup("prod")
        tool.cluster("prod", self.primary.conninfo())
        second = tool.run("backup", "prod", "--output", "json").json()["backup"]
        self.assertEqual("incremental", second["kind"])
        self.assertGreater(second["shared_bytes"], second["logical_bytes"] * 0.9)
        self.assert_restores(tool, self.primary, expected=dump_everything(self.primary))


if __name__ == "__main__":
    main()
