"""The backup tools that are compared, each behind the same four steps: prepare, full, again, restore."""

import os
import pathlib
import pwd
import shutil

from measure import run, stored_bytes

USER = "postgres"


def _owned_directory(path):
    path.mkdir(parents=True, mode=0o700)
    os.chown(path, pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid)
    return path


def _owned_file(path, text):
    path.write_text(text)
    os.chown(path, pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid)
    return path


class Tool:
    """One tool with a repository of its own in `work`, for the cluster in `cluster`."""

    name = ""
    takes_second_backup = True

    def __init__(self, cluster, work):
        self.cluster = pathlib.Path(cluster)
        self.work = pathlib.Path(work) / self.name
        self.repository = self.work / "repository"
        self.restored = self.work / "restored"

    def prepare(self):
        """A new, empty repository; not timed."""
        self.remove()
        _owned_directory(self.work)

    def remove(self):
        shutil.rmtree(self.work, ignore_errors=True)

    def _measured(self, argv, **options):
        before = stored_bytes(self.repository) if self.repository.exists() else 0
        cost = run(argv, user=USER, server_data_directory=self.cluster, **options)
        cost.stored_bytes = stored_bytes(self.repository) - before
        return cost

    def _restore_directory(self):
        shutil.rmtree(self.restored, ignore_errors=True)
        return _owned_directory(self.restored)


class Pgrecall(Tool):
    name = "pgrecall"

    def __init__(self, cluster, work, binary):
        super().__init__(cluster, work)
        self.built = binary
        self.binary = str(self.work / "pgrecall")
        self.config = self.work / "pgrecall.yaml"

    def prepare(self):
        super().prepare()
        shutil.copy(self.built, self.binary)  # user postgres may not be able to reach the checkout
        _owned_file(
            self.config,
            f"spool: {self.work}\nrepositories:\n  main: {{ path: {self.repository} }}\n"
            f"clusters:\n  bench:\n    connection: \"host={self.cluster} user=postgres dbname=postgres\"\n    repository: main\n",
        )
        run([self.binary, "repo", "init", "--config", str(self.config)], user=USER)

    def full(self):
        return self._measured([self.binary, "backup", "bench", "--config", str(self.config)])

    again = full

    def restore(self):
        into = self._restore_directory()
        url = f"file://{self.repository}"
        return run([self.binary, "restore", "bench", "--repository", url, "--into", str(into)], user=USER, ok_exits=(0, 3))


class PgBackRest(Tool):
    name = "pgBackRest"

    def prepare(self):
        super().prepare()
        self.config = _owned_file(
            self.work / "pgbackrest.conf",
            f"""[global]
repo1-path={self.repository}
repo1-bundle=y
repo1-retention-full=9
process-max=2
compress-type=zst
compress-level=1
start-fast=y
archive-check=n
log-level-console=warn
log-level-file=off
lock-path={self.work}/lock
spool-path={self.work}/spool
[bench]
pg1-path={self.cluster}
pg1-socket-path={self.cluster}
pg1-user=postgres
""",
        )
        run(self._command("stanza-create"), user=USER)

    def _command(self, *arguments):
        return ["pgbackrest", f"--config={self.config}", "--stanza=bench", *arguments]

    def full(self):
        return self._measured(self._command("--type=full", "backup"))

    def again(self):
        return self._measured(self._command("--type=incr", "backup"))

    def restore(self):
        return run(self._command(f"--pg1-path={self._restore_directory()}", "restore"), user=USER)


class PgBaseBackup(Tool):
    name = "pg_basebackup"
    takes_second_backup = False

    def full(self):
        shutil.rmtree(self.repository, ignore_errors=True)
        return self._measured(
            ["/usr/lib/postgresql/15/bin/pg_basebackup", "-h", str(self.cluster), "-U", "postgres", "-D", str(self.repository)]
            + ["-Ft", "--compress=client-zstd:1", "--checkpoint=fast"]
        )

    def restore(self):
        into = self._restore_directory()
        return run(["tar", "-I", "zstd -d", "-xf", str(self.repository / "base.tar.zst"), "-C", str(into)], user=USER)
