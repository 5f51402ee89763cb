"""Fake receivers of alerts at the socket: HTTP(S) servers whose answers are scripted, and an SMTP server."""

import base64
import email
import email.policy
import http.server
import json
import queue
import socket
import socketserver
import ssl
import subprocess
import threading


def certificate(directory, name="127.0.0.1"):
    """(certificate, key) of a server at 127.0.0.1 that nobody but whoever names the file trusts."""
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=fake", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
                   check=True, capture_output=True)
    return cert, key


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        return json.loads(self.body)


class HttpPeer:
    """Answers each request with the next of `answers`, the last one again and again: (status, headers, body), or a threading.Event
    that is waited for before the connection is dropped without an answer."""

    def __init__(self, *answers, path="/hook", tls=None):
        self.answers = list(answers) or [(200, {}, b"ok")]
        self.requests = []
        self.arrived = queue.Queue()
        self._lock = threading.Lock()
        peer = self

        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = peer._next(Request(self.command, self.path, self.headers, body))
                if isinstance(answer, threading.Event):
                    answer.wait(30)
                    self.close_connection = True
                    return
                status, headers, content = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that was killed
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}"
        self.url = self.base + path
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _next(self, request):
        with self._lock:
            self.requests.append(request)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.arrived.put(request)
        return answer

    def wait(self, timeout_seconds=60):
        """The next request that was not waited for yet."""
        return self.arrived.get(timeout=timeout_seconds)

    def wait_for(self, fits, timeout_seconds=60):
        while True:
            request = self.wait(timeout_seconds)
            if fits(request):
                return request

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Mail:
    def __init__(self, sender, recipients, user, encrypted, data):
        self.sender, self.recipients, self.user, self.encrypted, self.data = sender, recipients, user, encrypted, data
        self.message = email.message_from_bytes(data, policy=email.policy.default)


class SmtpPeer:
    """Takes mail with STARTTLS and AUTH PLAIN or LOGIN. `refuse` maps a verb, or a whole line, to what it is answered with."""

    def __init__(self, tls=None, refuse=None):
        self.mails = []
        self.refuse = refuse or {}
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        peer = self

        class Session(socketserver.BaseRequestHandler):
            def handle(self):
                peer._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Session)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _serve(self, connection):
        stream = connection.makefile("rwb", buffering=0)
        sender, recipients, user, encrypted = None, [], None, False

        def say(line):
            stream.write(line.encode() + b"\r\n")

        say("220 fake ESMTP")
        while True:
            line = stream.readline().decode().rstrip("\r\n")
            verb = line.split(" ")[0].upper()
            if not line:
                return
            if line in self.refuse or verb in self.refuse:
                say(self.refuse.get(line) or self.refuse[verb])
            elif verb == "EHLO":
                say("250-fake")
                if self.context and not encrypted:
                    say("250-STARTTLS")
                say("250 AUTH PLAIN")
            elif verb == "STARTTLS":
                say("220 go on")
                connection = self.context.wrap_socket(connection, server_side=True)
                stream, encrypted = connection.makefile("rwb", buffering=0), True
            elif verb == "AUTH":
                words = line.split(" ")
                if len(words) == 2:
                    say("334 ")
                    words.append(stream.readline().decode().strip())
                user = base64.b64decode(words[2]).decode().split("\0")[1:]
                say("235 welcome")
            elif verb == "MAIL":
                sender = line
                say("250 ok")
            elif verb == "RCPT":
                recipients.append(line)
                say("250 ok")
            elif verb == "DATA":
                say("354 go on")
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += stream.readline()
                self.mails.append(Mail(sender, recipients, user, encrypted, data[:-3]))
                say("250 2.0.0 queued as canary")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def closed_port():
    """Where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
