#!/usr/bin/python3
"""Who writes backups of a cluster holds a lease: the second is refused, and the dead man's lease heals."""

import datetime
import hashlib
import json

from harness import IntegrationTest, contract, main


def write_checked_json(path, document):
    """As docs/repository-format.md has it: the last member is the SHA-256 of all bytes before its value."""
    document = {name: value for name, value in document.items() if name != "sha256"}
    text = json.dumps({**document, "sha256": ""}, indent=2, ensure_ascii=False)
    head = text[: text.rindex('""') + 1]
    path.write_text(f'{head}{hashlib.sha256(head.encode()).hexdigest()}"\n}}\n')


class Leases(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.source.fill(30)
        self.tool = self.pgrecall()
        self.tool.cluster("prod", self.source.conninfo(), backup={"max_rate": "8MB/s"})

    def running_backup(self):
        process = self.tool.start("backup", "prod")
        self.source.wait_for(lambda: process.poll() is not None or self.source.is_streaming_backup(), "the backup to stream")
        self.assertIsNone(process.poll())
        return process

    def lease_of_a_killed_run(self):
        self.tool.kill(self.running_backup())
        (lease,) = (self.tool.repository / "leases").iterdir()
        return lease

    def as_of_another_host(self, lease, expires_in_seconds):
        document = json.loads(lease.read_text())
        expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=expires_in_seconds)
        document |= {"host": "0" * len(document["host"]), "owner": "another.example.com, pid 4711",
                     "expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}
        write_checked_json(lease, document)

    def test_second_backup_at_once_is_refused(self):
        first = self.running_backup()
        refused = self.tool.run("backup", "prod", exit=contract.HELD)
        self.assertIn(str(first.pid), refused.stderr)  # says who holds it
        self.tool.finish(first)
        self.assertEqual(1, len(self.tool.ids("prod")))

    def test_lease_of_a_dead_process_heals_at_once(self):
        self.lease_of_a_killed_run()
        self.tool.backup("prod")

    def test_lease_of_another_host_is_respected_until_it_expires(self):
        lease = self.lease_of_a_killed_run()
        self.as_of_another_host(lease, expires_in_seconds=3600)
        refused = self.tool.run("backup", "prod", exit=contract.HELD)
        self.assertIn("another.example.com", refused.stderr)
        self.as_of_another_host(lease, expires_in_seconds=-3600)
        self.tool.backup("prod")

    def test_other_clusters_are_not_held_up(self):
        other = self.create_server()
        self.tool.cluster("other", other.conninfo())
        first = self.running_backup()
        self.tool.backup("other")
        self.tool.finish(first)


if __name__ == "__main__":
    main()
