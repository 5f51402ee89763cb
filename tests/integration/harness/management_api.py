"""Supabase's Management API at a socket, with TLS: the shapes that it answers with, and its faults."""

import http.server
import json
import ssl
import threading
import time

from .peers import certificate

PROJECT = "abcdefghijklmnopqrst"
TOKEN = "sbp_0123456789secret"


def stamp(ago_seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.123Z", time.gmtime(time.time() - ago_seconds))


class ManagementApi:
    """`fault`: None, or what every request is answered with: (status, headers, body) or "hang" or "garbage". `asked`: (method, path, body)
    of every request. What a project is and has are attributes that tests change as they like."""

    def __init__(self, directory):
        self.certificate, key = certificate(directory)
        self.fault = None
        self.status = "ACTIVE_HEALTHY"
        self.statuses = []  # answered first, one by one
        self.pitr = True
        self.earliest_ago = 8 * 86400  # seconds; None: it tells none
        self.latest_ago = 60
        self.backups = []  # (status, ago in seconds)
        self.add_ons = ["ci_small"]
        self.on_restore = (201, None)  # status and message
        self.asked = []
        self._release = threading.Event()
        api = self

        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                api.asked.append((self.command, self.path, json.loads(body) if body else None))
                if api.fault == "hang":
                    api._release.wait(60)
                    self.close_connection = True
                    return
                status, headers, content = api.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self._release.set()
        self.server.shutdown()
        self.server.server_close()

    def settings(self, token_file, **more):
        """What a cluster's configuration says of it."""
        return {"project": PROJECT, "token_file": str(token_file), "api": self.url, "ca_file": str(self.certificate), **more}

    def changes(self):
        """What was asked for that changes something."""
        return [(path, body) for method, path, body in self.asked if method != "GET"]

    def answer(self, method, path, headers, body):
        limits = {"x-ratelimit-limit": "120", "x-ratelimit-remaining": "119", "x-ratelimit-reset": "60"}
        if self.fault == "garbage":
            return 200, limits, b"<html>we are down for maintenance</html>"
        if self.fault is not None:
            status, more, message = self.fault
            return status, {**limits, **more}, json.dumps({"message": message}).encode()
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, limits, b'{"message":"Unauthorized"}'
        project = f"/v1/projects/{PROJECT}"
        routes = {("GET", project): self._project, ("GET", project + "/database/backups"): self._backups,
                  ("GET", project + "/billing/addons"): self._add_ons, ("PATCH", project + "/billing/addons"): self._select,
                  ("POST", project + "/database/backups/restore-pitr"): self._restore}
        route = routes.get((method, path))
        if route is None:
            return 404, limits, b'{"message":"Project not found"}'
        status, document = route(json.loads(body) if body else None)
        return status, limits, b"" if document is None else json.dumps(document).encode()

    def _project(self, _):
        return 200, {"id": PROJECT, "ref": PROJECT, "name": "shop", "region": "eu-central-1",
                     "status": self.statuses.pop(0) if self.statuses else self.status, "database": {"version": "17.6.1"}}

    def _backups(self, _):
        physical = {}
        if self.pitr and self.earliest_ago is not None:
            physical["earliest_physical_backup_date_unix"] = int(time.time() - self.earliest_ago)
            physical["latest_physical_backup_date_unix"] = int(time.time() - self.latest_ago)
        return 200, {"region": "eu-central-1", "walg_enabled": True, "pitr_enabled": self.pitr, "physical_backup_data": physical,
                     "backups": [{"id": i, "is_physical_backup": True, "status": status, "inserted_at": stamp(ago)}
                                 for i, (status, ago) in enumerate(self.backups)]}

    def _add_ons(self, _):
        prices = {"pitr_7": 100, "pitr_14": 200, "pitr_28": 400}
        return 200, {"selected_addons": [{"type": "x", "variant": {"id": each, "name": each}} for each in self.add_ons],
                     "available_addons": [{"type": "pitr", "name": "Point in Time Recovery", "variants": [
                         {"id": each, "name": each, "price": {"description": f"${price}/month (approx.)", "type": "fixed",
                                                              "interval": "monthly", "amount": price}} for each, price in prices.items()]}]}

    def _select(self, body):
        if "ci_small" not in self.add_ons:
            return 402, {"message": "Compute add-on Small or larger is needed"}
        self.add_ons.append(body["addon_variant"])
        self.pitr = True
        return 200, None

    def _restore(self, body):
        status, message = self.on_restore
        if not self.pitr:
            return 400, {"message": "PITR is not enabled for this project."}
        return status, {"message": message} if message else None
