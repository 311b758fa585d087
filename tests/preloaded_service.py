"""A service whose processes are forked from one that has imported it: killed, it is back at once.

Run as a program (`ServiceServer`'s arguments of uvicorn) it imports the application's module; then
each line it reads forks a process that runs uvicorn, as the service is always run, and is answered
with its pid. When nobody writes to it any more it ends, and the process with it.
"""

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from devstack import processes
from devstack.servers.service import ServiceServer

_GONE_WITHIN = 10.0


class PreloadedService:
    """Stands in for a `ServiceServer` that was stopped: same port, environment and log."""

    def __init__(self, server: ServiceServer) -> None:
        command = list(server.command())
        self._server = server
        self._child: processes.Identity | None = None
        with server.log.open("ab") as log:
            self._parent = subprocess.Popen(
                [sys.executable, __file__, *command[command.index("uvicorn") + 1 :]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(server.environment()),
                cwd="/",
                text=True,
            )

    def start(self) -> None:
        """A new process, which answers already."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write("start\n")
        self._parent.stdin.flush()
        self._child = processes.identity_of(int(self._parent.stdout.readline()))
        self._server.wait_until_ready()

    def kill(self) -> None:
        """As the kernel does when memory runs out: nothing of it is asked or told."""
        assert self._child is not None
        os.kill(self._child.pid, signal.SIGKILL)
        assert processes.wait_until_gone(self._child, _GONE_WITHIN)

    def end(self) -> None:
        """It and what it was forked from."""
        self._parent.communicate(timeout=_GONE_WITHIN)


def _preload(arguments: Sequence[str]) -> None:
    from uvicorn.main import main

    (factory,) = (each for each in arguments if ":" in each and not each.startswith("-"))
    importlib.import_module(factory.partition(":")[0])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for who was killed
    child = 0
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            with Path(os.devnull).open() as nothing:
                os.dup2(nothing.fileno(), 0)
            os.dup2(2, 1)
            main(arguments)
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    if child:
        os.kill(child, signal.SIGTERM)


if __name__ == "__main__":
    _preload(sys.argv[1:])
