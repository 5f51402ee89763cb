"""A PostgreSQL server of any version in a directory of its own, reachable over a Unix socket (and TCP on demand)."""

import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time

import psycopg2

from . import processes

USER = "postgres"
START_TIMEOUT_SECONDS = 120
DEFAULT_OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",  # what is tested is not PostgreSQL's own durability
    "shared_buffers": "32MB",
    "max_wal_senders": "10",
    "wal_level": "replica",
    "autovacuum": "off",  # catalogs stay as they are, so that digests compare
    "synchronize_seqscans": "off",
    "dynamic_shared_memory_type": "mmap",  # nothing is left in /dev/shm, whatever ends the server
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
    "lc_messages": "C",
}


class Server:
    """One cluster. `create` makes a new one; the constructor takes a data directory that exists (a restored one)."""

    def __init__(self, version, data_directory, run_directory, options=None):
        self.version = version
        self.data = pathlib.Path(data_directory)
        self.run_directory = pathlib.Path(run_directory)  # for socket and log
        self.run_directory.mkdir(parents=True, exist_ok=True)
        processes.own(self.run_directory)
        self.options = {**DEFAULT_OPTIONS, "unix_socket_directories": str(self.run_directory), **(options or {})}
        self.port = 5432  # names the socket only, unless listen_tcp() was called
        self.process = None
        self.is_standby = False  # then start() does not wait for the end of recovery
        self.log_path = self.run_directory / "server.log"

    @classmethod
    def create(cls, version, directory, *, options=None, checksums=True, initdb_arguments=()):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True)
        processes.own(directory)
        data = directory / "data"
        arguments = ["--no-sync", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", *initdb_arguments]
        if checksums:
            arguments.append("--data-checksums")
        elif version.major >= 18:
            arguments.append("--no-data-checksums")  # on by default since 18
        processes.run([version.program("initdb"), "-D", data, *arguments], user=USER)
        return cls(version, data, directory / "run", options)

    def listen_tcp(self):
        """Listens on 127.0.0.1 too, on a free port, from the next start on."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.options["listen_addresses"] = "127.0.0.1"
        return self.port

    def pg_hba(self, *lines):
        """Replaces pg_hba.conf; reloads a running server."""
        (self.data / "pg_hba.conf").write_text("\n".join(lines) + "\n")
        if self.process:
            self.process.send_signal(signal.SIGHUP)
            self.wait_for(lambda: self.scalar("select count(*) from pg_hba_file_rules") == len(lines), "pg_hba.conf to be reloaded")

    def start(self, **options):
        """Starts, and waits until the server can be written to: until recovery, if any, has ended."""
        settings = {**self.options, **options}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with open(self.log_path, "ab") as log:
            self.process = processes.start(
                [self.version.program("postgres"), "-D", self.data, "-p", str(self.port), *arguments],
                user=USER, death_signal=signal.SIGQUIT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        self.wait_for(self._accepts_connections, "the server to start", START_TIMEOUT_SECONDS)
        return self

    def _accepts_connections(self):
        if self.process.poll() is not None:
            raise AssertionError(f"PostgreSQL {self.version.major} ended with {self.process.returncode} as it started\n{self.log()}")
        try:
            return self.scalar("select pg_is_in_recovery()") == self.is_standby  # a hot standby answers before recovery has ended
        except psycopg2.OperationalError:
            return False

    def wait_for(self, condition, what, timeout_seconds=30):
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_seconds} s for {what}\n{self.log()}")
            select.select([], [], [], 0.02)

    def stop(self, how=signal.SIGINT):
        """SIGTERM smart, SIGINT fast, SIGQUIT immediate (what kill -9 does to the data, without leftovers)."""
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def crash(self):
        self.stop(signal.SIGQUIT)

    def remove(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.data, ignore_errors=True)

    def connect(self, database="postgres", user=USER, **options):
        connection = psycopg2.connect(host=str(self.run_directory), port=self.port, user=user, dbname=database,
                                      connect_timeout=10, **options)
        connection.autocommit = True
        return connection

    def execute(self, sql, parameters=None, database="postgres"):
        """Runs SQL in autocommit; returns its rows, if any."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def scalar(self, sql, parameters=None, database="postgres"):
        return self.execute(sql, parameters, database)[0][0]

    def conninfo(self, user=USER, database="postgres", **more):
        parts = {"host": self.run_directory, "port": self.port, "user": user, "dbname": database, **more}
        return " ".join(f"{name}={value}" for name, value in parts.items())

    def add_tablespace(self, name, directory):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True)
        processes.own(directory)
        self.execute(f"create tablespace {name} location '{directory}'")
        return directory

    def fill(self, megabytes, table="filler", database="postgres"):
        """A table of that size, of text that compresses to little more than half."""
        text = "(select string_agg(encode(sha256((i * 16 + j)::text::bytea), 'hex'), '') from generate_series(0, 15) j)"
        self.execute(f"create table {table} as select i, {text} as body from generate_series(1, {megabytes * 930}) i", database=database)
        self.execute("checkpoint")

    def is_streaming_backup(self):
        return self.scalar("select count(*) from pg_stat_progress_basebackup where phase = 'streaming database files'") > 0

    def system_identifier(self):
        return str(self.scalar("select system_identifier from pg_control_system()"))

    def log(self):
        return self.log_path.read_text(errors="replace")[-8000:] if self.log_path.exists() else ""
