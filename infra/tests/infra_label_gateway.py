"""A real Traefik that reads the labels of docker-compose.prod.yml from a Docker daemon we play.

Only what Traefik's Docker provider asks is answered: version, containers, one container, events.
"""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
from infra_files import ROOT, compose, interpolate, serving

from devstack.ports import free_port
from devstack.servers.binaries import traefik_binary

HOST = "assist.example.org"


@dataclass(frozen=True)
class Traefik:
    """A running gateway: where it listens, and what it says about itself."""

    url: str
    api: str

    def loaded(self, what: str) -> dict[str, dict[str, Any]]:
        """Its routers, middlewares or services by name, as it understood them."""
        found = httpx.get(f"{self.api}/api/http/{what}?per_page=200", timeout=5)
        return {each["name"]: each for each in found.raise_for_status().json()}


def compose_labels(service: str, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The labels a container of the production stack carries."""
    given = {"COGEP_HOST": HOST, **(variables or {})}
    labels: dict[str, str] = compose("docker-compose.prod.yml")["services"][service]["labels"]
    return {name: interpolate(value, given) for name, value in labels.items()}


@contextmanager
def echoing(name: str) -> Iterator[int]:
    """A service that answers with its name and what reached it; yields its port."""

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            headers = {key.lower(): value for key, value in self.headers.items()}
            self.send_response({"/nothing-here": 404, "/gateway-errors/503": 503}.get(path, 200))
            self.end_headers()
            seen = {"service": name, "path": path, "headers": headers}
            self.wfile.write(json.dumps(seen).encode())

        do_POST = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, *_: object) -> None:
            return

    with serving(Echo) as port:
        yield port


@contextmanager
def traefik_on_labels(containers: Mapping[str, Mapping[str, str]], log: Path) -> Iterator[Traefik]:
    """Traefik as Coolify runs it: entry points `http` and `https`, the Docker provider."""
    with _docker(containers) as docker:
        # TLS ends at Coolify's proxy; here the entry point named https speaks plain HTTP.
        provider = [
            "--providers.docker.exposedbydefault=false",
            f"--providers.docker.endpoint={docker}",
        ]
        entry_points = {"https": free_port(), "http": free_port()}
        with _traefik(provider, entry_points, {}, log) as traefik:
            yield traefik


@contextmanager
def traefik_on_files(variables: Mapping[str, str], log: Path) -> Iterator[Traefik]:
    """Traefik with the rules of development and tests."""
    folder = ROOT / "services" / "gateway" / "dynamic"
    provider = [f"--providers.file.directory={folder}"]
    with _traefik(provider, {"web": free_port()}, variables, log) as traefik:
        yield traefik


@contextmanager
def _traefik(
    provider: list[str], entry_points: Mapping[str, int], variables: Mapping[str, str], log: Path
) -> Iterator[Traefik]:
    api = free_port()
    addresses = {**entry_points, "traefik": api}
    arguments = [
        f"--entrypoints.{name}.address=127.0.0.1:{port}" for name, port in addresses.items()
    ]
    fixed = [
        "--api.insecure=true",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [traefik_binary(), *arguments, *fixed, *provider],
            env=dict(variables),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        first = next(iter(entry_points.values()))
        traefik = Traefik(f"http://127.0.0.1:{first}", f"http://127.0.0.1:{api}")
        _wait_for_routers(traefik, process, log)
        yield traefik
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for_routers(traefik: Traefik, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if any(not name.endswith("@internal") for name in traefik.loaded("routers")):
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"Traefik loaded no routers:\n{log.read_text('utf-8')}")


@contextmanager
def _docker(containers: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """A daemon that runs one container per service, all of them on the loopback interface."""
    running = [_container(name, labels) for name, labels in containers.items()]
    answers: dict[str, Any] = {
        "/_ping": "OK",
        "/version": {"ApiVersion": "1.44", "MinAPIVersion": "1.24", "Version": "28.0.0"},
        "/containers/json": running,
    } | {f"/containers/{each['Id']}/json": _inspected(each) for each in running}
    stopped = threading.Event()

    class Daemon(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = re.sub(r"^/v[0-9.]+(?=/)", "", self.path.partition("?")[0])
            self.send_response(200 if path in answers or path == "/events" else 404)
            self.send_header("Api-Version", "1.44")
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            if path == "/events":
                stopped.wait()
            elif self.command == "GET":
                self.wfile.write(json.dumps(answers.get(path, {})).encode())

        do_HEAD = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, *_: object) -> None:
            return

    with serving(Daemon) as port:
        yield f"tcp://127.0.0.1:{port}"
        stopped.set()


def _container(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    network = {"IPAddress": "127.0.0.1", "NetworkID": "coolify"}
    return {
        "Id": name,
        "Names": [f"/{name}"],
        "Labels": dict(labels),
        "State": "running",
        "Status": "Up 1 minute (healthy)",
        "HostConfig": {"NetworkMode": "coolify"},
        "NetworkSettings": {"Networks": {"coolify": network}},
    }


def _inspected(container: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Id": container["Id"],
        "Name": container["Names"][0],
        "Created": "2026-01-01T00:00:00Z",
        "State": {"Status": "running", "Running": True, "Health": {"Status": "healthy"}},
        "Config": {"Labels": container["Labels"]},
        "HostConfig": container["HostConfig"],
        "NetworkSettings": container["NetworkSettings"],
    }
