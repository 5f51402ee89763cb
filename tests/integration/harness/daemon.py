"""`pgrecall daemon` as a process of a test, asked over its socket as anybody may ask it."""

import http.client
import json
import os
import pathlib
import select
import signal
import socket
import threading
import time

from . import processes, tool

NEVER = {job: "never" for job in ("daily", "weekly", "monthly", "verify", "drill", "expire", "check")}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("pgrecall", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


class Daemon:
    """One daemon over the configuration of `runner`; state and socket are in a directory of its own. Under a service manager of its
    own, too: `notified` has what it told sd_notify."""

    def __init__(self, runner, name="daemon", program=None):
        self.runner = runner
        self.directory = runner.directory / name
        self.directory.mkdir(exist_ok=True)
        self.program = program or [tool.BINARY, "daemon"]
        self.settings = {"socket": str(self.directory / "socket"), "state": str(self.directory / "state")}
        self.log_path = self.directory / "log"
        self.process = None
        self.notified = []
        self._manager = None

    def configure(self, **settings):
        """Further keys of `daemon`."""
        self.settings.update(settings)
        self.runner.settings["daemon"] = self.settings
        self.runner.settings.setdefault("metrics", {"listen": "off"})  # one port, and many daemons at a time
        self.runner.settings.setdefault("log", {"format": "json", "level": "debug"})
        self.runner.write_config()
        return self

    def start(self, wait=True, environment=None):
        self.configure()
        self._listen()
        with open(self.log_path, "ab") as log:
            self.process = processes.start([*self.program, "--config", self.runner.config], stdin=processes.NOTHING,
                                           environment={**self.runner.environment, "NOTIFY_SOCKET": str(self.directory / "notify"),
                                                        **(environment or {})},
                                           stdout=log, stderr=log)
        if wait:
            self.wait_for(lambda: "READY=1" in self.notifications(), "the daemon to be ready")
        return self

    def _listen(self):
        """As the service manager does: whatever the daemon tells is taken at once, since telling blocks while nobody listens."""
        self.close()
        path = self.directory / "notify"
        path.unlink(missing_ok=True)
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(path))
        self.notified = []
        self._reader = threading.Thread(target=self._read, args=(self._manager, self.notified), daemon=True)
        self._reader.start()

    @staticmethod
    def _read(manager, notified):
        while True:
            message = manager.recv(65536)
            if message == b"the test is over":
                return
            notified += message.decode().splitlines()

    def close(self):
        if self._manager:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
                end.sendto(b"the test is over", str(self.directory / "notify"))
            self._reader.join()
            self._manager.close()
            self._manager = None

    def notifications(self):
        """Every assignment so far, in order."""
        return self.notified

    def wait_for(self, condition, what, timeout_seconds=60):
        deadline = time.monotonic() + timeout_seconds
        while True:
            found = condition()
            if found:
                return found
            if self.process.poll() is not None:
                raise AssertionError(f"the daemon ended with {self.process.returncode} while the test waited for {what}\n{self.log()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_seconds} s for {what}\n{self.log()}")
            select.select([], [], [], 0.05)

    def ask(self, method, target, body=None, status=None):
        """(status, document); asserts the status when it is given."""
        connection = _UnixConnection(self.settings["socket"])
        try:
            connection.request(method, target, json.dumps(body) if isinstance(body, (dict, list)) else body,
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            document = json.loads(answer.read())
        finally:
            connection.close()
        if status is not None and answer.status != status:
            raise AssertionError(f"{method} {target}: expected {status}, got {answer.status}: {document}\n{self.log()}")
        return answer.status, document

    def get(self, target):
        return self.ask("GET", target, status=200)[1]

    def start_run(self, cluster, job, **options):
        """Returns the run's id."""
        return self.ask("POST", "/v1/runs", {"cluster": cluster, "job": job, "options": options}, status=202)[1]["run"]["id"]

    def run(self, run):
        return self.get(f"/v1/runs/{run}")["run"]

    def runs(self, **conditions):
        """Oldest first, with the given members."""
        found = reversed(self.get("/v1/runs?limit=1000")["runs"])
        return [run for run in found if all(run[name] == value for name, value in conditions.items())]

    def wait_for_run(self, run, *states, timeout_seconds=120):
        """Until it is over, or in one of the states; returns it."""
        wanted = states or ("done", "warnings", "failed", "cancelled", "interrupted", "skipped")

        def over():
            found = self.run(run)
            return found if found["state"] in wanted else None

        return self.wait_for(over, f"run {run} to be {wanted}", timeout_seconds)

    def follow(self, run):
        """Every line until the run is over."""
        connection = _UnixConnection(self.settings["socket"])
        try:
            connection.request("GET", f"/v1/runs/{run}/follow")
            return [json.loads(line) for line in connection.getresponse().read().decode().splitlines()]
        finally:
            connection.close()

    def status(self, cluster="prod"):
        return self.get(f"/v1/status?cluster={cluster}")["clusters"][0]

    def alerts(self, cluster="", scope="told"):
        return self.get(f"/v1/alerts?cluster={cluster}&scope={scope}")["alerts"]

    def wait_for_alert(self, name, timeout_seconds=60, **members):
        """Until it fires with these members; returns it."""
        def firing():
            return next((alert for alert in self.alerts() if alert["name"] == name and alert["state"] == "firing" and
                         all(alert[member] == value for member, value in members.items())), None)

        return self.wait_for(firing, f"{name} to fire {members or ''}", timeout_seconds)

    def is_streaming(self, cluster="prod"):
        receiver = self.status(cluster)["receiver"]
        return receiver is not None and receiver["state"] == "streaming"

    def wait_until_streaming(self, cluster="prod", timeout_seconds=60):
        self.wait_for(lambda: self.is_streaming(cluster), f"WAL of {cluster} to be received", timeout_seconds)
        return self

    def signal(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def remove(self):
        """For the end of a test."""
        if self.process:
            self.kill()
        self.close()

    def stop(self, timeout_seconds=90, exit=0):
        self.signal(signal.SIGTERM)
        self.process.wait(timeout_seconds)
        if self.process.returncode != exit:
            raise AssertionError(f"the daemon ended with {self.process.returncode}\n{self.log()}")

    def log(self):
        return self.log_path.read_text(errors="replace")[-8000:] if self.log_path.exists() else ""

    def log_lines(self):
        """As objects; what is no JSON (a sanitizer's report) is an error."""
        return [json.loads(line) for line in self.log_path.read_text().splitlines()]
