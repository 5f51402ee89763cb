#!/usr/bin/python3
"""config/grafana/pgrecall.json is what Grafana reads: structure, identities, places, variables, metrics. That its expressions return
data is a part of test_prometheus_end_to_end.py."""

import itertools
import json
import pathlib
import re
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).parents[2]
DASHBOARD = ROOT / "config/grafana/pgrecall.json"
RULES = ROOT / "config/prometheus/pgrecall.rules.yaml"
KINDS = {"row", "stat", "bargauge", "gauge", "table", "timeseries", "state-timeline", "status-history"}
UNITS = {"s", "d", "short", "bytes", "Bps", "percentunit", "reqps"}
WIDTH = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard():
    return json.loads(DASHBOARD.read_text())


def charts():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions():
    return [target["expr"] for panel in charts() for target in panel["targets"]]


class Dashboard(unittest.TestCase):
    def test_it_is_what_grafana_reads(self):
        board = dashboard()
        self.assertGreaterEqual(board["schemaVersion"], 41)
        self.assertEqual("pgrecall", board["uid"])
        for name, kind in (("title", str), ("panels", list), ("time", dict), ("tags", list), ("editable", bool), ("version", int)):
            self.assertIsInstance(board[name], kind, name)
        self.assertNotIn("id", board, "Grafana gives it one of its own")
        self.assertNotIn("__inputs", board)

    def test_panels(self):
        for panel in dashboard()["panels"]:
            with self.subTest(panel=panel["title"]):
                self.assertIn(panel["type"], KINDS)
                self.assertEqual({"h", "w", "x", "y"}, set(panel["gridPos"]))
                if panel["type"] == "row":
                    continue
                self.assertGreater(len(panel["description"]), 20)
                self.assertEqual(DATASOURCE, panel["datasource"])
                defaults = panel["fieldConfig"]["defaults"]
                self.assertIn(defaults["unit"], UNITS)
                steps = defaults["thresholds"]["steps"]
                self.assertIsNone(steps[0]["value"])
                values = [step["value"] for step in steps[1:]]
                self.assertEqual(sorted(values), values)
                if len(steps) > 1:
                    self.assertIn("thresholds", defaults["color"]["mode"], "thresholds that colour nothing")
                for target in panel["targets"]:
                    self.assertEqual(DATASOURCE, target["datasource"])
                self.assertEqual(len(panel["targets"]), len({target["refId"] for target in panel["targets"]}))

    def test_identities_are_unique(self):
        ids = [panel["id"] for panel in dashboard()["panels"]]
        self.assertEqual(len(ids), len(set(ids)))

    def test_nothing_overlaps(self):
        places = [(panel["title"], panel["gridPos"]) for panel in dashboard()["panels"]]
        for (one, a), (other, b) in itertools.combinations(places, 2):
            apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
            self.assertTrue(apart, f"{one} and {other}")
        self.assertTrue(all(place["x"] + place["w"] <= WIDTH for _, place in places))

    def test_window_and_rpo_come_first(self):
        first_row = [panel for panel in charts() if panel["gridPos"]["y"] == 1]
        text = " ".join(panel["title"] for panel in first_row)
        self.assertIn("Recovery window", text)
        self.assertIn("RPO", text)

    def test_variables_are_there_and_used(self):
        names = {variable["name"] for variable in dashboard()["templating"]["list"]}
        self.assertEqual({"datasource", "cluster", "repository"}, names)
        everything = " ".join(expressions())
        self.assertEqual({"cluster", "repository"}, set(re.findall(r"\$(\w+)", everything)))
        for expression in expressions():
            for selector in re.findall(r"(?:pgrecall_|:pgrecall_)\w+(?::\w+)?\{[^}]*\}", expression):
                self.assertRegex(selector, r'(cluster|repository)=~"\$\1"')

    def test_expressions_are_promql_over_metrics_that_exist(self):
        records = {rule["record"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "record" in rule}
        documented = set(re.findall(r"^\| `(pgrecall_\w+)", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
        for expression in expressions():
            with self.subTest(expression=expression):
                self.assertLessEqual(set(re.findall(r"\w+:pgrecall_\w+:\w+", expression)), records)
                self.assertLessEqual(set(re.findall(r"(?<![\w:])pgrecall_\w+(?![\w:])", expression)), documented)
        rules = {"groups": [{"name": "dashboard", "rules": [{"record": f"panel:expression:{number}", "expr": expression}
                                                             for number, expression in enumerate(expressions())]}]}
        result = subprocess.run(["promtool", "check", "rules", "/dev/stdin"], input=yaml.safe_dump(rules), capture_output=True, text=True, timeout=60)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
