"""What the development stack reads from the environment (and from `.env`), once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.checkout import ROOT, STATE
from devstack.errors import DevstackError


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens on this machine."""

    gateway: int
    gateway_operations: int
    core_api: int
    ai_svc: int
    worker_svc: int
    oidc: int
    postgres: int
    redis: int


_DEFAULT_PORTS = {
    "gateway": 8080,
    "gateway_operations": 8089,
    "core_api": 8000,
    "ai_svc": 8001,
    "worker_svc": 8004,
    "oidc": 8090,
    "postgres": 54329,
    "redis": 63790,
}
_MOST_REPLICAS = 8
_REPLICA_STEP = 10


@dataclass(frozen=True, slots=True)
class StackSettings:
    """One development stack: its folder, its ports, and what is passed on to the services."""

    state: Path
    ports: Ports
    environment: Mapping[str, str]
    postgres_major: int = 18
    durable: bool = True
    ai_svc_replicas: tuple[int, ...] = ()
    """Ports of further processes of ai-svc, behind the same gateway."""

    @property
    def gateway_url(self) -> str:
        """Where people and programs enter."""
        return f"http://localhost:{self.ports.gateway}"

    @property
    def issuer(self) -> str:
        """The development provider, as everybody outside sees it."""
        return f"{self.gateway_url}/auth"

    @property
    def logs(self) -> Path:
        """One file per program."""
        return self.state / "logs"


def settings_from(environ: Mapping[str, str]) -> StackSettings:
    """Read COGEP_PORT_OFFSET, COGEP_<NAME>_PORT, COGEP_AI_SVC_REPLICAS, COGEP_STATE_DIR, PG;
    services get the rest.

    Raises:
        DevstackError: for a value that cannot be used, and outside development.
    """
    merged = {**_dotenv(ROOT / ".env"), **environ}
    if merged.get("ENVIRONMENT", "development") not in ("development", "test"):
        raise DevstackError(
            f"cogep runs the system for development; ENVIRONMENT={merged['ENVIRONMENT']} "
            "is deployed from infra/docker-compose.prod.yml."
        )
    offset = _number(merged, "COGEP_PORT_OFFSET", 0)
    ports = {
        name: _number(merged, f"COGEP_{name.upper()}_PORT", default + offset)
        for name, default in _DEFAULT_PORTS.items()
    }
    for name, port in ports.items():
        if not 0 < port < 65536:
            raise DevstackError(f"The port of {name} would be {port}; choose another offset.")
    return StackSettings(
        state=Path(merged.get("COGEP_STATE_DIR") or STATE).absolute(),
        ports=Ports(**ports),
        environment=merged,
        postgres_major=_number(merged, "PG", 18),
        ai_svc_replicas=_replica_ports(merged, ports["ai_svc"]),
    )


def current_settings() -> StackSettings:
    """The settings of this process."""
    return settings_from(os.environ)


def _replica_ports(environ: Mapping[str, str], first: int) -> tuple[int, ...]:
    """8011, 8021, … beside 8001: none is the default of another program."""
    replicas = _number(environ, "COGEP_AI_SVC_REPLICAS", 1)
    if not 1 <= replicas <= _MOST_REPLICAS:
        raise DevstackError(f"COGEP_AI_SVC_REPLICAS must be 1 to {_MOST_REPLICAS}.")
    return tuple(first + _REPLICA_STEP * number for number in range(1, replicas))


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name) or str(default)
    try:
        return int(value)
    except ValueError:
        raise DevstackError(f"{name} must be a whole number, not {value!r}.") from None


def _dotenv(path: Path) -> dict[str, str]:
    """KEY=value lines; quotes around the value are removed, nothing is expanded."""
    if not path.exists():
        return {}
    pairs = (
        line.removeprefix("export ").split("=", 1)
        for line in map(str.strip, path.read_text().splitlines())
        if "=" in line and not line.startswith("#")
    )
    return {key.strip(): value.strip().strip("'\"") for key, value in pairs if value.strip()}
