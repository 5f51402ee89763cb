#!/usr/bin/python3
"""Hosted Supabase's own backups, by a Management API at a socket: looked at, driven, paid for; and the words where it refuses."""

import datetime
import time

from harness import IntegrationTest, contract, main
from harness.management_api import PROJECT, TOKEN, ManagementApi

RESTORE = f"/v1/projects/{PROJECT}/database/backups/restore-pitr"


def moment(ago_seconds):
    return datetime.datetime.fromtimestamp(time.time() - ago_seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class SupabasePlatform(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.api = ManagementApi(self.directory)
        self.addCleanup(self.api.close)
        self.token = self.directory / "token"
        self.token.write_text(TOKEN + "\n")
        self.token.chmod(0o600)
        self.runner = self.pgrecall()
        self.runner.cluster("shop", "host=127.0.0.1 port=5432 user=postgres dbname=postgres", kind="supabase-hosted",
                            supabase=self.api.settings(self.token))

    def supabase(self, *arguments, **options):
        return self.runner.run("supabase", *arguments, **options)

    def restore(self, ago=3600, *arguments, confirm=PROJECT, **options):
        return self.supabase("restore", "shop", "--at", moment(ago), "--every", "20ms", "--confirm", confirm, *arguments, **options)

    def tearDown(self):
        self.assertNotIn("secret", "".join(self.runner.outputs))
        super().tearDown()

    def test_status_says_what_the_platform_says(self):
        self.api.backups = [("COMPLETED", 7200), ("FAILED", 93600)]
        told = self.supabase("status", "shop").stdout
        self.assertIn(f"Project {PROJECT} (shop): ACTIVE_HEALTHY", told)
        self.assertRegex(told, r"by the platform: \S+Z to \S+Z\n")
        self.assertRegex(told, r"COMPLETED +physical\n.*FAILED")
        document = self.supabase("status", PROJECT, "--output", "json").json()
        self.assertEqual(("ACTIVE_HEALTHY", True, 2), (document["status"], document["pitr_enabled"], len(document["backups"])))
        self.api.status, self.api.pitr, self.api.backups = "INACTIVE", False, []
        told = self.supabase("status", "shop", exit=3).stdout
        self.assertIn("INACTIVE", told)
        self.assertIn("any moment by the platform: off", told)
        self.assertIn("the platform lists none", told)

    def test_refusals_are_told_once_and_with_what_to_do(self):
        for status, message, hint, code in ((401, "Unauthorized", "make a new one", 1), (403, "Forbidden", "may not see", 1),
                                            (402, "Upgrade", "plan does not have this", 1), (404, "Not found", "supabase.project", 1)):
            self.api.fault = (status, {}, message)
            self.api.asked.clear()
            told = self.supabase("status", "shop", exit=code).stderr
            self.assertIn(f"answered {status}: {message}", told)
            self.assertIn(hint, told)
            self.assertEqual(1, len(self.api.asked), "a refusal is not asked for again")
        self.api.fault = "garbage"
        self.assertIn("not understood", self.supabase("status", "shop", exit=contract.DATABASE_UNREACHABLE).stderr)

    def test_a_platform_in_trouble_is_asked_again(self):
        answers = iter([(429, {"Retry-After": "1"}, "Too Many Requests"), (500, {}, "Oops"), None, None])
        serve = self.api.answer

        def answer(*request):
            self.api.fault = next(answers)
            return serve(*request)

        self.api.answer = answer
        self.assertIn("ACTIVE_HEALTHY", self.supabase("status", "shop").stdout)
        self.assertEqual(4, len(self.api.asked))

    def test_restore_to_a_moment(self):
        self.api.statuses = ["ACTIVE_HEALTHY", "ACTIVE_HEALTHY", "RESTORING", "COMING_UP"]
        done = self.restore(3600)
        (path, body), = self.api.changes()
        self.assertEqual(RESTORE, path)
        self.assertAlmostEqual(time.time() - 3600, body["recovery_time_target_unix"], delta=60)
        for said in ("everything written after that is lost", "replication slots", "the platform has begun", "project is RESTORING"):
            self.assertIn(said, done.stderr)
        self.assertIn("is back, as it was at", done.stdout)

    def test_restores_that_fail_say_so(self):
        self.api.statuses = ["ACTIVE_HEALTHY", "RESTORING", "RESTORE_FAILED"]
        self.assertIn("the restore failed", self.restore(exit=1).stderr)
        self.api.statuses = []
        self.assertIn("never left ACTIVE_HEALTHY", self.restore(exit=1).stderr)
        self.api.on_restore = (500, "Oops")
        self.api.asked.clear()
        self.assertIn("whether the restore began is not known", self.restore(exit=contract.DATABASE_UNREACHABLE).stderr)
        self.assertEqual(1, len(self.api.changes()), "what may have begun is not asked for twice")
        self.api.on_restore = (400, "PITR is not enabled for this project.")
        self.assertIn("PITR is not enabled for this project.", self.restore(exit=1).stderr)

    def test_what_is_not_asked_for_is_not_done(self):
        self.assertIn("not confirmed", self.restore(confirm="shop", exit=2).stderr)
        self.assertIn("not confirmed", self.supabase("restore", "shop", "--at", moment(3600), exit=2).stderr)
        for ago in (9 * 86400, 10, time.time()):  # before the window, behind it, and 0
            self.assertIn("the platform can bring back", self.restore(ago, exit=contract.TARGET_UNREACHABLE).stderr)
        self.api.pitr = False
        self.assertIn("is off", self.restore(exit=contract.TARGET_UNREACHABLE).stderr)
        self.api.pitr, self.api.earliest_ago = True, None
        self.assertIn("does not say which moments", self.restore(exit=contract.TARGET_UNREACHABLE).stderr)
        self.api.earliest_ago, self.api.status = 8 * 86400, "RESTORING"
        self.assertIn("RESTORING, not ACTIVE_HEALTHY", self.restore(exit=1).stderr)
        self.assertEqual([], self.api.changes())

    def test_recovery_to_any_moment_is_bought_only_by_who_says_so(self):
        self.api.pitr = False
        told = self.supabase("enable-pitr", "shop", "--days", "7", exit=2).stderr
        self.assertIn("$100/month", told)
        self.assertEqual([], self.api.changes())
        self.supabase("enable-pitr", "shop", "--days", "8", "--confirm", PROJECT, exit=2)
        done = self.supabase("enable-pitr", "shop", "--days", "14", "--confirm", PROJECT)
        self.assertIn("promised_window: 14d", done.stdout)
        self.assertEqual([{"addon_type": "pitr", "addon_variant": "pitr_14"}], [body for _, body in self.api.changes()])
        self.assertIn("on already", self.supabase("enable-pitr", "shop", "--days", "14").stdout)
        self.api.add_ons = []
        self.assertIn("Small or larger is needed",
                      self.supabase("enable-pitr", "shop", "--days", "7", "--confirm", PROJECT, exit=1).stderr)

    def test_clusters_that_are_not_hosted_are_told_apart(self):
        self.runner.cluster("own", "host=127.0.0.1")
        self.assertIn("no hosted Supabase project", self.supabase("status", "own", exit=2).stderr)
        self.assertIn("neither a cluster nor a project", self.supabase("status", "nowhere", exit=2).stderr)


if __name__ == "__main__":
    main()
