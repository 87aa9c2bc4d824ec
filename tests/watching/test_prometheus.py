"""Alert rules, dashboard and configuration in `deploy/` are valid, and about metrics that exist."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from catflap.announcements.lateness import LATENESS_BOUNDS
from catflap.cli import COMMANDS
from catflap.clock import FixedClock
from catflap.store.database import Urls
from catflap.web.schemas.error_codes import ERROR_CODES
from tests.support.app_client import ALICE, running_app
from tests.support.log_events import log_calls
from tests.support.promtool import promtool

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
SCRAPE = ROOT / "deploy" / "prometheus" / "scrape.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "catflap.json"
RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads(DASHBOARD.read_text())


def expressions_of_dashboard() -> list[str]:
    """The queries of all panels, with values for Grafana's variables."""
    queries = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    return [one.replace("$job", "catflap").replace("$__rate_interval", "5m") for one in queries]


def test_the_alert_rules_are_valid() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "--lint-fatal", ALERTS)


def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    shutil.copy(ALERTS, tmp_path)
    tests = shutil.copy(Path(__file__).with_name("alerts_test.yaml"), tmp_path)
    promtool("test", "rules", tests)
    cases = yaml.safe_load(Path(tests).read_text())["tests"]
    tried = [(one["alertname"], "exp_alerts" in one) for case in cases for one in case["alert_rule_test"]]
    names = [rule["alert"] for rule in RULES]
    assert sorted(name for name, fires in tried if fires) == sorted(names)
    assert sorted(name for name, fires in tried if not fires) == sorted(names)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_to_do_in_words_that_exist(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    summary, action = rule["annotations"]["summary"], rule["annotations"]["action"]
    assert summary.endswith(".") and action.endswith(".")
    assert set(re.findall(r"`catflap (\w+)", action)) <= COMMANDS.keys()
    codes = {"google_testing_mode", *(event for _, event, _ in log_calls()), *ERROR_CODES}
    assert set(re.findall(r"\b[a-z]+_[a-z_]+\b", action)) <= codes


def test_the_dashboard_is_valid(tmp_path: Path) -> None:
    panels = BOARD["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    assert len({panel["title"] for panel in panels}) == len(panels)
    assert list(_overlaps(panels)) == []
    rules = [{"record": f"a:b:c{n}", "expr": expr} for n, expr in enumerate(expressions_of_dashboard())]
    checked = tmp_path / "dashboard.yaml"
    checked.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", checked)


def _overlaps(panels: list[dict[str, Any]]) -> Iterator[str]:
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        if taken & cells or place["x"] + place["w"] > 24:
            yield panel["title"]
        taken |= cells


@pytest.mark.slow
async def test_each_metric_that_is_asked_for_exists_with_its_labels(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path, operators=(ALICE,), calendars=True) as app:
        answer = await app.client.get("/metrics", headers=await app.api_key("metrics"))
    families = dict(re.findall(r"^# TYPE (catflap_\w+) (\w+)$", answer.text, re.MULTILINE))
    exposed = {name for name, kind in families.items() if kind != "histogram"}
    exposed |= {f"{name}_bucket" for name, kind in families.items() if kind == "histogram"}
    queries = [*expressions_of_dashboard(), *(rule["expr"] for rule in RULES)]
    asked = {name for query in queries for name in re.findall(r"\bcatflap_\w+", query)}
    assert asked - exposed == set()
    unseen = exposed - {
        name for query in expressions_of_dashboard() for name in re.findall(r"catflap_\w+", query)
    }
    assert unseen == {
        "catflap_api_key_expires_timestamp_seconds",
        "catflap_webhook_delivered_timestamp_seconds",
    }
    # The alert about lateness needs a bound of its own.
    assert 5 in LATENESS_BOUNDS


def test_the_configuration_is_that_of_the_docs_and_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "watching.md").read_text()
    assert SCRAPE.read_text() in page
    shutil.copy(ALERTS, tmp_path)
    (tmp_path / "catflap.key").write_text("catflap_x")
    config = tmp_path / "prometheus.yml"
    config.write_text(
        SCRAPE.read_text().replace("/etc/prometheus/catflap.key", str(tmp_path / "catflap.key"))
    )
    promtool("check", "config", config)


def test_the_table_of_alerts_is_that_of_the_rules() -> None:
    page = (ROOT / "docs" / "watching.md").read_text()
    shown = re.findall(r"^\| `(Catflap\w+)` \| (\w+) \|", page, re.MULTILINE)
    assert shown == [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]
