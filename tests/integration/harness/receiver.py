"""`pgrecall wal receive` as a process of a test, and clients that remember what they saw committed."""

import json
import os
import pathlib
import signal
import threading

import psycopg2


class Receiver:
    """One receiver of a cluster; its application name is what synchronous_standby_names has."""

    def __init__(self, runner, server, cluster="prod", **options):
        self.runner, self.server, self.cluster, self.options = runner, server, cluster, options
        self.process = None

    @property
    def spool(self):
        return pathlib.Path(self.runner.settings["spool"]) / self.cluster

    def start(self, wait=True, under=()):
        """`under`: a program and its arguments, to run it under."""
        self.process = self.runner.start("wal", "receive", self.cluster, "--output", "json", under=under, **self.options)
        if wait:
            self.wait_until_streaming()
        return self

    def is_streaming(self):
        return self.server.scalar("select count(*) from pg_stat_replication where application_name = 'pgrecall' and state in ('catchup', 'streaming')") > 0

    def has_ended(self):
        """Without reaping it, which is for collect()."""
        return pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"

    def wait_until_streaming(self, timeout_seconds=30):
        self.server.wait_for(lambda: self.has_ended() or self.is_streaming(), "the receiver to stream", timeout_seconds)
        if self.has_ended():
            raise AssertionError(f"the receiver ended: {self.runner.finish(self.process, exit=range(256))}")

    def kill(self):
        return self.runner.kill(self.process)

    def stop(self, *, exit=0):
        """SIGTERM; returns the result with `events`: [(kind, event)] of its whole life."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        os.kill(int(children[0]) if children else self.process.pid, signal.SIGTERM)  # strace keeps it to itself
        result = self.runner.finish(self.process, exit=exit)
        result.events = [json.loads(line)["event"] for line in result.stderr.splitlines() if line.startswith('{"event"')]
        result.kinds = [event["kind"] for event in result.events]
        return result

    def status(self):
        return json.loads((self.spool / "status.json").read_text())

    def spooled(self):
        """Names of files with WAL in the spool."""
        return sorted(path.name for path in self.spool.glob("*/*") if path.is_file())

    def flushed(self):
        """How far the server was told that WAL is safe."""
        return self.server.scalar("select flush_lsn from pg_stat_replication where application_name = 'pgrecall'")

    def wait_until_flushed(self, lsn, timeout_seconds=30):
        self.server.wait_for(lambda: self.server.scalar(
            "select coalesce(bool_or(flush_lsn >= %s), false) from pg_stat_replication where application_name = 'pgrecall'", (lsn,)),
            f"{lsn} to be acknowledged", timeout_seconds)


class Clients:
    """Threads that insert numbers, one a transaction, until stop(); `acknowledged` holds what they saw committed."""

    def __init__(self, server, count=4, payload_bytes=200):
        self.server, self.payload = server, "x" * payload_bytes
        self.acknowledged = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        server.execute("create table if not exists seen (client int, number int, payload text)")
        self._threads = [threading.Thread(target=self._run, args=(client,), daemon=True) for client in range(count)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def _run(self, client):
        number = 0
        while not self._stop.is_set():
            try:
                connection = self.server.connect()
                with connection.cursor() as cursor:
                    while not self._stop.is_set():
                        number += 1
                        cursor.execute("insert into seen values (%s, %s, %s)", (client, number, self.payload))
                        with self._lock:
                            self.acknowledged.append((client, number))
            except psycopg2.Error:
                self._stop.wait(0.05)  # the server is down; the insert under way may or may not have been committed

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        return self

    def missing_from(self, server):
        found = set(server.execute("select client, number from seen"))
        return sorted(set(self.acknowledged) - found)


def wait_synchronously(server, names="pgrecall"):
    """Commits wait for the receiver from now on."""
    server.execute(f"alter system set synchronous_standby_names = '{names}'")
    server.execute("select pg_reload_conf()")
    server.wait_for(lambda: server.scalar("show synchronous_standby_names") == names, "the setting")


def destroy(server):
    """The primary is gone for good, and its disk with it."""
    server.stop(signal.SIGQUIT)
    for path in (server.data / "pg_wal").iterdir():
        if path.is_file():
            os.unlink(path)
