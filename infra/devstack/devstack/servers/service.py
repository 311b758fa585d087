"""Our own programs: ASGI applications under uvicorn, as their containers run them."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from devstack.servers.server import Server, http_status

YIELDING = (
    "sh",
    "-c",
    '{ echo 10 > /proc/self/autogroup; } 2>/dev/null; exec nice -n 10 "$@"',
    "yielding",
)
"""Before the command of a program that nobody waits for: who does wait comes first.

Linux weighs whole sessions against each other (sched(7), "The autogroup feature") and every program
here has one of its own: among them only the autogroup's nice value counts.
"""

# They would change how a program starts or where its bytecode goes; a first start without cached
# bytecode takes seconds longer.
_NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "UVICORN_PORT")


class ServiceServer(Server):
    """One uvicorn process of an application factory."""

    def __init__(
        self,
        name: str,
        factory: str,
        port: int,
        log: Path,
        *,
        variables: Mapping[str, str],
        ready_path: str = "/health/ready",
        yields: bool = False,
    ) -> None:
        super().__init__(name, port, log)
        self._yields = yields
        self._factory = factory
        self.variables = dict(variables)
        self._ready_path = ready_path

    def command(self) -> Sequence[str]:
        """The production command with a loopback address."""
        return [
            *(YIELDING if self._yields else ()),
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            self._factory,
            "--host=127.0.0.1",
            f"--port={self.port}",
            "--lifespan=on",  # a failing start ends the process; "auto" would serve without it
            "--no-access-log",
            "--no-server-header",
            "--timeout-keep-alive=30",
            "--timeout-graceful-shutdown=10",
        ]

    def environment(self) -> Mapping[str, str]:
        """The caller's environment, then what this stack decides."""
        kept = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        return kept | {"PYTHONUNBUFFERED": "1", "FORWARDED_ALLOW_IPS": "127.0.0.1"} | self.variables

    def answers(self) -> bool:
        """Its readiness: database, Redis and migrations included."""
        return http_status(self.port, self._ready_path) == 200
