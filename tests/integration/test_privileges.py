#!/usr/bin/python3
"""The least that a role and pg_hba.conf must grant."""

from harness import IntegrationTest, contract, dump_everything, main

SUPERUSER_LINE = "local all postgres trust"


class Privileges(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.source.execute("create role backup login replication; create role reader login")

    def tool_as(self, user, **more):
        tool = self.pgrecall()
        return tool.cluster("prod", self.source.conninfo(user=user, **more))

    def test_login_and_replication_are_enough_with_stock_rules_for_databases(self):
        # What stock Supabase has: no `replication` line at all. `all` matches replication=database only.
        self.source.pg_hba(SUPERUSER_LINE, "local all all trust")
        tool = self.tool_as("backup")
        result = tool.run("backup", "prod", "--output", "json")
        self.assertIn("replication=database", result.text)
        self.assert_restores(tool, self.source, expected=dump_everything(self.source))

    def test_a_replication_line_alone_is_enough(self):
        self.source.pg_hba(SUPERUSER_LINE, "local replication backup trust")
        tool = self.tool_as("backup")
        result = tool.run("backup", "prod", "--output", "json", exit=(contract.DONE, contract.WARNINGS))
        self.assertIn("replication=true", result.text)
        self.assert_restores(tool, self.source, expected=dump_everything(self.source))

    def test_without_replication_says_what_to_grant(self):
        result = self.tool_as("reader").run("backup", "prod", exit=contract.DATABASE_UNREACHABLE)
        self.assertRegex(result.stderr, "hint:.*REPLICATION")

    def test_wrong_password_is_not_tried_in_a_loop(self):
        self.source.execute("alter role backup password 'right'")
        self.source.pg_hba(SUPERUSER_LINE, "local all all scram-sha-256", "local replication all scram-sha-256")
        self.tool_as("backup", password="wrong").run("backup", "prod", exit=contract.DATABASE_UNREACHABLE)
        failures = self.source.log().count("password authentication failed for user")
        # One a way of connecting: databases of failed logins ban the address.
        self.assertIn(failures, (1, 2))

    def test_password_file(self):
        self.source.execute("alter role backup password 'right'")
        self.source.pg_hba(SUPERUSER_LINE, "local all all scram-sha-256", "local replication all scram-sha-256")
        password = self.directory / "password"
        password.write_text("right\n")
        password.chmod(0o600)
        tool = self.pgrecall().cluster("prod", self.source.conninfo(user="backup"), password_file=str(password))
        tool.backup("prod")

    def test_nothing_is_left_on_the_server(self):
        tool = self.tool_as("backup")
        tool.backup("prod")
        self.assertEqual(0, self.source.scalar("select count(*) from pg_replication_slots"))

    def test_check_warns_of_what_is_missing(self):
        result = self.tool_as("reader").run("check", "prod", exit=(contract.FAILED, contract.DATABASE_UNREACHABLE, contract.WARNINGS))
        self.assertIn("REPLICATION", result.text)


if __name__ == "__main__":
    main()
