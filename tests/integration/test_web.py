#!/usr/bin/python3
"""The web listener: metrics, probes and the status page, asked by clients of every kind, and looked at in a browser.
PGRECALL_TEST_PICTURES names a directory that then gets the pictures."""

import base64
import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys

from harness import IntegrationTest, browser, contract, main
from harness.daemon import NEVER, Daemon

PASSWORD = "canary-scrape-4f7d"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class WebTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.source = self.create_server()
        self.runner = self.pgrecall(self.source)
        self.runner.cluster("prod", self.source.conninfo(), schedule={**NEVER, "daily": "0 3 * * *", "timezone": "Europe/Berlin"},
                            backup={"checkpoint": "fast"})
        self.port = free_port()
        self.daemon = Daemon(self.runner)
        self.addCleanup(self.daemon.remove)

    def listen(self, **settings):
        self.runner.settings["metrics"] = {"listen": f"127.0.0.1:{self.port}", **settings}
        self.runner.write_config()

    def start(self, **settings):
        self.listen(**settings)
        self.daemon.start()

    def get(self, target, method="GET", *, port=None, tls=None, user=None, body=None):
        """(status, fields, text)"""
        where = ("127.0.0.1", port or self.port)
        connection = http.client.HTTPSConnection(*where, timeout=30, context=tls) if tls else \
            http.client.HTTPConnection(*where, timeout=30)
        fields = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}
        try:
            connection.request(method, target, body, fields)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    def raw(self, data, *, shut=False):
        """All that is answered to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(data)
            if shut:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")

    def certificate(self, name, host="localhost"):
        key, certificate = self.directory / "key.pem", self.directory / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{host},IP:127.0.0.1", "-keyout", key, "-out",
                        certificate], check=True, capture_output=True)
        key.chmod(0o600)
        return {"tls_certificate": str(certificate), "tls_key": str(key)}

    def trusting(self):
        """A client that trusts what is in the certificate's file now."""
        return ssl.create_default_context(cafile=self.directory / "certificate.pem")

    def reload(self):
        return self.daemon.ask("POST", "/v1/reload", status=200)[1]["changes"]


