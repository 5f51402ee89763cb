#!/usr/bin/python3
"""The commands of docs/runbooks, run in the state that each page is about, against a real server, daemon and repository.

PGRECALL_WRITE_PAGES=1 writes into the pages what the commands print."""

import os
import pathlib
import re
import shlex
import signal

from harness import IntegrationTest, contract, main, pages, processes
from harness.daemon import NEVER, Daemon
from harness.pages import BACKUP_ID, WRITE, Page
from harness.tool import BINARY

PAGES = sorted((pathlib.Path(__file__).parents[2] / "docs/runbooks").glob("Pgrecall*.md"))
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Do not", "Escalate", "Over when"]
# These end with 3 while any alert is open, and the daemon takes its time to see one.
TELLING_OF_ALERTS = ("pgrecall status", "pgrecall alert list")
RUN_ID = r"\d{8}T\d{6}Z-shop-[a-z]+(?:-\d+)?"


class Runbooks(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.server = self.create_server(options={"wal_keep_size": "0", "min_wal_size": "32MB", "max_wal_size": "32MB"})
        self.server.execute("create role pgrecall login replication")
        self.server.execute("grant execute on function pg_read_binary_file(text, bigint, bigint), pg_stat_file(text) to pgrecall")
        self.server.fill(4, "orders")
        self.tool = self.pgrecall()
        self.tool.cluster("shop", self.server.conninfo(user="pgrecall"), schedule={**NEVER, "daily": "30 2 * * *", "check": "45 * * * *"},
                          backup={"checkpoint": "fast"})
        self.daemon = Daemon(self.tool)
        self.addCleanup(self.daemon.remove)
        self.daemon.start().wait_until_streaming("shop")
        first = self.daemon.wait_for(lambda: self.daemon.runs(trigger="first"), "the first backup")[0]
        self.daemon.wait_for_run(first["id"], "done")
        # As it is called on a host: without --config.
        self.program = self.directory / "bin/pgrecall"
        self.program.parent.mkdir()
        self.program.write_text(f'#!/bin/sh\nexec {BINARY} "$@" --config {self.tool.config}\n')
        self.program.chmod(0o755)

    # What `#` lines stand for here.

    def start_server(self):
        if not self.server.process:
            self.server.start()
        self.daemon.wait_until_streaming("shop")

    def start_daemon(self):
        self.daemon.start().wait_until_streaming("shop")

    def mount(self):
        self.hidden.rename(self.tool.repository)
        self.daemon.wait_until_streaming("shop")

    def edit(self):
        self.tool.settings.pop("frobnicate")
        self.tool.write_config()

    def reload(self):
        self.daemon.signal(signal.SIGHUP)

    def stand_in(self, command):
        done = {
            "systemctl start postgresql": self.start_server,
            "systemctl start pgrecall": self.start_daemon,
            "systemctl reload pgrecall": self.reload,
            "mount /srv/backup": self.mount,
            "edit /etc/pgrecall/pgrecall.yaml": self.edit,
        }.get(command)
        if done:
            done()

    # The states.

    def healthy(self):
        pass

    def server_down(self):
        self.server.stop()
        self.daemon.wait_for(lambda: not self.daemon.is_streaming("shop"), "the receiver to notice")
        run = self.daemon.start_run("shop", "backup")
        self.daemon.wait_for_run(run, "failed")

    def bad_configuration(self):
        self.tool.settings["frobnicate"] = 1
        self.tool.write_config()
        self.reload()

    def daemon_down(self):
        self.daemon.stop()
        self.server.fill(20, f"while_down_{self.server.scalar('select count(*) from pg_class')}")

    def repository_gone(self):
        self.daemon.stop()
        self.hidden = self.directory / "hidden"
        self.tool.repository.rename(self.hidden)
        self.daemon.start()
        self.daemon.wait_for(lambda: self.daemon.status("shop")["problem"], "the repository to be missed")

    def receiver_down(self):
        url = self.directory / "oncall.url"
        url.write_text("http://127.0.0.1:9/services/none\n")
        url.chmod(0o600)
        self.tool.settings["alerts"] = {"receivers": {"oncall": {"kind": "slack", "url_file": str(url)}}}
        self.tool.write_config()
        self.reload()

    def gap(self):
        self.daemon.stop()
        self.server.execute("select pg_drop_replication_slot('pgrecall_shop')")
        segment = self.server.data / "pg_wal" / self.server.scalar("select pg_walfile_name(pg_current_wal_lsn())")
        for number in range(10):
            self.server.fill(20, f"lost{number}")
            self.server.execute("select pg_switch_wal()")
            self.server.execute("checkpoint")
            if not segment.exists():
                break
        self.daemon.start().wait_until_streaming("shop")
        self.daemon.wait_for(lambda: self.daemon.status("shop")["window"]["gaps"], "the gap", 120)

    def bad_page(self):
        relation = self.server.data / self.server.scalar("select pg_relation_filepath('orders')")
        self.server.stop()
        with open(relation, "r+b") as file:
            file.seek(3 * 8192 + 4000)
            file.write(b"nobody wrote this")
        self.server.start()
        self.daemon.wait_until_streaming("shop")
        self.tool.backup("shop", "--full", exit=contract.WARNINGS)

    def damaged(self):
        newest = max((self.tool.repository / "clusters/shop/packs").glob("*/*"), key=lambda path: path.stat().st_size)
        newest.chmod(0o600)
        with open(newest, "r+b") as file:
            file.seek(newest.stat().st_size // 3)
            file.write(b"the disk was not well")

    def heal(self):
        """What a page leaves undone."""
        if self.server.process is None:
            self.server.start()
        if self.daemon.process.poll() is not None:
            self.daemon.start()
        self.daemon.wait_until_streaming("shop")

    # One after another: what they find is as after a bad week.

    def with_ids(self, command):
        """Ids of the page become ids that there are."""
        backups = self.tool.ids("shop") if re.search(BACKUP_ID, command) else []
        if backups:
            command = re.sub(BACKUP_ID, backups[0] if " pin " in command else backups[-1], command)
        if re.search(RUN_ID, command):
            runs = self.daemon.runs()
            failed = [run for run in runs if run["state"] == "failed"]
            command = re.sub(RUN_ID, (failed or runs)[-1]["id"], command)
        return command

    def as_on_a_host(self, line):
        for real, shown in ((self.tool.repository, "/srv/backup"), (self.tool.config, "/etc/pgrecall/pgrecall.yaml"),
                            (self.daemon.settings["socket"], "/run/pgrecall/pgrecall.sock"), (self.daemon.settings["state"], "/var/lib/pgrecall/state"),
                            (self.server.run_directory, "/var/run/postgresql"), (self.tool.directory, "/var/lib/pgrecall/spool")):
            line = line.replace(str(real), shown)
        return pages.shortened(re.sub(rf"\b{re.escape(os.uname().nodename)}\b", "backup", line))

    def run_command(self, command):
        """(exit code, lines as on a host)"""
        argv = shlex.split(command)
        self.assertEqual("pgrecall", argv[0], "the test knows to run nothing else")
        code, out, err = processes.run([self.program, *argv[1:], "--no-progress"], check=False)
        said = [line for line in err.splitlines() if line.startswith(("pgrecall: ", "hint: "))]
        return code, [self.as_on_a_host(line) for line in [*out.splitlines(), *said]]

    def try_page(self, page):
        for command in page.commands():
            if command.prompt == "#":
                self.stand_in(command.text)
                continue
            command.text = self.with_ids(command.text)
            code, output = self.run_command(command.text)
            telling = command.text.startswith(TELLING_OF_ALERTS) and code in (contract.DONE, contract.WARNINGS)
            command.printed = pages.kept(output, command.shown, contract.DONE if telling else code)
            if WRITE:
                continue
            told = f"{page.name}: $ {command.text}\n" + "\n".join(output)
            self.assertEqual(code if telling else command.expected_exit, code, told)
            self.assertTrue(command.shown, f"{told}\nand the page shows nothing of it")
            self.assertIsNone(pages.missing_from(output, command.shown), told)
        if WRITE:
            page.write()

    def test_commands_of_all_pages_run(self):
        runbooks = [Page(path) for path in PAGES]
        order = ["healthy", "bad-configuration", "receiver-down", "server-down", "repository-gone", "daemon-down", "gap", "damaged", "bad-page"]
        self.assertEqual(set(order), {state for page in runbooks for state in page.states})
        for state in order:
            reached = False
            for page in runbooks:
                if page.states != [state]:
                    continue
                if not reached or state not in ("healthy", "gap"):
                    getattr(self, state.replace("-", "_"))()
                    reached = True
                self.try_page(page)
                self.heal()

    def test_pages_have_the_same_parts(self):
        for path in PAGES:
            with self.subTest(page=path.stem):
                text = path.read_text()
                self.assertTrue(text.startswith(f"# {path.stem}\n"))
                self.assertEqual(HEADINGS, re.findall(r"^## (.*)$", text, re.MULTILINE))
                self.assertTrue(any(command.prompt == "$" for command in Page(path).commands()) or "credential" in text.lower())
                for link in re.findall(r"\]\(([^)#]+)\.md\)", text):
                    self.assertTrue((path.parent / f"{link}.md").exists(), link)


if __name__ == "__main__":
    main()
