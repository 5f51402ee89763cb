#!/usr/bin/python3
"""Runs protocol_live, the C++ test of the connection, BASE_BACKUP and WAL stream, against every PostgreSQL version."""

import os

from harness import IntegrationTest, Load, installed_versions, main
from harness import processes

PROGRAM = os.environ.get("PGRECALL_PROTOCOL_LIVE", "")


class Protocol(IntegrationTest):
    needs_binary = False

    def check(self, major):
        server = self.create_server(major)
        server.add_tablespace("space_one", self.directory / "space_one")
        with Load(server, tablespaces=["space_one"]).prepare() as load:
            load.wait_for_commits(200)
        processes.run([PROGRAM], timeout_seconds=120, environment={"PGRECALL_TEST_CONNINFO": server.conninfo(), "TMPDIR": str(self.directory)})


for version in installed_versions():
    setattr(Protocol, f"test_postgres_{version.major}", lambda self, major=version.major: self.check(major))

if __name__ == "__main__":
    main()
