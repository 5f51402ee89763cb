#!/usr/bin/python3
"""wal fetch as a restore_command: what is there, what is not, and what must stop the server; fetching ahead."""

import os
import pathlib
import signal

from harness import IntegrationTest, Pgrecall, main, processes, tool

FETCHED, NOT_THERE, STOP = 0, 1, 200
SEGMENT_BYTES = 1 << 20


class WalFetch(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.archive = self.directory / "archive"
        self.archive.mkdir()
        processes.own(self.archive)
        self.source = self.create_server(initdb_arguments=["--wal-segsize=1"],
                                         options={"archive_mode": "on", "archive_command": f"cp %p {self.archive}/%f"})
        self.runner = self.pgrecall(self.source)
        self.runner.backup("prod")
        self.segments = self.more_segments(4)
        self.data = self.directory / "data"  # stands for a data directory
        (self.data / "pg_wal").mkdir(parents=True)

    def more_segments(self, count):
        """Writes, archives and pushes that many; returns their files."""
        for number in range(count):
            self.source.execute(f"create table t{os.urandom(4).hex()} as select i from generate_series(1, 1000) i")
            last = self.source.scalar("select pg_walfile_name(pg_switch_wal())")
        self.source.wait_for(lambda: (self.archive / last).exists() and self.source.scalar("select last_archived_wal from pg_stat_archiver") >= last,
                             "archiving")
        files = sorted(self.archive.glob("0*[0-9A-F]"))[-count:]
        for file in files:
            self.runner.run("wal", "push", "prod", file)
        return files

    def fetch(self, name, path="pg_wal/RECOVERYXLOG", *options, exit=FETCHED, runner=None):
        """As PostgreSQL calls it: in the data directory, with a relative path."""
        runner = runner or self.runner
        argv = [str(tool.BINARY), "wal", "fetch", "prod", name, path, "--repository", runner.url, *options]
        code, out, err = processes.run(["env", "-C", self.data, *argv], check=False)
        self.assertEqual(exit, code, out + err)
        return err

    def fetched(self):
        file = self.data / "pg_wal/RECOVERYXLOG"
        content = file.read_bytes()
        file.unlink()
        return content

    def ahead(self):
        directory = self.data / "pg_wal/.pgrecall-prefetch"
        boot = "." + pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return sorted(path.name.removesuffix(boot) for path in directory.glob("0*" + boot)) if directory.exists() else []

    def end_prefetcher(self):
        """It ends as soon as its directory is taken away."""
        for link in pathlib.Path("/proc").glob("[0-9]*/cwd"):
            try:
                if link.resolve() == self.data:
                    os.kill(int(link.parent.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                pass

    def test_segments_come_as_they_were(self):
        self.addCleanup(self.end_prefetcher)
        for file in self.segments:
            self.fetch(file.name)
            self.assertEqual(file.read_bytes(), self.fetched(), file.name)
        self.fetch(f"{int(self.segments[-1].name, 16) + 1:024X}", exit=NOT_THERE)
        self.fetch("00000002.history", exit=NOT_THERE)
        self.fetch("nonsense", exit=NOT_THERE)
        self.assertFalse((self.data / "pg_wal/RECOVERYXLOG").exists())
        self.assertEqual([".pgrecall-prefetch"], os.listdir(self.data / "pg_wal"))

    def test_history_comes_as_it_was(self):
        history = self.archive / "00000002.history"
        history.write_text("1\t0/3000000\tno recovery target specified\n")
        self.runner.run("wal", "push", "prod", history)
        self.fetch("00000002.history", "pg_wal/RECOVERYHISTORY")
        self.assertEqual(history.read_text(), (self.data / "pg_wal/RECOVERYHISTORY").read_text())

    def test_every_failure_stops_the_server(self):
        """PostgreSQL takes 125 and less for the end of the WAL, and would open a database that lacks transactions."""
        name = self.segments[0].name
        stored = self.runner.wal_folder("prod") / name[:8] / name
        content = bytearray(stored.read_bytes())
        content[len(content) // 2] ^= 1
        stored.write_bytes(content)
        self.assertIn("corruption", self.fetch(name, "./by-hand", "--output", "json", exit=STOP) + self.last_kind(name))
        self.fetch(name, "./by-hand", "--no-such-option", exit=STOP)
        self.fetch(name, "nowhere/by-hand", exit=STOP)
        code, _, _ = processes.run([tool.BINARY, "wal", "fetch", "prod", name], check=False)
        self.assertEqual(STOP, code)
        key = self.directory / "key"
        sealed = Pgrecall(self.directory / "sealed", repository_settings={"key_file": str(key)}).cluster("prod", self.source.conninfo())
        sealed.init()
        sealed.run("wal", "push", "prod", self.segments[1])
        self.fetch(name, "./by-hand", exit=STOP, runner=sealed)
        self.fetch(name, "./by-hand", "--key-file", key, exit=NOT_THERE, runner=sealed)
        empty = Pgrecall(self.directory / "empty").cluster("shop", self.source.conninfo())
        empty.init()
        for wanted in (name, "00000002.history", "nonsense"):
            self.assertIn("nothing of this cluster", self.fetch(wanted, "./by-hand", exit=STOP, runner=empty))
        gone = Pgrecall(self.directory / "gone")
        self.fetch(name, "./by-hand", exit=STOP, runner=gone)
        self.assertEqual(["pg_wal"], os.listdir(self.data))

    def last_kind(self, name):
        code, out, _ = processes.run([tool.BINARY, "wal", "fetch", "prod", name, self.data / "by-hand", "--repository", self.runner.url, "--output", "json"],
                                     check=False)
        self.assertEqual(STOP, code)
        return out

    def test_segments_are_fetched_ahead_and_handed_over(self):
        self.addCleanup(self.end_prefetcher)
        self.fetch(self.segments[0].name)
        self.fetched()
        self.source.wait_for(lambda: self.ahead() == [file.name for file in self.segments[1:]], "segments to be fetched ahead")
        gone = self.runner.repository.rename(self.runner.repository.with_name("moved"))
        for file in self.segments[1:]:  # nothing of the repository is needed for what lies ready
            self.fetch(file.name)
            self.assertEqual(file.read_bytes(), self.fetched())
        gone.rename(self.runner.repository)
        # What came later is fetched ahead again, once somebody asks for the first of it.
        later = self.more_segments(3)
        self.fetch(later[0].name)
        self.source.wait_for(lambda: self.ahead() == [file.name for file in later[1:]], "fetching to go on")

    def test_what_lay_ready_when_the_machine_went_down_is_not_taken(self):
        self.addCleanup(self.end_prefetcher)
        directory = self.data / "pg_wal/.pgrecall-prefetch"
        directory.mkdir()
        first, second = self.segments[:2]
        for name in (first.name, second.name):
            for suffix in ("", ".1b4e28ba-2fa1-11d2-883f-0016d3cca427"):
                (directory / (name + suffix)).write_bytes(bytes(len(first.read_bytes())))
        for file in (first, second):
            self.fetch(file.name)
            self.assertEqual(file.read_bytes(), self.fetched())
        self.source.wait_for(lambda: self.ahead() == [file.name for file in self.segments[2:]], "segments to be fetched ahead")

    def test_going_back_is_no_obstacle(self):
        """Recovery asks for the checkpoint's segment first, and then for an earlier one, where redo begins."""
        self.addCleanup(self.end_prefetcher)
        for file in (self.segments[2], self.segments[0], self.segments[1], self.segments[2], self.segments[3]):
            self.fetch(file.name)
            self.assertEqual(file.read_bytes(), self.fetched())

    def test_by_hand_nothing_is_left_beside(self):
        self.fetch(self.segments[0].name, "./here")
        self.assertEqual(["here", "pg_wal"], sorted(os.listdir(self.data)))
        self.assertEqual([], os.listdir(self.data / "pg_wal"))

    def test_spool_completes_what_the_repository_has(self):
        """A receiver's spool on this host has what did not get into the repository: whole segments, and the growing one."""
        after = self.more_segments_unpushed(2)
        spool = self.directory / "spool" / "prod" / self.source.system_identifier()
        spool.mkdir(parents=True)
        half = SEGMENT_BYTES // 2 + 77
        (spool / after[0].name).write_bytes(after[0].read_bytes())
        (spool / f"{after[1].name}.partial").write_bytes(after[1].read_bytes()[:half])
        self.fetch(after[0].name, "./here", exit=NOT_THERE)
        self.fetch(after[0].name, "./here", "--spool", self.directory / "spool")
        self.assertEqual(after[0].read_bytes(), (self.data / "here").read_bytes())
        self.fetch(after[1].name, "./here", "--spool", self.directory / "spool")
        self.assertEqual(after[1].read_bytes()[:half] + bytes(SEGMENT_BYTES - half), (self.data / "here").read_bytes())

    def more_segments_unpushed(self, count):
        before = set(self.archive.iterdir())
        for number in range(count):
            self.source.execute(f"create table u{number} as select i from generate_series(1, 1000) i")
            last = self.source.scalar("select pg_walfile_name(pg_switch_wal())")
        self.source.wait_for(lambda: self.source.scalar("select last_archived_wal from pg_stat_archiver") >= last, "archiving")
        return sorted(set(self.archive.iterdir()) - before)


if __name__ == "__main__":
    main()
