"""Processes that do not outlive the test, and runs of them whose output, exit code and memory are kept."""

import ctypes
import os
import pathlib
import pwd
import signal
import subprocess
import threading

PIPE = subprocess.PIPE
NOTHING = subprocess.DEVNULL
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _end_with_parent(number):
    def set_signal():
        _LIBC.prctl(_PR_SET_PDEATHSIG, number)

    return set_signal


def start(argv, *, user=None, death_signal=signal.SIGKILL, environment=None, **options):
    """Popen as `user`, in /, with a small environment. The kernel sends death_signal when the calling thread ends, so
    that even a test killed by ctest leaves nothing behind; hence call this on the main thread for long-lived processes."""
    identity = {"user": user, "group": user, "extra_groups": []} if user else {}
    return subprocess.Popen(
        [str(argument) for argument in argv],
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(environment or {})},
        preexec_fn=_end_with_parent(death_signal),
        **identity,
        **options,
    )


def run(argv, *, user=None, timeout_seconds=120, check=True, environment=None):
    """(exit code, stdout, stderr); raises AssertionError with all output on a non-zero exit when `check`."""
    process = start(argv, user=user, environment=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    code, out, err, _ = collect(process, timeout_seconds)
    if check and code != 0:
        raise AssertionError(f"exit {code} from {' '.join(map(str, argv))}\n{(out + err)[-4000:]}")
    return code, out, err


def collect(process, timeout_seconds):
    """Reads a process to its end: (exit code, stdout, stderr, peak resident bytes). Kills it at the timeout."""
    texts = {}

    def read(name, stream):
        with stream:
            texts[name] = stream.read().decode(errors="replace")

    readers = [threading.Thread(target=read, args=(name, stream), daemon=True)
               for name, stream in (("out", process.stdout), ("err", process.stderr))]
    for reader in readers:
        reader.start()
    expired = threading.Event()

    def expire():
        expired.set()
        os.kill(process.pid, signal.SIGKILL)

    timer = threading.Timer(timeout_seconds, expire)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    for reader in readers:
        reader.join()
    if expired.is_set():
        raise AssertionError(f"{process.args} took longer than {timeout_seconds} s\n{texts['out']}{texts['err']}")
    return process.returncode, texts["out"], texts["err"], usage.ru_maxrss * 1024


def own(path, user="postgres"):
    """Gives a file or directory to a user, and returns it."""
    entry = pwd.getpwnam(user)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    return pathlib.Path(path)
