#!/usr/bin/python3
"""Each kind of receiver at the socket: what it is sent, what becomes of its answers, and that nothing is lost and no secret told."""

import base64
import hashlib
import hmac
import json
import sqlite3
import threading
import time
import uuid

from harness import IntegrationTest, Pgrecall, contract, main
from harness.daemon import NEVER, Daemon
from harness.peers import HttpPeer, SmtpPeer, certificate, closed_port

CANARY = "c4n4ry-0123456789abcdef"
CARD = "application/vnd.microsoft.card.adaptive"


class Delivery(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.tool = Pgrecall(self.directory / "tool")
        self.tool.cluster("prod", "host=/nowhere")
        self.said = []

    def tearDown(self):
        for output in self.said:
            self.assertNotIn("c4n4ry", output)

    def secret(self, name, text):
        file = self.directory / name
        file.write_text(text + "\n")
        file.chmod(0o600)
        return str(file)

    def peer(self, *answers, **arguments):
        peer = HttpPeer(*answers, path=f"/hook/{CANARY}", **arguments)
        self.addCleanup(peer.close)
        return peer

    def receivers(self, **receivers):
        """By name: (kind, peer or address or None, further keys)."""
        configured = {}
        for name, (kind, peer, *more) in receivers.items():
            configured[name] = {"kind": kind, **(more[0] if more else {})}
            if peer:
                configured[name]["url_file"] = self.secret(f"{name}.url", getattr(peer, "url", peer))
        self.tool.settings.setdefault("alerts", {})["receivers"] = configured
        self.tool.write_config()

    def try_receiver(self, name="--all", **arguments):
        result = self.tool.run("alert", "test", name, "--output", "json", **arguments)
        self.said.append(result.text)
        return result.json()["alert_test"]

    # --- what each kind is sent -----------------------------------------------------------------------------------------------

    def sent(self, kind, *, url=None, **keys):
        """What one peer got from `alert test`: a firing and a resolved message."""
        peer = self.peer()
        self.receivers(me=(kind, url(peer) if url else peer, keys))
        told = self.try_receiver("me")
        self.assertEqual([("firing", True, "200: ok"), ("resolved", True, "200: ok")],
                         [(each["message"], each["delivered"], each["answer"]) for each in told])
        self.assertEqual(2, len(peer.requests))
        return peer.requests

    def test_slack(self):
        firing, resolved = self.sent("slack")
        self.assertEqual((f"/hook/{CANARY}", "application/json"), (firing.path, firing.headers["Content-Type"]))
        message = firing.json()
        self.assertIn("WARNING: PgrecallTest", message["text"])
        self.assertEqual(["header", "section", "section", "context"], [block["type"] for block in message["blocks"]])
        self.assertIn("&lt;b&gt;&amp;amp;&lt;/b&gt;", message["blocks"][1]["text"]["text"])
        self.assertIn("RESOLVED after", resolved.json()["blocks"][0]["text"]["text"])

    def test_teams(self):
        firing, resolved = self.sent("teams")
        card = firing.json()["attachments"][0]
        self.assertEqual(("message", CARD, "AdaptiveCard"), (firing.json()["type"], card["contentType"], card["content"]["type"]))
        self.assertLess(len(firing.body), 28 * 1024)
        self.assertEqual("Warning", card["content"]["body"][0]["color"])
        self.assertEqual("Good", resolved.json()["attachments"][0]["content"]["body"][0]["color"])

    def test_discord(self):
        firing, resolved = self.sent("discord")
        message = firing.json()
        self.assertEqual({"parse": []}, message["allowed_mentions"])
        self.assertIn("PgrecallTest", message["embeds"][0]["title"])
        self.assertLessEqual(len(message["content"]), 2000)
        self.assertIn("RESOLVED", resolved.json()["embeds"][0]["title"])

    def test_pagerduty(self):
        firing, resolved = self.sent("pagerduty", routing_key_file=self.secret("key", CANARY))
        trigger, resolve = firing.json(), resolved.json()
        self.assertEqual((CANARY, "trigger", "resolve"), (trigger["routing_key"], trigger["event_action"], resolve["event_action"]))
        self.assertEqual(trigger["dedup_key"], resolve["dedup_key"])
        self.assertEqual("warning", trigger["payload"]["severity"])
        self.assertLessEqual(len(trigger["payload"]["summary"]), 1024)

    def test_alertmanager(self):
        firing, resolved = self.sent("alertmanager", url=lambda peer: peer.base + "/prefix", token_file=self.secret("token", CANARY))
        self.assertEqual(("/prefix/api/v2/alerts", f"Bearer {CANARY}"), (firing.path, firing.headers["Authorization"]))
        [alert], [over] = firing.json(), resolved.json()
        self.assertEqual(("PgrecallTest", "warning"), (alert["labels"]["alertname"], alert["labels"]["severity"]))
        self.assertEqual(alert["labels"], over["labels"])
        self.assertLess(alert["startsAt"], over["endsAt"])
        self.assertLess(over["endsAt"], alert["endsAt"])

    def test_webhook_is_signed(self):
        firing, _ = self.sent("webhook", signing_key_file=self.secret("key", CANARY))
        message = firing.json()
        self.assertEqual((1, "firing", "PgrecallTest"), (message["version"], message["state"], message["name"]))
        self.assertEqual(message["id"], firing.headers["X-Pgrecall-Message"])
        timestamp = firing.headers["X-Pgrecall-Timestamp"]
        digest = hmac.new(CANARY.encode(), timestamp.encode() + b"." + firing.body, hashlib.sha256).hexdigest()
        self.assertEqual(f"v1={digest}", firing.headers["X-Pgrecall-Signature"])
        self.assertLess(abs(time.time() - int(timestamp)), 300)

    def test_webhook_with_a_template(self):
        template = self.directory / "chat.mustache"
        template.write_text('{"msg": "{{#firing}}{{name}}: {{summary}}{{/firing}}{{^firing}}over after {{lasted}}{{/firing}}"}')
        firing, resolved = self.sent("webhook", template=str(template))
        self.assertIn('<b>&amp;</b> *_`~ "ü"', firing.json()["msg"])
        self.assertIn("over after", resolved.json()["msg"])
        template.write_text('{"msg": "{{sumary}}"}')
        result = self.tool.run("config", "check", exit=contract.CONFIGURATION)
        self.assertIn('alerts.receivers.me.template: names "sumary", which no message has; hint: did you mean "summary"?', result.text)

    def test_mail(self):
        tls = certificate(self.directory)
        peer = SmtpPeer(tls=tls)
        self.addCleanup(peer.close)
        self.receivers(me=("email", None, {"server": peer.address, "from": "pgrecall@example.com", "to": ["a@example.com", "b@example.com"],
                                           "user": "pgrecall", "password_file": self.secret("password", CANARY), "ca_file": str(tls[0])}))
        told = self.try_receiver("me")
        self.assertEqual([True, True], [each["delivered"] for each in told], told)
        firing, resolved = peer.mails
        self.assertEqual((["pgrecall", CANARY], True), (firing.user, firing.encrypted))
        self.assertIn("<pgrecall@example.com>", firing.sender)
        self.assertEqual(2, len(firing.recipients))
        message = firing.message
        self.assertIn("WARNING: PgrecallTest", message["Subject"])
        self.assertEqual("auto-generated", message["Auto-Submitted"])
        self.assertEqual(["text/plain", "text/html"], [part.get_content_type() for part in message.iter_parts()])
        plain, html = [part.get_content() for part in message.iter_parts()]
        self.assertIn('<b>&amp;</b> *_`~ "ü"', plain)
        self.assertIn("&lt;b&gt;&amp;amp;&lt;/b&gt;", html)
        self.assertEqual(message["Message-ID"], resolved.message["In-Reply-To"])

    # --- answers --------------------------------------------------------------------------------------------------------------

    def refused(self, kind="slack", peer=None, **keys):
        self.receivers(me=(kind, peer, keys))
        [told] = self.try_receiver("me", exit=contract.FAILED)
        self.assertFalse(told["delivered"])
        return told["problem"]

    def test_an_answer_that_repeats_the_secret_is_shown_without_it(self):
        self.assertIn("the receiver answered 404: no **** here",
                      self.refused(peer=self.peer((404, {}, f"no /hook/{CANARY} here".encode()))))

    def test_an_answer_that_repeats_the_login_is_shown_without_it(self):
        """As HTTP's Basic scheme sends it: not as it stands in the address."""
        sent = base64.b64encode(b"me:pass@word").decode()
        peer = self.peer((404, {}, f"Authorization: Basic {sent}; pass@word".encode()))
        problem = self.refused(peer=peer.url.replace("://", "://me:pass%40word@"))
        self.assertEqual(f"Basic {sent}", peer.requests[0].headers["Authorization"])
        self.assertIn("answered 404: Authorization: Basic ****; ****", problem)

    def test_redirects_are_not_followed(self):
        other = self.peer()
        problem = self.refused(peer=self.peer((302, {"Location": other.url}, b"")))
        self.assertIn("answered 302", problem)
        self.assertIn("it points to http://127.0.0.1:", problem)
        self.assertEqual([], other.requests)

    def test_a_certificate_that_nobody_vouches_for(self):
        tls = certificate(self.directory)
        peer = self.peer(tls=tls)
        self.assertIn("self-signed certificate", self.refused(peer=peer))
        self.assertEqual([], peer.requests)
        self.receivers(me=("slack", peer, {"ca_file": str(tls[0])}))
        self.assertEqual([True, True], [each["delivered"] for each in self.try_receiver("me")])

    def test_nobody_listens_and_nobody_answers(self):
        self.assertIn("(host=127.0.0.1)", self.refused(peer=f"http://127.0.0.1:{closed_port()}/{CANARY}"))
        release = threading.Event()
        self.addCleanup(release.set)
        self.assertIn("Timeout was reached", self.refused(peer=self.peer(release), timeout="1s"))

    def test_a_mail_server_that_has_no_tls_gets_no_password(self):
        peer = SmtpPeer()
        self.addCleanup(peer.close)
        problem = self.refused("email", server=peer.address, to=["a@example.com"], user="u",
                               password_file=self.secret("password", CANARY), **{"from": "p@example.com"})
        self.assertIn("STARTTLS not supported", problem)
        self.assertEqual([], peer.mails)

    def test_a_mail_server_that_refuses(self):
        peer = SmtpPeer(refuse={"RCPT": "550 no such user"})
        self.addCleanup(peer.close)
        problem = self.refused("email", server=peer.address, to=["a@example.com"], encryption="none", **{"from": "p@example.com"})
        self.assertIn("the mail server answered 550: 550 no such user", problem)

    def test_a_recipient_that_is_gone_keeps_no_other_from_the_mail(self):
        peer = SmtpPeer(refuse={"RCPT TO:<gone@example.com>": "550 no such user"})
        self.addCleanup(peer.close)
        self.receivers(me=("email", None, {"server": peer.address, "to": ["gone@example.com", "a@example.com"], "encryption": "none",
                                           "from": "p@example.com"}))
        told = self.try_receiver("me")
        self.assertEqual([True, True], [each["delivered"] for each in told])
        self.assertIn("but not all of its addresses: 550 no such user", told[0]["answer"])
        self.assertEqual([["RCPT TO:<a@example.com>"]] * 2, [mail.recipients for mail in peer.mails])

    def test_a_receiver_that_is_not_configured(self):
        self.receivers(oncall=("slack", self.peer()))
        result = self.tool.run("alert", "test", "oncal", exit=contract.USAGE)
        self.assertIn('did you mean "oncall"?', result.stderr)

    def test_the_failure_of_a_unit_is_told_to_every_kind(self):
        peers = {kind: self.peer() for kind in ("slack", "teams", "discord", "alertmanager", "webhook", "pagerduty")}
        key = {"routing_key_file": self.secret("key", CANARY)}
        self.receivers(**{kind: (kind, peer, key if kind == "pagerduty" else {}) for kind, peer in peers.items()})
        self.said.append(self.tool.run("alert", "failure", "pgrecall.service").text)
        for kind, peer in peers.items():
            [request] = peer.requests
            self.assertIn("no backup is taken of prod", request.body.decode().replace("\\\\", ""), kind)

    # --- the daemon -----------------------------------------------------------------------------------------------------------

    def daemon(self, **alerts):
        self.tool.settings.setdefault("alerts", {}).update(alerts)
        self.tool.clusters["prod"]["schedule"] = NEVER
        daemon = Daemon(self.tool)
        daemon.configure()
        self.addCleanup(daemon.remove)
        self.addCleanup(lambda: self.said.append(daemon.log()))
        return daemon

    def begin(self, daemon):
        """Starts and stops it once, so that its state is there."""
        daemon.start()
        daemon.stop()

    def wait_in_outbox(self, daemon, *receivers, name="PgrecallRunFailed", state="firing"):
        """As if the daemon had decided to tell it just before it ended."""
        now = int(time.time() * 1e6)
        notification = {"state": state, "name": name, "severity": "warning", "cluster": "prod", "subject": "daily", "summary": "It failed.",
                        "fingerprint": "feedfeedfeedfeed", "since": now, "told": now, "host": "here"}
        with sqlite3.connect(daemon.settings["state"] + "/state.db") as database:
            for receiver in receivers:
                database.execute("INSERT INTO outbox (receiver, fingerprint, state, told, repeated, notification, added) "
                                 "VALUES (?, ?, ?, ?, 0, ?, ?)", (receiver, "feedfeedfeedfeed", state, now, json.dumps(notification), now))

    def waiting(self, daemon, receiver):
        with sqlite3.connect(daemon.settings["state"] + "/state.db", timeout=10) as database:
            return database.execute("SELECT count(*) FROM outbox WHERE receiver = ? AND ended IS NULL AND fingerprint = 'feedfeedfeedfeed'",
                                    (receiver,)).fetchone()[0]

    @staticmethod
    def ours(request):
        return b"feedfeedfeedfeed" in request.body

    def test_a_slow_receiver_delays_no_other_and_failures_that_pass_are_tried_again(self):
        release = threading.Event()
        self.addCleanup(release.set)
        slow, good, refusing = self.peer(release), self.peer(), self.peer((400, {}, b"bad message"))
        flaky = self.peer((500, {}, b""), (429, {"Retry-After": "1"}, b""), (200, {}, b"ok"))
        self.receivers(slow=("webhook", slow, {"timeout": "5m"}), good=("webhook", good), flaky=("webhook", flaky),
                       refusing=("webhook", refusing), gone=("webhook", f"http://127.0.0.1:{closed_port()}/{CANARY}"))
        daemon = self.daemon()
        self.begin(daemon)
        self.wait_in_outbox(daemon, "slow", "good", "flaky", "refusing", "gone")
        daemon.start()
        slow.wait_for(self.ours)
        good.wait_for(self.ours)
        for _ in range(3):
            flaky.wait_for(self.ours)
        daemon.wait_for(lambda: self.waiting(daemon, "flaky") == 0, "the third try to be noted")
        daemon.wait_for(lambda: self.waiting(daemon, "refusing") == 0, "the refusal to be noted")
        self.assertEqual(1, len([one for one in refusing.requests if self.ours(one)]), "what is refused for good is not sent again")
        self.assertEqual((1, 0, 1), tuple(self.waiting(daemon, name) for name in ("slow", "good", "gone")))
        begun = time.monotonic()
        daemon.stop()
        self.assertLess(time.monotonic() - begun, 30, "a receiver that hangs does not hold up the end")
        self.assertIn("receiver refusing was never told", daemon.log())

    def test_a_daemon_that_is_killed_before_the_answer_sends_again(self):
        hang = threading.Event()
        self.addCleanup(hang.set)
        peer = self.peer(hang, (200, {}, b"ok"))
        self.receivers(me=("webhook", peer))
        daemon = self.daemon(routes={"r": {"alerts": ["PgrecallNothing"], "receivers": ["me"]}})
        self.begin(daemon)
        self.wait_in_outbox(daemon, "me")
        peer.answers, peer.requests = [hang, (200, {}, b"ok")], []
        daemon.start()
        first = peer.wait_for(self.ours)
        daemon.kill()
        daemon.start()
        second = peer.wait_for(self.ours)
        self.assertEqual(first.headers["X-Pgrecall-Message"], second.headers["X-Pgrecall-Message"], "whoever gets both can tell")
        daemon.wait_for(lambda: self.waiting(daemon, "me") == 0, "the delivery to be noted")
        daemon.stop()

    def test_what_a_revoked_address_did_not_take_is_told_when_it_is_mended(self):
        revoked, other = self.peer((404, {}, b"no such hook")), self.peer()
        self.receivers(revoked=("webhook", revoked), other=("webhook", other))
        daemon = self.daemon()
        self.begin(daemon)
        self.wait_in_outbox(daemon, "revoked")
        daemon.start()
        revoked.wait_for(self.ours)
        told = other.wait_for(lambda request: b"PgrecallReceiverFailing" in request.body).json()
        self.assertEqual(("firing", "revoked"), (told["state"], told["subject"]))
        self.assertIn("1 message waits: the receiver answered 404", told["summary"])
        self.assertEqual(1, self.waiting(daemon, "revoked"))
        revoked.answers[:] = [(200, {}, b"ok")]
        daemon.ask("POST", "/v1/reload", status=200)
        revoked.wait_for(self.ours)
        daemon.wait_for(lambda: self.waiting(daemon, "revoked") == 0, "the delivery to be noted")
        daemon.stop()

    def test_what_a_receiver_never_took_is_told_to_another(self):
        address = f"http://127.0.0.1:{closed_port()}/{CANARY}"
        good = self.peer()
        self.receivers(gone=("webhook", address), good=("webhook", good))
        self.tool.run("repo", "init", "main")
        daemon = self.daemon(give_up_after="2s", repeat_interval="1s", settle="1s")
        daemon.start()
        daemon.wait_for(lambda: "the work on this cluster is ours" in daemon.log(), "the cluster to be ours")
        daemon.wait_for_run(daemon.start_run("prod", "backup"), "failed")
        failing = good.wait_for(lambda request: b"PgrecallReceiverFailing" in request.body).json()
        self.assertEqual(("firing", "gone", "warning"), (failing["state"], failing["subject"], failing["severity"]))
        self.assertIn("could not be told", failing["summary"])
        self.assertIn("pgrecall alert test gone", failing["action"])
        self.assertIn("receiver gone was never told that PgrecallRunFailed", daemon.log_path.read_text())
        # Mended, it takes the next repetition, and that is told too.
        mended = self.peer()
        self.receivers(gone=("webhook", mended), good=("webhook", good))
        daemon.ask("POST", "/v1/reload", status=200)
        mended.wait_for(lambda request: b"PgrecallRunFailed" in request.body)
        good.wait_for(lambda request: b"PgrecallReceiverFailing" in request.body and request.json()["state"] == "resolved")
        self.assertFalse([one for one in mended.requests if b"PgrecallReceiverFailing" in one.body], "nobody is told that he fails")
        daemon.stop()

    def test_a_run_is_heard_of_by_its_heartbeat(self):
        peer = self.peer()
        self.receivers()
        daemon = self.daemon(heartbeats={"runs": {"on": "runs", "url_file": self.secret("beat", peer.url)},
                                         "alive": {"url_file": self.secret("alive", peer.url + "/alive"), "interval": "1s"}})
        self.tool.run("repo", "init", "main")
        daemon.start()
        daemon.wait_for(lambda: "the work on this cluster is ours" in daemon.log(), "the cluster to be ours")
        run = daemon.start_run("prod", "backup")
        start = peer.wait_for(lambda request: "/start" in request.path)
        fail = peer.wait_for(lambda request: "/fail" in request.path)
        self.assertEqual("GET", start.method)
        rids = {request.path.split("rid=")[1] for request in (start, fail)}
        self.assertEqual(1, len(rids), run)
        uuid.UUID(rids.pop())
        self.assertFalse([one for one in peer.requests if one.path.endswith("/alive")], "a cluster without a backup is not well")
        daemon.stop()


if __name__ == "__main__":
    main()
