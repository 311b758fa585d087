"""Alerts and dashboards ask for metrics that exist."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from infra_files import INFRA, ROOT, SERVICES, compose, read_yaml

from shared_schemas.events import EVENT_TYPES

MONITORING = INFRA / "monitoring"
DASHBOARDS = sorted((MONITORING / "grafana" / "dashboards").glob("*.json"))
RULES = sorted((MONITORING / "prometheus" / "rules").glob("*.yml"))
# By Prometheus itself, and by prometheus-client for every process.
GIVEN = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
HISTOGRAM_SERIES = ("_bucket", "_sum", "_count")
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset", "le"}


@cache
def defined_metrics() -> frozenset[str]:
    """Every metric the code makes, found by reading it."""
    return frozenset(GIVEN.union(*(_metrics_in(file) for file in _sources())))


def _sources() -> Iterator[Path]:
    for folder in ("libs", "services"):
        yield from (file for file in (ROOT / folder).rglob("*.py") if "tests" not in file.parts)


def _metrics_in(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        kind = node.func if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or not isinstance(kind, ast.Name) or not node.args:
            continue
        name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            if kind.id == "Histogram":
                found |= {name.value + suffix for suffix in HISTOGRAM_SERIES}
            elif kind.id in ("Counter", "Gauge"):
                found.add(name.value)
    return found


def metrics_of(expression: str) -> set[str]:
    """The metric names a PromQL expression reads."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", bare)
    names = re.findall(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\b(?!\s*\()", bare)
    return {name for name in names if name not in WORDS}


def alerts() -> list[dict[str, Any]]:
    groups = [group for file in RULES for group in read_yaml(file)["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def panel_expressions() -> list[str]:
    panels = [
        panel for file in DASHBOARDS for panel in json.loads(file.read_text("utf-8"))["panels"]
    ]
    return [
        target["expr"]
        for panel in panels
        for target in panel.get("targets", [])
        if target["datasource"]["type"] == "prometheus"
    ]


def test_metrics_are_recognised_in_expressions() -> None:
    expression = 'sum by (job, le) (rate(a_total{x=~"b_total"}[5m])) / c > 0.5 or absent(d == 1)'

    assert metrics_of(expression) == {"a_total", "c", "d"}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_alerts_watch_metrics_that_exist(alert: dict[str, Any]) -> None:
    assert metrics_of(alert["expr"]) - defined_metrics() == set()


def test_dashboards_show_metrics_that_exist() -> None:
    shown = set().union(*(metrics_of(expression) for expression in panel_expressions()))

    assert shown - defined_metrics() == set()


def test_the_overview_shows_what_the_owner_named() -> None:
    shown = set().union(*(metrics_of(expression) for expression in panel_expressions()))
    named = {
        "http_requests_total",
        "http_request_duration_seconds_bucket",
        "http_requests_active",
        "db_connections_active",
        "ai_tokens_total",
        "rag_searches_total",
        "job_queue_depth",
        "job_queue_age_seconds",
        "outbox_lag_seconds",
        "stream_lag",
        "dead_letters",
        "privacy_deadlines_total",
    }

    assert named <= shown


def test_events_that_are_watched_by_name_exist() -> None:
    """Breaches of service levels are counted as what they are: events."""
    named = re.findall(r'event_type=~?"([^"]+)"', "\n".join(panel_expressions()))
    watched = {event_type for names in named for event_type in names.split("|")}

    assert watched >= {"sla.warned", "sla.breached"}
    assert watched <= {name for name, _ in EVENT_TYPES}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_alerts_say_how_bad_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["action"]
    assert alert["for"]


def test_every_service_is_scraped_where_it_listens() -> None:
    jobs = read_yaml(MONITORING / "prometheus" / "prometheus.yml")["scrape_configs"]
    scraped = {job["job_name"]: job.get("dns_sd_configs", [{}])[0].get("port") for job in jobs}

    for service in SERVICES:
        dockerfile = (ROOT / "services" / service / "Dockerfile").read_text("utf-8")
        assert f"EXPOSE {scraped[service]}\n" in dockerfile


def test_metrics_are_read_every_fifteen_seconds() -> None:
    settings = read_yaml(MONITORING / "prometheus" / "prometheus.yml")["global"]

    assert settings["scrape_interval"] == "15s"


def test_panels_ask_data_sources_that_are_provisioned() -> None:
    provisioned = read_yaml(MONITORING / "grafana/provisioning/datasources/datasources.yml")
    known = {source["uid"] for source in provisioned["datasources"]}

    for file in DASHBOARDS:
        for panel in json.loads(file.read_text("utf-8"))["panels"]:
            if panel["type"] != "row":
                assert panel["datasource"]["uid"] in known


def test_panel_ids_are_unique() -> None:
    for file in DASHBOARDS:
        ids = [panel["id"] for panel in json.loads(file.read_text("utf-8"))["panels"]]
        assert len(ids) == len(set(ids))


def test_every_mounted_file_exists() -> None:
    for service in compose("docker-compose.monitoring.yml")["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (INFRA / source).exists(), source


def test_no_address_of_the_alert_receiver_is_written_down() -> None:
    receivers = read_yaml(MONITORING / "alertmanager" / "alertmanager.yml")["receivers"]

    for receiver in receivers:
        for webhook in receiver["webhook_configs"]:
            assert set(webhook) == {"url_file", "send_resolved"}
