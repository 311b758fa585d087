"""Starts one server of a test run and ends: `python -m devstack.test_server NAME RECORD [MAJOR]`.

The server outlives its starter and belongs to nobody; RECORD says how to reach and how to stop it.
"""

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from devstack.errors import DevstackError
from devstack.ports import free_port
from devstack.prepared_cluster import copy_prepared_cluster
from devstack.servers.valkey import ValkeyServer


def start_postgres(folder: Path, major: int) -> dict[str, Any]:
    """A copy of the prepared cluster, running."""
    server = copy_prepared_cluster(major, folder / "postgres")
    identity = server.start(dies_with_parent=False)
    server.wait_until_ready()
    return {
        "port": server.port,
        "major": major,
        "passwords": asdict(server.passwords),
        "bin": str(server.bin),
        "data": str(server.data),
        "signal": signal.SIGQUIT.value,  # nothing is worth a checkpoint
        **asdict(identity),
    }


def start_valkey(folder: Path) -> dict[str, Any]:
    """An empty Redis-protocol server, running."""
    server = ValkeyServer(folder / "valkey", free_port(), durable=False)
    identity = server.start(dies_with_parent=False)
    server.wait_until_ready()
    return {
        "port": server.port,
        "data": str(server.data),
        "signal": signal.SIGTERM.value,
        **asdict(identity),
    }


def main(name: str, record: Path, *arguments: str) -> int:
    """Start it and write the record."""
    try:
        if name == "postgres":
            started = start_postgres(record.parent, int(arguments[0]))
        else:
            started = start_valkey(record.parent)
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1
    record.touch(mode=0o600)
    record.write_text(json.dumps(started))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
