"""The production topology on one machine: which programs there are and what each is told."""

from collections.abc import Mapping
from dataclasses import dataclass

from devstack.generated_secrets import GeneratedSecrets
from devstack.servers.postgres import PostgresServer
from devstack.servers.server import Server
from devstack.servers.service import ServiceServer
from devstack.servers.traefik import TraefikServer
from devstack.servers.valkey import ValkeyServer
from devstack.settings import StackSettings

DATABASE = "cogep"


@dataclass(frozen=True, slots=True)
class Topology:
    """Every program of one stack."""

    postgres: PostgresServer
    redis: ValkeyServer
    oidc: ServiceServer
    core_api: ServiceServer
    ai_svc: ServiceServer
    worker_svc: ServiceServer
    gateway: TraefikServer
    ai_svc_replicas: tuple[ServiceServer, ...] = ()

    @property
    def foundations(self) -> tuple[Server, ...]:
        """What everything else needs; these need nothing."""
        return (self.postgres, self.redis, self.oidc)

    @property
    def services(self) -> tuple[Server, ...]:
        """What needs a migrated database."""
        assistants = (self.ai_svc, *self.ai_svc_replicas)
        return (self.core_api, *assistants, self.worker_svc, self.gateway)

    def all(self) -> tuple[Server, ...]:
        """In the order they are started."""
        return (*self.foundations, *self.services)


def build_topology(settings: StackSettings, secrets: GeneratedSecrets) -> Topology:
    """Name every program, its port and its environment."""
    ports, logs = settings.ports, settings.logs
    service = _ServiceFactory(settings, secrets)
    return Topology(
        postgres=PostgresServer(
            settings.state / f"postgres-{settings.postgres_major}",
            ports.postgres,
            secrets.passwords,
            major=settings.postgres_major,
            durable=settings.durable,
            log=logs / "postgres.log",
        ),
        redis=ValkeyServer(
            settings.state / "redis",
            ports.redis,
            durable=settings.durable,
            log=logs / "redis.log",
        ),
        oidc=service.oidc(),
        core_api=service.build("core-api", "core_api.main:create_app", ports.core_api),
        ai_svc=service.build("ai-svc", "ai_svc.main:create_app", ports.ai_svc),
        worker_svc=service.build(
            "worker-svc", "worker_svc.main:create_app", ports.worker_svc, yields=True
        ),
        gateway=TraefikServer(
            ports.gateway,
            ports.gateway_operations,
            settings.state,
            logs / "gateway.log",
            variables=gateway_variables(settings),
        ),
        ai_svc_replicas=tuple(
            service.build("ai-svc", "ai_svc.main:create_app", port, replica=number)
            for number, port in enumerate(settings.ai_svc_replicas, start=2)
        ),
    )


def gateway_variables(settings: StackSettings) -> dict[str, str]:
    """What the templates in services/gateway/dynamic read."""
    ports = settings.ports
    named = {
        name: value
        for name, value in settings.environment.items()
        if name.startswith("GATEWAY_") or name in ("RATE_LIMIT_ENABLED", "ENVIRONMENT")
    }
    return {
        "GATEWAY_CORE_API_URLS": f"http://127.0.0.1:{ports.core_api}",
        "GATEWAY_AI_SVC_URLS": ",".join(
            f"http://127.0.0.1:{port}" for port in (ports.ai_svc, *settings.ai_svc_replicas)
        ),
        "GATEWAY_OIDC_URL": f"http://127.0.0.1:{ports.oidc}",
        **named,
    }


class _ServiceFactory:
    """Builds our own programs with the environment they share."""

    def __init__(self, settings: StackSettings, secrets: GeneratedSecrets) -> None:
        self._settings = settings
        self._secrets = secrets
        self._shared = {**settings.environment, **self._decided()}

    def build(
        self, name: str, factory: str, port: int, *, yields: bool = False, replica: int = 1
    ) -> ServiceServer:
        """One of the services; from the second replica on with a number to its name."""
        variables = {**self._shared, "INTERNAL_KEY": self._secrets.internal_keys[name]}
        if name == "core-api":  # nobody else opens sealed fields or signs links
            variables |= self._secrets.sealing()
            variables["DOWNLOAD_LINK_KEY"] = self._secrets.download_link_key()
            variables["LEDGER_SIGNING_KEY"] = self._secrets.ledger_signing_key()
        else:  # who keeps credentials of sources, and who reads with them
            variables["SOURCE_KEYS"] = self._secrets.source_keys()
        called = name if replica == 1 else f"{name}-{replica}"
        log = self._settings.logs / f"{called}.log"
        return ServiceServer(
            called, factory, port, log, variables=_inherited(variables), yields=yields
        )

    def oidc(self) -> ServiceServer:
        """The development OpenID provider; it holds no key to anything else."""
        settings = self._settings
        secret = ("DATABASE_", "REDIS_", "INTERNAL_")
        variables = {n: v for n, v in self._shared.items() if not n.startswith(secret)}
        return ServiceServer(
            "oidc",
            "devstack.oidc.app:create_provider_app",
            settings.ports.oidc,
            settings.logs / "oidc.log",
            variables=_inherited(variables),
            ready_path="/auth/health",
        )

    def _decided(self) -> dict[str, str]:
        settings, ports = self._settings, self._settings.ports
        return {
            "ENVIRONMENT": settings.environment.get("ENVIRONMENT") or "development",
            "COGEP_STATE_DIR": str(settings.state),
            "DATABASE_URL": self._database("cogep_app"),
            "DATABASE_WORKER_URL": self._database("cogep_worker"),
            "REDIS_URL": f"redis://127.0.0.1:{ports.redis}/0",
            "OIDC_ISSUER": settings.issuer,
            "OIDC_AUDIENCE": "cogep-api",
            "OIDC_JWKS_URL": f"http://127.0.0.1:{ports.oidc}/auth/jwks.json",
            "INTERNAL_KEYS_ACCEPTED": self._secrets.accepted_keys(),
            "CORE_API_URL": f"http://127.0.0.1:{ports.core_api}",
            "AI_SVC_URL": f"http://127.0.0.1:{ports.ai_svc}",
            "STORAGE_URL": settings.environment.get("STORAGE_URL")
            or (settings.state / "objects").as_uri(),
            "CORS_ORIGINS": settings.environment.get("CORS_ORIGINS") or settings.gateway_url,
        }

    def _database(self, role: str) -> str:
        return self._secrets.passwords.url(
            role, self._settings.ports.postgres, DATABASE, "postgresql+asyncpg"
        )


def _inherited(variables: Mapping[str, str]) -> dict[str, str]:
    """Python and uvicorn variables are decided where the process is started."""
    return {n: v for n, v in variables.items() if not n.startswith(("PYTHON", "UVICORN", "PG"))}
