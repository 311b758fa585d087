"""Where everything listens, and whether the place is free."""

import fcntl
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Final

import psutil

from devstack.errors import PortBusy

# Below the ports that systems give to outgoing connections (Linux from 32768 on, macOS from 49152).
_FOR_TESTS: Final = range(20_000, 32_000)


def free_port() -> int:
    """A port for a test's server: nobody uses it now, and nobody else is given it while this
    process lives, whose server may take its time to listen."""
    while True:
        port = _FOR_TESTS.start + secrets.randbelow(len(_FOR_TESTS))
        if is_free(port) and _is_reserved(port):
            return port


def _is_reserved(port: int) -> bool:
    """Whether it is ours from now on, among all test runs of this user on this machine."""
    folder = Path(tempfile.gettempdir()) / f"cogep-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    claim = os.open(folder / str(port), os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        return False
    return True  # open until this process ends, and the lock with it


def is_free(port: int) -> bool:
    """Whether a server could listen on the port of the loopback interface."""
    # A bind alone does not tell: macOS allows a second, more specific listener, and whoever listens
    # on [::1] only would get what browsers send to localhost.
    if _answers(socket.AF_INET, "127.0.0.1", port) or _answers(socket.AF_INET6, "::1", port):
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(port: int, what: str) -> None:
    """Refuse in one line when somebody else listens there."""
    if not is_free(port):
        raise PortBusy(
            f"Port {port} ({what}) is in use by {_holder(port)}. "
            "Free it, or run beside it with COGEP_PORT_OFFSET=100."
        )


def _answers(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family) as caller:
            return caller.connect_ex((address, port)) == 0
    except OSError:  # no IPv6 on this machine
        return False


def _holder(port: int) -> str:
    """Who listens, as far as the system lets us know."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            address = connection.laddr
            listens = connection.status == psutil.CONN_LISTEN and address[1:] == (port,)
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another program"