class Pages(WebTest):
    def test_everything_there_is_to_read(self):
        self.start()
        self.daemon.wait_until_streaming()
        self.daemon.wait_for(lambda: self.daemon.runs(trigger="first", state="done"), "the first backup")
        self.daemon.wait_for(lambda: "Last backup</dt><dd class=\"\"><time" in self.get("/")[2], "the page to know of it")
        self.assertEqual((200, "ok\n"), self.get("/healthz")[::2])
        self.daemon.wait_for(lambda: self.get("/readyz")[0] == 200, "it to be ready")
        status, fields, metrics = self.get("/metrics")
        self.assertEqual((200, "text/plain; version=0.0.4; charset=utf-8"), (status, fields["content-type"]))
        self.assertRegex(metrics, r'(?m)^pgrecall_build_info\{.*version="[0-9.]+".*\} 1$')
        self.assertRegex(metrics, r'(?m)^pgrecall_cluster_up\{cluster="prod"\} 1$')
        self.read_the_page()
        self.ask_wrongly()
        if browser.PROGRAM:
            self.look_at_the_page()
        else:
            print("chromium is not installed: nobody looked at the page", file=sys.stderr)
        self.hang_and_come_back()

    def read_the_page(self):
        status, fields, page = self.get("/")
        self.assertEqual((200, "text/html; charset=utf-8"), (status, fields["content-type"]))
        self.assertIn('id="cluster-prod"', page)
        self.assertIn("times in Europe/Berlin", page)
        self.assertRegex(page, r'<rect class="real" x="[0-9.]+%"')
        self.assertRegex(page, r'<g><title>daily backup of [^<]*</title>')
        self.assertNotIn("<script", page)
        self.assertNotIn("set-cookie", fields)
        self.assertEqual(("nosniff", "no-referrer"), (fields["x-content-type-options"], fields["referrer-policy"]))
        head_status, head_fields, nothing = self.get("/", "HEAD")
        self.assertEqual((200, ""), (head_status, nothing))
        self.assertGreater(int(head_fields["content-length"]), 5000)
        # The probes are for everybody, and tell no names.
        self.assertNotIn("prod", self.get("/healthz")[2] + self.get("/readyz")[2])

    def ask_wrongly(self):
        self.assertEqual(404, self.get("/v1/status")[0])
        self.assertEqual(404, self.get("/<script>")[0])
        self.assertNotIn("script", self.get("/<script>")[2])
        self.assertEqual((405, "GET, HEAD"), (lambda answer: (answer[0], answer[1]["allow"]))(self.get("/", "POST", body="x")))
        self.assertEqual(413, self.get("/", "POST", body="x" * 100_000)[0])
        for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
            self.assertRegex(self.raw(nonsense), r"^HTTP/1.1 400 ", nonsense)
        self.assertRegex(self.raw(b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n"), r"^HTTP/1.1 413 ")
        self.assertEqual("", self.raw(b"", shut=True))
        self.assertRegex(self.raw(b"HEAD / HTTP/1.0\r\n\r\n"), r"^HTTP/1.1 200 ")

    def look_at_the_page(self):
        """The colours prove that the browser applied the style in spite of the policy, and that nothing juts out on a phone."""
        url = f"http://127.0.0.1:{self.port}/"
        desk = browser.picture(url, self.directory / "desk.png", 1000, 700)
        self.assertEqual("#f5f6f8", desk.pixel(1, 1))
        self.assertIn("#3f9d6f", desk.colours())  # the recovery window
        phone = browser.picture(url, self.directory / "phone.png", 390, 900, browser.DARK)
        self.assertEqual({"#0f1318"}, phone.column(phone.width - 2))
        self.assertIn("#3c9a6d", phone.colours())
        if os.environ.get("PGRECALL_TEST_PICTURES"):
            for name in ("desk.png", "phone.png"):
                shutil.copy(self.directory / name, os.environ["PGRECALL_TEST_PICTURES"])

    def hang_and_come_back(self):
        """A daemon that is stopped answers nobody; one that goes on is healthy again."""
        self.daemon.signal(signal.SIGSTOP)
        with self.assertRaises(TimeoutError):
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as connection:
                connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                connection.recv(1)
        self.daemon.signal(signal.SIGCONT)
        self.daemon.wait_for(lambda: self.get("/healthz")[0] == 200, "it to be healthy")


class Clients(WebTest):
    def test_slow_and_many_clients_hold_nobody_up(self):
        self.start()
        silent = [socket.create_connection(("127.0.0.1", self.port), timeout=30) for _ in range(30)]
        slow = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        slow.sendall(b"GET / HT")
        for _ in range(100):
            self.assertEqual(200, self.get("/healthz")[0])
        # Whoever says nothing is sent away, and so is whoever comes on top of too many.
        more = [socket.create_connection(("127.0.0.1", self.port), timeout=30) for _ in range(200)]
        self.assertEqual(b"", more[-1].recv(1))
        self.assertEqual(b"", slow.recv(1))
        for connection in [*silent, *more, slow]:
            connection.close()
        self.daemon.wait_for(lambda: self.answers(), "it to answer again")
        self.assertLess(len(os.listdir(f"/proc/{self.daemon.process.pid}/fd")), 60)
        self.daemon.stop()
        with self.assertRaises(ConnectionRefusedError):
            self.get("/healthz")

    def answers(self):
        try:
            return self.get("/healthz")[0] == 200
        except (ConnectionError, http.client.HTTPException):
            return False


class Secured(WebTest):
    def test_password_and_certificate_and_their_successors(self):
        secret = self.directory / "password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        settings = {"username": "prometheus", "password_file": str(secret), **self.certificate("first")}
        self.start(**settings)
        first = self.trusting()
        self.assertEqual(200, self.get("/metrics", tls=first, user=f"prometheus:{PASSWORD}")[0])
        for wrong in (None, "prometheus:", f"Prometheus:{PASSWORD}", f"prometheus:{PASSWORD}x"):
            status, fields, text = self.get("/", tls=first, user=wrong)
            self.assertEqual((401, 'Basic realm="pgrecall", charset="UTF-8"'), (status, fields["www-authenticate"]))
            self.assertNotIn("prod", text)
        self.assertEqual(200, self.get("/healthz", tls=first)[0])
        self.assertEqual(404, self.get("/nothing", tls=first)[0])
        self.old_clients_are_refused()

        secret.write_text("another\n")
        self.certificate("second")
        with self.assertRaises(ssl.SSLError):
            self.get("/healthz", tls=self.trusting())  # not before it is told
        self.reload()
        second = self.trusting()
        self.assertEqual(401, self.get("/", tls=second, user=f"prometheus:{PASSWORD}")[0])
        self.assertEqual(200, self.get("/", tls=second, user="prometheus:another")[0])
        with self.assertRaises(ssl.SSLError):
            self.get("/healthz", tls=first)

        (self.directory / "key.pem").write_text("no key\n")
        self.assertIn("metrics and status page stay as they were: cannot use the private key", self.reload())
        self.assertEqual(200, self.get("/", tls=second, user="prometheus:another")[0])
        self.daemon.wait_for(lambda: self.get("/readyz", tls=second)[0] == 503, "it to say that the configuration is not in force")
        self.assertNotIn(PASSWORD, self.daemon.log_path.read_text())

    def old_clients_are_refused(self):
        for version, works in (("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
            client = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", version, "-cipher",
                                     "ALL:@SECLEVEL=0"], input=b"", capture_output=True, timeout=30)
            self.assertEqual(works, client.returncode == 0, client.stderr.decode())
        with self.assertRaises((http.client.HTTPException, ConnectionError)):
            self.get("/healthz")  # without TLS


class Addresses(WebTest):
    def test_port_in_use_and_moving_to_others(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.port))
            other.listen()
            self.listen()
            self.daemon.start().wait_until_streaming()  # WAL does not wait for a port
            problem = f"something else listens on the address of metrics and status page (address=127.0.0.1:{self.port})"
            self.assertIn(problem, self.daemon.log())
            self.assertIn(problem, self.daemon.wait_for_alert("PgrecallConfigReloadFailed")["summary"])
            taken, self.port = self.port, free_port()
            self.listen()
            self.reload()
            self.daemon.wait_for(lambda: self.get("/readyz")[0] == 200, "it to be ready again")
            # To the port that is in use: everything stays.
            self.listen(listen=f"127.0.0.1:{taken}")
            self.assertIn("metrics and status page stay as they were: something else listens", self.reload())
            self.daemon.wait_for(lambda: self.get("/readyz")[0] == 503, "it to say that not all is in force")
        # Once the port is free it goes there by itself.
        before, self.port = self.port, taken
        self.daemon.wait_for(lambda: f"metrics and status page are as configured now: 127.0.0.1:{taken}" in self.daemon.log(), "it to move")
        self.daemon.wait_for(lambda: self.get("/readyz")[0] == 200, "it to be ready again")
        with self.assertRaises(ConnectionRefusedError):
            self.get("/healthz", port=before)
        # To more addresses of the same port, and to the other family.
        self.listen(listen=f"0.0.0.0:{taken}")
        self.reload()
        self.assertEqual(200, self.get("/healthz")[0])
        self.listen(listen=f"[::1]:{taken}")
        self.reload()
        with self.assertRaises(ConnectionRefusedError):
            self.get("/healthz")
        with socket.create_connection(("::1", taken), timeout=30) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 "))
        self.listen(listen="off")
        self.reload()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("::1", taken), timeout=30)
        self.assertTrue(self.daemon.is_streaming() or self.daemon.wait_until_streaming())

    def test_exposed_listener_is_warned_of(self):
        self.listen(listen=f"0.0.0.0:{self.port}")
        said = self.runner.run("config", "check", exit=(contract.DONE, contract.WARNINGS)).text
        self.assertIn("whoever reaches this host can see the names and the state of all clusters", said)
        self.assertTrue(re.search(r"metrics\.listen: .* readable on the way", said))


if __name__ == "__main__":
    main()
