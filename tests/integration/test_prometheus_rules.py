#!/usr/bin/python3
"""The rules for Prometheus: each alert has a rule, a promtool test that fires and one that does not, and a runbook; metrics that do not
exist are not asked for."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "config/prometheus"
RULES = FOLDER / "pgrecall.rules.yaml"
TESTS = sorted((FOLDER / "tests").glob("*.yaml"))
RUNBOOKS = ROOT / "docs/runbooks"
ONLY_IN_PROMETHEUS = {"PgrecallDown"}  # a dead daemon tells nobody
LEVELS = "cluster|cluster_job|cluster_kind|repository|repository_operation"


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def alert_names():
    return {rule["alert"] for rule in alerts()}


def names_in_the_daemon():
    """As its source lists them."""
    return set(re.findall(r'"(Pgrecall[A-Z]\w+)"', (ROOT / "lib/alert/conditions.h").read_text()))


def metrics_of(text):
    """Names of metrics in an expression, without those that rules record."""
    found = re.findall(r"(?<![\w:])pgrecall_\w+(?![\w:])", text)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in found}


def documented_metrics():
    return set(re.findall(r"^\| `(pgrecall_\w+)", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))


def run(*argv, **options):
    result = subprocess.run([str(part) for part in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, **options)
    if result.returncode != 0:
        raise AssertionError(result.stdout)
    return result.stdout


class Rules(unittest.TestCase):
    maxDiff = None

    def test_promtool_accepts_them_and_its_tests_pass(self):
        self.assertIn("SUCCESS", run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES))
        run("promtool", "test", "rules", *TESTS)

    def test_each_alert_is_seen_to_fire_and_seen_not_to(self):
        firing, quiet, together = set(), set(), set()
        for path in TESTS:
            for test in yaml.safe_load(path.read_text())["tests"]:
                fires, silent = set(), set()
                for check in test.get("alert_rule_test", []):
                    (fires if check.get("exp_alerts") else silent).add(check["alertname"])
                firing, quiet, together = firing | fires, quiet | silent, together | (fires & silent)
        self.assertEqual(alert_names(), firing)
        self.assertEqual(alert_names(), quiet)
        self.assertEqual(alert_names(), together, "begin and end of an alert belong into one test, around its edge")

    def test_the_daemon_and_prometheus_know_the_same_alerts(self):
        self.assertEqual(names_in_the_daemon() | ONLY_IN_PROMETHEUS, alert_names())

    def test_each_alert_says_what_happened_what_to_do_and_where_that_is_written(self):
        for rule in alerts():
            with self.subTest(alert=rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("warning", "critical"))
                self.assertEqual({"summary", "description", "runbook_url"}, set(rule["annotations"]))
                self.assertEqual(f"docs/runbooks/{rule['alert']}.md", rule["annotations"]["runbook_url"])
                self.assertLessEqual(len(rule["annotations"]["description"]), 200)
                self.assertNotIn("$value", str(rule["labels"]), "a label that changes makes a new alert of the same")

    def test_each_alert_has_a_runbook_and_each_runbook_an_alert(self):
        self.assertEqual(alert_names(), {path.stem for path in RUNBOOKS.glob("Pgrecall*.md")})
        index = (RUNBOOKS / "README.md").read_text()
        for name in alert_names():
            self.assertIn(f"({name}.md)", index)

    def test_records_are_named_after_level_metric_and_operation(self):
        for rule in rules():
            if "record" in rule:
                self.assertRegex(rule["record"], rf"^({LEVELS}):pgrecall_[a-z_]+:[a-z0-9_]+$")

    def test_every_metric_is_documented(self):
        asked = set().union(*(metrics_of(rule["expr"]) for rule in rules()))
        self.assertGreater(len(asked), 20)
        self.assertEqual(set(), asked - documented_metrics())

    def test_every_record_is_used_or_shown(self):
        used = " ".join(rule["expr"] for rule in rules()) + (ROOT / "config/grafana/pgrecall.json").read_text()
        for rule in rules():
            if "record" in rule:
                self.assertTrue(rule["record"] in used, rule["record"])

    def test_the_examples_are_good(self):
        with tempfile.TemporaryDirectory() as directory:
            shutil.copy(RULES, directory)
            example = (FOLDER / "scrape.example.yaml").read_text()
            self.assertIn("honor_labels: true", example)
            config = pathlib.Path(directory, "prometheus.yml")
            config.write_text(re.sub(r"- /\S+/pgrecall.rules.yaml", f"- {directory}/pgrecall.rules.yaml", example))
            self.assertIn("SUCCESS", run("promtool", "check", "config", config))
        self.assertIn("SUCCESS", run("amtool", "check-config", FOLDER / "alertmanager.example.yaml"))

    def test_inhibition_names_alerts_that_exist(self):
        named = set(re.findall(r"Pgrecall[A-Z]\w+", (FOLDER / "alertmanager.example.yaml").read_text()))
        self.assertLessEqual(named, alert_names())


if __name__ == "__main__":
    unittest.main(verbosity=2)
