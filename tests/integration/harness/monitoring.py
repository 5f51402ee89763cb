"""Prometheus, Alertmanager and a webhook as processes of a test; Debian's packages, on free ports, in the test's directory."""

import http.server
import json
import pathlib
import select
import socket
import threading
import time
import urllib.parse
import urllib.request

import yaml

from . import processes

RULES = pathlib.Path(__file__).parents[3] / "config/prometheus/pgrecall.rules.yaml"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, timeout_seconds=60, told=lambda: ""):
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_seconds} s for {what}\n{told()}")
        select.select([], [], [], 0.1)


class Webhook:
    """Keeps what is posted; answers 200."""

    def __init__(self):
        posts = self.posts = []

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class _Service:
    """A process with an HTTP port that says when it is ready."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = self.directory / "log"

    def _start(self, argv):
        with open(self.log_path, "ab") as log:
            self.process = processes.start(argv, stdin=processes.NOTHING, stdout=log, stderr=log)
        wait_for(self._ready, f"{argv[0]} to be ready", 30, self.log)

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}\n{self.log()}")
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def log(self):
        return self.log_path.read_text(errors="replace")[-6000:]

    def stop(self):
        self.process.kill()
        self.process.wait()

    def get(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:
            return json.loads(answer.read())


class Alertmanager(_Service):
    """Tells one webhook of everything, at once, each alert by itself."""

    def start(self, webhook_url):
        config = {
            "route": {"receiver": "oncall", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "4h"},
            "receivers": [{"name": "oncall", "webhook_configs": [{"url": webhook_url, "send_resolved": True}]}],
        }
        path = self.directory / "alertmanager.yml"
        path.write_text(json.dumps(config))
        self._start(["prometheus-alertmanager", f"--config.file={path}", f"--storage.path={self.directory}/data",
                     f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=", "--log.level=warn"])
        return self


class Prometheus(_Service):
    """Scrapes one daemon every second, as config/prometheus/scrape.example.yaml tells to, with our rules; what these wait for is
    shortened to what a test can wait for."""

    def start(self, target, alertmanager=None):
        rules = yaml.safe_load(RULES.read_text())
        for group in rules["groups"]:
            group["interval"] = "1s"
            for rule in group["rules"]:
                if "for" in rule:
                    rule["for"] = "1s"
        (self.directory / "rules.yaml").write_text(yaml.safe_dump(rules))
        example = yaml.safe_load((RULES.parent / "scrape.example.yaml").read_text())["scrape_configs"][0]
        config = {
            "global": {"evaluation_interval": "1s"},
            "rule_files": [str(self.directory / "rules.yaml")],
            "scrape_configs": [{**example, "scrape_interval": "1s", "scrape_timeout": "1s", "static_configs": [{"targets": [target]}]}],
        }
        if alertmanager:
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager.port}"]}]}]}
        path = self.directory / "prometheus.yml"
        path.write_text(json.dumps(config))
        self._start(["prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.directory}/data",
                     f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"])
        return self

    def query(self, expression):
        """[(labels, value)]; an error in the expression is an AssertionError."""
        try:
            answer = self.get("/api/v1/query", query=expression)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        result = answer["data"]["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in result]

    def firing(self, name, **labels):
        """Labels of the alerts of that name that fire."""
        conditions = ",".join(f'{key}="{value}"' for key, value in {"alertname": name, "alertstate": "firing", **labels}.items())
        return [metric for metric, _ in self.query(f"ALERTS{{{conditions}}}")]
