"""A machine of its own to type commands into: a fresh Debian root with this host's programs, and processes, network, host name and
mounts that nobody else sees. Everything that runs there ends with it, as in a power loss; its disk is a directory."""

import os
import pathlib
import select
import shlex
import shutil
import subprocess
import time

from .. import processes, tool

HERE = pathlib.Path(__file__).parent
PROJECT = HERE.parents[3]
FRESH = ("home", "media", "mnt", "opt", "root", "run", "srv", "tmp", "var/cache", "var/lib", "var/log", "var/mail", "var/spool", "var/tmp")
OPEN_TO_ALL = ("tmp", "var/tmp")
OF_THIS_HOST = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
TEXTS = {"etc/hostname": "{name}\n", "etc/hosts": "127.0.0.1 localhost {name}\n"}
# The host's own servers, and what its owner has set for all users, are not this machine's.
LEFT_OUT = shutil.ignore_patterns("postgresql", "pgrecall", "environment", "profile.d")


class Machine:
    """`disk` is made when it is not there yet, with PostgreSQL's packages and nothing else. `power_on` boots it."""

    def __init__(self, disk, name="db1"):
        self.disk = pathlib.Path(disk)
        self.name = name
        self.process = None
        if not self.disk.exists():
            self._install()

    def _install(self):
        for each in FRESH:
            (self.disk / each).mkdir(parents=True)
        for each in OPEN_TO_ALL:
            (self.disk / each).chmod(0o1777)
        (self.disk / "var/run").symlink_to("/run")
        (self.disk / "run/lock").mkdir()
        shutil.copytree("/etc", self.disk / "etc", symlinks=True, ignore=LEFT_OUT)
        for path, text in TEXTS.items():
            (self.disk / path).write_text(text.format(name=self.name))
        for each in ("var/lib/postgresql", "var/log/postgresql", "run/postgresql", "etc/postgresql"):
            (self.disk / each).mkdir()
            processes.own(self.disk / each)
        local = self.disk / "local/bin"  # becomes /usr/local/bin
        local.mkdir(parents=True)
        for each in (HERE / "programs").iterdir():
            shutil.copy2(each, local)
        package = self.disk / "media/usb"  # what apt finds there
        package.mkdir()
        subprocess.run(["strip", "-o", package / "pgrecall", tool.BINARY], check=True)
        for each in ("pgrecall.service", "pgrecall.sysusers.conf", "pgrecall.tmpfiles.conf"):
            shutil.copy2(PROJECT / "systemd" / each, package)

    def power_on(self):
        for each in OF_THIS_HOST:
            host, here = pathlib.Path("/", each), self.disk / each
            if host.is_symlink() and not here.is_symlink():
                here.symlink_to(os.readlink(host))
            elif host.is_dir() and not host.is_symlink():
                here.mkdir(exist_ok=True)
        argv = ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "--propagation", "private",
                HERE / "boot", self.disk, self.name, *(each for each in OF_THIS_HOST if (self.disk / each).is_dir() and not (self.disk / each).is_symlink())]
        self.process = processes.start(argv, stdin=processes.NOTHING, stdout=processes.PIPE, stderr=subprocess.STDOUT)
        said = self.process.stdout.readline().decode()
        if said != "up\n":
            raise AssertionError(f"the machine does not boot: {said}{self.process.stdout.read().decode()}")
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.init = children[0]
        return self

    def power_off(self):
        """As if the plug was pulled."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def run(self, command, *, timeout_seconds=90):
        """What bash makes of a line that root types: (exit code, stdout, stderr)."""
        argv = ["nsenter", f"--target={self.init}", "--mount", "--pid", "--net", "--uts", "--ipc", "--root", "--wd", "bash", "-c", command]
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "USER": "root", "TZ": "UTC"}
        return processes.run(argv, check=False, environment=environment, timeout_seconds=timeout_seconds)

    def do(self, command, exits=(0,)):
        """stdout of a command that has to succeed."""
        code, out, err = self.run(command)
        if code not in exits:
            raise AssertionError(f"exit {code} from {command}\n{out}{err}")
        return out

    def sql(self, text, port=5432):
        """Rows as psql prints them unadorned."""
        return self.do(f"runuser -u postgres -- psql -X -q -At -v ON_ERROR_STOP=1 -p {port} -d shop -c {shlex.quote(text)}").strip()

    def wait_for(self, condition, what, timeout_seconds=60):
        deadline = time.monotonic() + timeout_seconds
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_seconds} s for {what}")
            select.select([], [], [], 0.05)
