"""Real service processes under uvicorn, as production runs them, one process each."""

import base64
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from bench.key_server import Identity
from bench.servers import Servers
from devstack.ports import free_port
from devstack.servers.server import Server, http_status
from devstack.servers.service import YIELDING

_INTERNAL_KEYS = {name: f"bench-key-of-{name}" for name in ("core-api", "ai-svc", "worker-svc")}
_MEGABYTE = 2**20


def _key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


SEALING = {"FIELD_KEYS": json.dumps({"1": _key()}), "BLIND_INDEX_KEY": _key()}
"""Keys of sealed fields, the same for every process of a run."""


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """A running service."""

    port: int
    pid: int

    def rss_megabytes(self) -> tuple[float, float]:
        """Resident memory now: of the process, and of it together with its children."""
        process = psutil.Process(self.pid)
        own: int = process.memory_info().rss
        children = 0
        for child in process.children(recursive=True):
            try:
                children += child.memory_info().rss
            except psutil.NoSuchProcess:  # ended between the two calls
                continue
        return own / _MEGABYTE, (own + children) / _MEGABYTE


class _Uvicorn(Server):
    """One uvicorn process. The event loop and the parser are the ones uvicorn chooses itself."""

    def __init__(self, application: str, servers: Servers, settings: Mapping[str, str]) -> None:
        name = application.split(".", maxsplit=1)[0].replace("_", "-")
        port = free_port()
        super().__init__(name, port, servers.folder / f"{name}-{port}.log")
        self._application = application
        self._settings = dict(settings)

    def command(self) -> Sequence[str]:
        """Without uvicorn's own access log: the product has one of its own, the yardstick none."""
        return [
            *(YIELDING if self.name == "worker-svc" else ()),
            *(sys.executable, "-m", "uvicorn", "--factory", self._application),
            *("--host", "127.0.0.1", "--port", str(self.port), "--no-access-log"),
        ]

    def environment(self) -> Mapping[str, str]:
        """What the service is told."""
        return {**os.environ, **self._settings}

    def answers(self) -> bool:
        """Whether it says that it is ready."""
        return http_status(self.port, "/health/ready") == 200


@contextmanager
def running_service(
    application: str, servers: Servers, identity: Identity, **settings: str
) -> Iterator[ServiceProcess]:
    """Start `application` (module:factory), wait until it is ready, stop it at the end."""
    name = application.split(".", maxsplit=1)[0].replace("_", "-")
    service = _Uvicorn(application, servers, _settings(name, servers, identity) | settings)
    try:
        service.start()
        service.wait_until_ready(60)
        assert service.process is not None
        yield ServiceProcess(service.port, service.process.pid)
    finally:
        service.stop()


def _settings(name: str, servers: Servers, identity: Identity) -> dict[str, str]:
    return {
        **servers.environment(),
        **identity.environment(),
        "PYTHONPATH": str(servers.root),
        "ENVIRONMENT": "development",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
        # A load generator is one client: the limit would answer instead of the product.
        "RATE_LIMIT_ENABLED": "false",
        "INTERNAL_KEY": _INTERNAL_KEYS.get(name, "bench-key-of-nobody"),
        "INTERNAL_KEYS_ACCEPTED": json.dumps(
            {caller: [key] for caller, key in _INTERNAL_KEYS.items()}
        ),
        **SEALING,
        "DOWNLOAD_LINK_KEY": _key(),
        "LEDGER_SIGNING_KEY": _key(),
        "CORE_API_URL": "http://127.0.0.1:9",
        "AI_SVC_URL": "http://127.0.0.1:9",
        "EMBEDDING_PROVIDER": "local",
        "LLM_PROVIDER": "extractive",
    }
