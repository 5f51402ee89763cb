"""What one run of a backup tool costs: wall time, CPU of the tool, CPU of the server, peak memory."""

import dataclasses
import os
import pathlib
import subprocess
import time

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Cost:
    wall_seconds: float
    tool_cpu_seconds: float
    server_cpu_seconds: float
    peak_rss_bytes: int  # of the largest process of the tool
    stored_bytes: int = 0  # what the run added to the repository


def _stat_fields(pid):
    """Fields of /proc/PID/stat from the third on, or None for a process that is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def server_cpu_seconds(postmaster_pid):
    """CPU of the postmaster, of its live processes and of every one it has reaped: a sum that only grows."""
    ticks = 0
    for pid in [postmaster_pid, *_children(postmaster_pid)]:
        fields = _stat_fields(pid)
        if fields:
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / CLOCK_TICKS


def postmaster_pid(data_directory):
    pid_file = pathlib.Path(data_directory) / "postmaster.pid"
    return int(pid_file.read_text().split()[0]) if pid_file.exists() else None


def run(argv, *, user, server_data_directory=None, environment=None, ok_exits=(0,)):
    """Runs argv as `user` and returns its Cost. CPU covers all descendants that the tool has waited for."""
    server = postmaster_pid(server_data_directory) if server_data_directory else None
    server_before = server_cpu_seconds(server) if server else 0.0
    started = time.monotonic()
    process = subprocess.Popen(
        argv,
        user=user,
        group=user,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(environment or {})},
    )
    with process.stdout:
        output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ok_exits:
        raise RuntimeError(f"exit {process.returncode} from {argv}:\n{output.decode(errors='replace')[-4000:]}")
    server_after = server_cpu_seconds(server) if server else 0.0
    return Cost(wall, usage.ru_utime + usage.ru_stime, server_after - server_before, usage.ru_maxrss * 1024)


def stored_bytes(directory):
    """Bytes of all files beneath, as they are (not as the file system rounds them)."""
    return sum(path.lstat().st_size for path in pathlib.Path(directory).rglob("*") if path.is_file())
