"""The gateway: real Traefik, with services/gateway's own files."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from devstack.checkout import SERVICES
from devstack.servers.binaries import traefik_binary
from devstack.servers.server import Server, http_get, http_status

_GATEWAY = SERVICES / "gateway"


class TraefikServer(Server):
    """Traefik with a file provider. `variables` are what the templates in dynamic/ read."""

    def __init__(
        self,
        port: int,
        operations_port: int,
        state: Path,
        log: Path,
        *,
        variables: Mapping[str, str],
        address: str = "127.0.0.1",
    ) -> None:
        super().__init__("gateway", port, log)
        self.operations_port = operations_port
        self.address = address
        self._variables = dict(variables)
        self._static = state / "traefik.yml"

    def prepare(self) -> None:
        """Fill the ports into the static file."""
        template = Template((_GATEWAY / "traefik.yml").read_text())
        self._static.parent.mkdir(parents=True, exist_ok=True)
        self._static.write_text(
            template.substitute(
                web_address=f"{self.address}:{self.port}",
                operations_address=f"127.0.0.1:{self.operations_port}",
                dynamic_directory=_GATEWAY / "dynamic",
            )
        )

    def command(self) -> Sequence[str]:
        """One argument: Traefik takes its static configuration from a single source."""
        return [str(traefik_binary()), f"--configFile={self._static}"]

    def environment(self) -> Mapping[str, str]:
        """TRAEFIK_* of the caller would override the file."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRAEFIK")}
        return kept | self._variables | {"GATEWAY_OPERATIONS_PORT": str(self.operations_port)}

    def answers(self) -> bool:
        """Whether its rules are in force: it answers its ping before it has read them."""
        if http_status(self.operations_port, "/ping") != 200:
            return False
        response = http_get(self.port, "/internal")
        return response is not None and response.getheader("Referrer-Policy") is not None

    def reaches_services(self) -> bool:
        """Whether its health checks found both services: unknown paths are answered with 404."""
        paths = ("/api/nothing-here", "/api/ai/nothing-here")
        return all(http_status(self.port, path) == 404 for path in paths)
