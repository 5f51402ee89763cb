#!/usr/bin/python3
"""`alert failure`: what OnFailure= runs. One POST to each receiver, whatever else is wrong, and no webhook address anywhere."""

import http.server
import json
import threading

from harness import IntegrationTest, Pgrecall, contract, main

SECRET = "T000/B000/canary-webhook-91bc"


class Webhook:
    """Answers every POST with `status`, and keeps what was posted."""

    def __init__(self, status=200):
        posts = self.posts = []

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posts.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b"invalid_token" if status != 200 else b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/{SECRET}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class AlertFailure(IntegrationTest):
    def webhook(self, **arguments):
        hook = Webhook(**arguments)
        self.addCleanup(hook.close)
        return hook

    def tool_with(self, **urls):
        tool = Pgrecall(self.directory / "tool")
        receivers = {}
        for name, url in urls.items():
            file = self.directory / f"{name}.url"
            file.write_text(url + "\n")
            file.chmod(0o600)
            receivers[name] = {"kind": "slack", "url_file": str(file)}
        if receivers:
            tool.settings["alerts"] = {"receivers": receivers}
        tool.cluster("prod", "host=/nowhere")
        return tool

    def tell(self, tool, **arguments):
        result = tool.run("alert", "failure", "pgrecall.service", **arguments)
        self.assertNotIn("canary", result.text)
        return result

    def test_every_receiver_is_told_what_failed(self):
        one, other = self.webhook(), self.webhook()
        tool = self.tool_with(one=one.url, other=other.url)
        self.tell(tool, environment={"MONITOR_SERVICE_RESULT": "watchdog", "MONITOR_EXIT_CODE": "killed", "MONITOR_EXIT_STATUS": "ABRT"})
        for hook in (one, other):
            [(path, kind, message)] = hook.posts
            self.assertEqual((f"/services/{SECRET}", "application/json"), (path, kind))
            self.assertIn("pgrecall.service failed on ", message["text"])
            self.assertIn("(watchdog: killed ABRT)", message["text"])
            self.assertIn("no backup is taken of prod", message["text"])

    def test_one_that_refuses_does_not_keep_the_other_from_hearing(self):
        refusing, good = self.webhook(status=403), self.webhook()
        result = self.tell(self.tool_with(a=refusing.url, b=good.url))
        self.assertEqual(1, len(good.posts))
        self.assertIn("receiver a could not be told: the receiver answered 403: invalid_token", result.stderr)

    def test_nobody_could_be_told(self):
        hook = self.webhook()
        tool = self.tool_with(gone=hook.url)
        hook.close()
        result = self.tell(tool, exit=contract.FAILED)
        self.assertIn("receiver gone could not be told: the POST failed: Couldn't connect to server (host=127.0.0.1)", result.stderr)
        self.assertIn("pgrecall.service failed on ", result.stdout, "the journal has it all the same")

    def test_a_secret_that_is_not_there(self):
        good = self.webhook()
        tool = self.tool_with(a="http://x", b=good.url)
        (self.directory / "a.url").unlink()
        result = self.tell(tool)
        self.assertEqual(1, len(good.posts))
        self.assertIn("receiver a could not be told", result.stderr)

    def test_a_configuration_with_errors_is_no_reason_to_be_silent(self):
        hook = self.webhook()
        tool = self.tool_with(one=hook.url)
        tool.settings["frobnicate"] = 1
        tool.write_config()
        result = self.tell(tool)
        self.assertEqual(1, len(hook.posts))
        self.assertIn("frobnicate: unknown key", result.stderr)

    def test_without_receivers(self):
        self.assertIn("names no receiver", self.tell(self.tool_with(), exit=contract.WARNINGS).stderr)

    def test_json(self):
        hook = self.webhook()
        document = self.tool_with(one=hook.url).run("alert", "failure", "x.service", "--output", "json").json()
        self.assertEqual([{"receiver": "one", "delivered": True, "problem": None}], document["alert"]["receivers"])
        self.assertIn("x.service failed on", document["alert"]["text"])


main()
