#!/usr/bin/python3
"""Each alert condition provoked for real, with real servers and a real daemon: it fires, and it is over once the cause is mended."""

import datetime
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess

from harness import IntegrationTest, contract, main
from harness.daemon import NEVER, Daemon
from harness.peers import HttpPeer

PASSWORD = "right"
FAST = {"checkpoint": "fast"}
# What a site would set too, only shorter: how long things may last until they are told.
TARGETS = {"rpo": "15s", "backup_max_age": "1h", "wal_interruption": "15s", "slot_retained": "16MiB"}
ALERTS = {"hold": "1s", "settle": "1s", "remember": "10s"}


class AlertConditions(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server(options={"wal_keep_size": "0"})
        self.source.execute(f"create role backup login replication superuser password '{PASSWORD}'")
        self.source.pg_hba("local all postgres trust", "local replication postgres trust", "local all backup scram-sha-256",
                           "local replication backup scram-sha-256")
        self.password = self.directory / "password"
        self.write_password(PASSWORD)

    def write_password(self, text):
        self.password.write_text(text)
        self.password.chmod(0o600)

    def prepare(self, repository=None, **settings):
        self.runner = self.pgrecall(repository=repository)
        self.runner.settings.update({"alerts": dict(ALERTS), "metrics": {"listen": "off"}})
        self.configure(**settings)
        self.daemon = Daemon(self.runner)
        self.addCleanup(self.daemon.remove)

    def configure(self, targets=(), **settings):
        arguments = {"password_file": str(self.password), "schedule": NEVER, "backup": FAST, "wal": {"tail_interval": "500ms"},
                     "targets": {**TARGETS, **dict(targets)}, **settings}
        self.runner.cluster("prod", self.source.conninfo(user="backup"), **arguments)

    def reload(self, **settings):
        self.configure(**settings)
        self.daemon.ask("POST", "/v1/reload", status=200)

    def fires(self, name, severity="critical", **members):
        alert = self.daemon.wait_for_alert(name, **members)
        self.assertEqual(severity, alert["severity"])
        self.assertTrue(alert["summary"].endswith(".") and alert["action"].endswith("."), alert)
        self.assertIn(f"/{name}.md", alert["runbook"])
        self.fired = getattr(self, "fired", []) + [name]
        print("  fires:", alert["summary"], flush=True)
        return alert

    def is_over(self, *names):
        def over():
            return not [alert for alert in self.daemon.alerts(scope="all") if alert["name"] in names and alert["state"] != "resolved"]

        self.daemon.wait_for(over, f"{names} to be over", 90)
        past = {alert["name"] for alert in self.daemon.alerts(scope="all") if alert["state"] == "resolved"}
        self.assertLessEqual(set(names), past)

    def backup(self, *states, **options):
        return self.daemon.wait_for_run(self.daemon.start_run("prod", "backup", **options), *states)

    def flip(self, path, offset):
        content = bytearray(path.read_bytes())
        content[offset] ^= 0xFF
        path.write_bytes(content)

    def test_server_and_backups(self):
        self.prepare(targets={"backup_max_age": "3s"})
        self.daemon.start().wait_until_streaming()
        self.fires("PgrecallBackupTooOld")  # there never was one
        self.reload()
        self.assertEqual("done", self.backup()["state"])
        self.is_over("PgrecallBackupTooOld")
        self.no_server()
        self.wrong_password()
        self.broken_configuration()
        self.damage()
        self.broken_page()
        self.unusual_size()
        self.lost_slot()
        self.lost_journal()

    def no_server(self):
        self.source.stop()
        self.assertEqual("failed", self.backup()["state"])
        self.fires("PgrecallRunFailed", "warning", subject="backup")
        self.fires("PgrecallWalStalled")
        self.fires("PgrecallRpoExceeded")
        silenced = self.runner.run("alert", "silence", "prod", "--for", "1h", "--why", "known")
        self.assertIn("known", silenced.stdout)
        listed = self.runner.run("alert", "list", exit=contract.WARNINGS).stdout
        self.assertIn("nobody is told of this CRITICAL alert", listed)
        self.runner.run("alert", "silence", "prod", "--end")
        one = self.runner.run("alert", "silence", "prod", "--alert", "PgrecallRunFailed", "--for", "1h", "--why", "known").stdout
        self.assertIn("of prod (PgrecallRunFailed alone) until", one)
        silenced = {alert["name"] for alert in self.daemon.alerts() if alert["silence"]}
        self.assertEqual({"PgrecallRunFailed"}, silenced)
        self.assertIn("no such alert", self.runner.run("alert", "silence", "prod", "--alert", "PgrecallRunFaild", "--for", "1h", "--why",
                                                       "x", exit=contract.USAGE).stderr)
        self.runner.run("alert", "silence", "prod", "--end")
        print(self.runner.run("status", exit=contract.WARNINGS).stdout)
        self.source.start()
        # Before the receiver is back: what lies between the last WAL and this backup is not here yet, and is not missing.
        self.assertEqual("done", self.backup()["state"])
        self.daemon.wait_until_streaming()
        self.is_over("PgrecallRunFailed", "PgrecallWalStalled", "PgrecallRpoExceeded")
        told = {alert["name"] for alert in self.daemon.alerts(scope="all") if alert["times_told"] > 0}
        self.assertFalse({"PgrecallWindowBroken", "PgrecallWalGap", "PgrecallWindowTooShort"} & told)

    def wrong_password(self):
        self.source.execute("alter role backup valid until '%s'" %
                            (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3)).isoformat())
        self.source.execute("alter role backup password 'another'")
        self.source.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'backup'")
        self.assertIn("authentication", self.fires("PgrecallWalStalled")["summary"])
        self.write_password("another")
        self.daemon.wait_until_streaming(timeout_seconds=120)
        self.is_over("PgrecallWalStalled")

    def broken_configuration(self):
        good = self.runner.config.read_text()
        self.runner.config.write_text("clusters: [\n")
        self.daemon.signal(signal.SIGHUP)
        self.fires("PgrecallConfigReloadFailed", "warning")
        self.runner.config.write_text(good)
        self.daemon.signal(signal.SIGHUP)
        self.is_over("PgrecallConfigReloadFailed")


    def repair_run(self, known, *states):
        """The verify that the daemon starts by itself once it has a new backup; and that this is all it starts."""
        def ended():
            runs = [run for run in self.daemon.runs(trigger="repair") if run["id"] not in known]
            return runs if len(runs) >= 2 and runs[-1]["state"] in ("done", "warnings", "failed") else None

        backup, verify = self.daemon.wait_for(ended, "damage to be answered")
        self.assertEqual(("backup", "verify"), (backup["job"], verify["job"]))
        self.assertIn(verify["state"], states)
        return {backup["id"], verify["id"]}

    def damage(self):
        self.backup("done", "warnings", full=True)
        manifest = max(self.runner.repository.glob("clusters/prod/backups/*/manifest"))
        known = {run["id"] for run in self.daemon.runs(trigger="repair")}
        self.flip(manifest, manifest.stat().st_size // 2)
        self.daemon.wait_for_run(self.daemon.start_run("prod", "verify"), "failed")
        self.assertIn(manifest.parent.name, self.fires("PgrecallVerifyDamage")["summary"])
        known |= self.repair_run(known, "failed")  # there is no second copy of a manifest
        self.daemon.wait_for_run(self.daemon.start_run("prod", "verify"), "failed")  # the same damage is answered once
        self.flip(manifest, manifest.stat().st_size // 2)
        self.daemon.wait_for_run(self.daemon.start_run("prod", "verify"), "done", "warnings")
        self.is_over("PgrecallVerifyDamage")
        self.assertLessEqual({run["id"] for run in self.daemon.runs(trigger="repair")}, known)
        pack = max(self.runner.repository.glob("clusters/prod/packs/*/*"), key=lambda path: path.stat().st_mtime_ns)
        self.flip(pack, pack.stat().st_size // 2)
        self.daemon.wait_for_run(self.daemon.start_run("prod", "verify"), "failed")
        self.repair_run(known, "warnings")  # the new backup has what was damaged
        self.assertFalse(pack.exists())
        self.is_over("PgrecallVerifyDamage")

    def broken_page(self):
        self.source.execute("create table victim as select generate_series(1, 2000) as id")
        path = self.source.data / self.source.scalar("select pg_relation_filepath('victim')")
        self.source.stop()
        self.flip(path, 8000)
        self.source.start()
        self.assertEqual("warnings", self.backup()["state"])
        self.fires("PgrecallPageChecksumErrors")
        self.source.execute("drop table victim")
        self.source.execute("checkpoint")
        self.assertEqual("done", self.backup()["state"])
        self.is_over("PgrecallPageChecksumErrors")

    def unusual_size(self):
        for _ in range(2):
            self.backup("done")
        self.source.fill(60, table="loaded")
        self.backup("done")
        self.fires("PgrecallBackupSizeUnusual", "warning", subject="manual logical")
        self.backup("done")
        self.is_over("PgrecallBackupSizeUnusual")  # it is the new normal

    def lost_slot(self):
        # The backup that mends the window by itself takes its time.
        self.reload(retention={"window": "20s"}, backup={**FAST, "max_rate": "1MB/s"})
        self.daemon.kill()
        self.source.execute("alter system set max_slot_wal_keep_size = '1MB'")
        self.source.execute("select pg_reload_conf()")
        for number in range(3):
            self.source.fill(4, table=f"f{number}")
            self.source.execute("select pg_switch_wal()")
            self.source.execute("checkpoint")
        self.assertEqual("lost", self.source.scalar("select wal_status from pg_replication_slots"))
        self.source.execute("alter system reset max_slot_wal_keep_size")
        self.source.execute("select pg_reload_conf()")
        self.daemon.start().wait_until_streaming()
        self.fires("PgrecallSlotLost")
        behind = self.source.scalar("select pg_walfile_name(pg_current_wal_lsn())")
        self.source.execute("select pg_switch_wal()")
        self.daemon.wait_for(lambda: ((self.daemon.status()["receiver"] or {}).get("last_stored_segment") or "") >= behind,
                             "WAL behind the gap to be stored")
        self.source.execute("select pg_terminate_backend(pid) from pg_stat_replication where state = 'streaming'")  # then it looks
        self.fires("PgrecallWalGap")
        self.fires("PgrecallWindowBroken")
        self.assertEqual(["failed"], [run["state"] for run in self.daemon.runs(trigger="repair", job="daily")])  # its WAL was cut off as well
        self.reload(retention={"window": "20s"})
        self.backup("done")
        self.is_over("PgrecallWalGap")
        self.is_over("PgrecallSlotLost", "PgrecallWindowBroken")  # the latter once the gap is old
        self.reload()

    def lost_journal(self):
        self.daemon.stop()
        (pathlib.Path(self.daemon.settings["state"]) / "state.db").write_bytes(b"nonsense" * 4096)
        self.daemon.start().wait_until_streaming()
        self.fires("PgrecallJournalRebuilt", "warning")
        self.is_over("PgrecallJournalRebuilt")

    # Where there is little room, and what time does.

    def test_room_and_time(self):
        self.room = self.mount_tmpfs(120 << 20)
        self.prepare(repository=self.room / "repository", wal={"tail_interval": "500ms", "acknowledge": "repository"},
                     targets={"rpo": "1h", "wal_interruption": "1h"})
        self.peer = HttpPeer((500, {}, b"out of order"))
        self.addCleanup(self.peer.close)
        address = self.directory / "hook"
        address.write_text(self.peer.url)
        address.chmod(0o600)
        self.runner.settings["alerts"].update(
            {"receivers": {"hook": {"kind": "webhook", "url_file": str(address)}}, "give_up_after": "2s"})
        self.daemon.start().wait_until_streaming()
        self.assertEqual("done", self.backup()["state"])
        self.full_repository()
        self.repository_gone()
        self.window_too_short()
        self.expire_that_waits()
        self.time_that_jumps()

    def full_repository(self):
        self.daemon.stop()
        filler = self.room / "filler"
        place = os.statvfs(self.room)
        filler.write_bytes(os.urandom(1 << 20) * ((place.f_bavail * place.f_frsize >> 20) - 1))
        for number in range(3):
            self.source.fill(12, table=f"w{number}")
            self.source.execute("select pg_switch_wal()")
        self.valid_until(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=3))
        self.daemon.start()
        self.fires("PgrecallRepositorySpaceLow", subject="main")
        self.fires("PgrecallSlotRetention", "warning")
        self.fires("PgrecallCredentialExpiring", "warning")
        self.assertIn("500", self.fires("PgrecallReceiverFailing", "warning", subject="hook")["summary"])
        filler.unlink()
        self.peer.answers[:] = [(200, {}, b"ok")]
        self.valid_until("infinity")
        self.daemon.wait_until_streaming()
        self.source.wait_for(lambda: self.source.scalar("select pg_current_wal_lsn() - restart_lsn < 1000000 from pg_replication_slots"),
                             "the slot to be where the WAL is")
        self.backup("done")
        self.daemon.stop()
        self.daemon.start().wait_until_streaming()  # it asks the server at once
        self.is_over("PgrecallRepositorySpaceLow", "PgrecallSlotRetention", "PgrecallCredentialExpiring", "PgrecallReceiverFailing")

    def valid_until(self, when):
        self.source.execute(f"alter role backup valid until '{when}'")

    def repository_gone(self):
        self.daemon.stop()
        repository = self.runner.repository
        moved = repository.with_name("moved")
        repository.rename(moved)
        self.daemon.start()
        self.fires("PgrecallClusterUnguarded")
        self.assertIn("not known here", self.runner.run("status", exit=contract.WARNINGS).stdout)
        moved.rename(repository)
        self.is_over("PgrecallClusterUnguarded")
        self.daemon.wait_until_streaming()
        # The same while it runs: an empty mount point is no repository without backups.
        known = self.daemon.status()["window"]
        repository.rename(moved)
        self.daemon.wait_for_run(self.daemon.start_run("prod", "check"))  # then it looks
        self.assertIn("not at its address", self.fires("PgrecallClusterUnguarded")["summary"])
        window = self.daemon.status()["window"]
        self.assertEqual(known["backups"], window["backups"])
        self.assertIn("not at its address", window["problem"])
        self.assertIn("not at its address", self.runner.run("status", exit=contract.WARNINGS).stdout)
        shutil.rmtree(repository, ignore_errors=True)
        moved.rename(repository)
        self.daemon.wait_for_run(self.daemon.start_run("prod", "check"))
        self.is_over("PgrecallClusterUnguarded")

    def window_too_short(self):
        self.reload(retention={"window": "15s"}, targets={"rpo": "1h"})
        newest = self.backup("done") and self.runner.ids("prod")[-1]
        for backup in self.runner.ids("prod"):
            if backup != newest:
                shutil.rmtree(self.runner.repository / "clusters/prod/backups" / backup)
        self.daemon.wait_for_run(self.daemon.start_run("prod", "check"))
        self.fires("PgrecallWindowTooShort")
        self.is_over("PgrecallWindowTooShort")  # it grows by itself

    def expire_that_waits(self):
        for _ in range(5):
            self.backup("done", keep="daily")
        self.reload(retention={"daily": 1, "weekly": 0, "monthly": 0, "window": "0s"}, targets={"wal_interruption": "1h"})
        self.daemon.wait_for_run(self.daemon.start_run("prod", "expire"))
        self.fires("PgrecallExpireWaits", "warning")
        self.assertEqual("done", self.daemon.wait_for_run(self.daemon.start_run("prod", "expire", confirm=True))["state"])
        self.is_over("PgrecallExpireWaits")

    def time_that_jumps(self):
        self.daemon.stop()
        clock = self.directory / "clock"
        clock.write_text("+0")
        due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=30)
        self.configure(schedule={**NEVER, "check": f"{due.minute} * * * *", "catch_up": "none"})
        self.daemon.start(environment={"LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "FAKETIME_NO_CACHE": "1",
                                       "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        self.daemon.wait_until_streaming()
        clock.write_text("+3600")
        self.fires("PgrecallClockJump", "warning")
        self.fires("PgrecallRunsMissed", "warning", subject="check")
        self.daemon.wait_for_run(self.daemon.start_run("prod", "check"))
        self.is_over("PgrecallClockJump", "PgrecallRunsMissed")
        self.filling_repository(clock)

    def filling_repository(self, clock):
        """A sample each half a day, and each finds a fifth of what was free gone."""
        place = os.statvfs(self.room)
        for number in (1, 2):
            (self.room / f"growth{number}").write_bytes(bytes(place.f_bavail * place.f_frsize // 5))
            before = self.samples()
            clock.write_text(f"+{3600 + number * 13 * 3600}")
            self.daemon.wait_for(lambda: self.samples() > before, "the used space to be noted")
        self.assertIn("is full in", self.fires("PgrecallRepositoryFilling", "warning", subject="main")["summary"])
        subprocess.run(["mount", "-o", "remount,size=8g", self.room], check=True)
        self.daemon.wait_for_run(self.daemon.start_run("prod", "check"))  # then it looks
        self.is_over("PgrecallRepositoryFilling")

    def samples(self):
        with sqlite3.connect(self.daemon.settings["state"] + "/state.db", timeout=10) as database:
            return database.execute("SELECT count(*) FROM space_samples").fetchone()[0]


if __name__ == "__main__":
    main()
