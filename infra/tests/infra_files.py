"""The files of infra/ as the tests read them, and a small server to stand in for others."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

INFRA = Path(__file__).parents[1]
ROOT = INFRA.parent
SERVICES = ("core-api", "ai-svc", "worker-svc")
COMPOSE_FILES = sorted(INFRA.glob("docker-compose*.yml"))

VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?::(?P<kind>[?-])(?P<rest>[^}]*))?\})")


def read_yaml(path: Path) -> Any:
    """One YAML document, anchors and merges resolved."""
    return yaml.safe_load(path.read_text("utf-8"))


def complaints(tool: str, *arguments: str | Path) -> str:
    """What a tool of the environment says of the files; nothing when it is content."""
    program = Path(sys.executable).with_name(tool)
    done = subprocess.run(
        [program, *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr or f"exit {done.returncode}"


def schema_complaints(schema: str, *files: str | Path) -> str:
    """What of the files does not follow a schema that check-jsonschema brings along."""
    return complaints("check-jsonschema", "--builtin-schema", schema, *files)


def compose(name: str) -> dict[str, Any]:
    """A compose file, not interpolated."""
    return dict(read_yaml(INFRA / name))


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Compose's own substitution: ${NAME}, ${NAME:-default}, ${NAME:?message} and $$."""

    def value(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        given = variables.get(match["name"], "")
        if not given and match["kind"] == "?":
            raise KeyError(match["name"])
        return given or (match["rest"] if match["kind"] == "-" else "") or ""

    return VARIABLE.sub(value, text)


def production_environment(service: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What the container of a service is told."""
    environment = compose("docker-compose.prod.yml")["services"][service]["environment"]
    return {name: interpolate(str(value), variables) for name, value in environment.items()}


def example_environment() -> dict[str, str]:
    """The variables of .env.example."""
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """Answer requests on a free port of the loopback interface; yields the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
