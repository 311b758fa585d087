"""What `cogep` says: about the stack of another terminal, about dead letters, and when it fails."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from redis import Redis

from devstack.cli import running_settings
from devstack.ports import free_port
from devstack.processes import Identity, identity_of
from devstack.servers.valkey import ValkeyServer
from devstack.settings import Ports
from devstack.state import StackState, StateFile

_CAUSE = "ValidationError: [/] " + "a cause longer than any terminal is wide " * 4 + "end"
_ORGANIZATION = "0b8f4f8e-1c1f-4c7b-9f0d-6f1f6f2d7a11"


def cogep(
    state: Path, *arguments: str, stdout: int | IO[bytes] = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the program in a terminal of 80 columns that has no port set."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith("COGEP_")}
    return subprocess.run(
        [sys.executable, "-m", "devstack", *arguments],
        env=kept | {"COGEP_STATE_DIR": str(state), "COLUMNS": "80"} | environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_line(failed: subprocess.CompletedProcess[str], message: str) -> None:
    assert failed.returncode == 1, failed
    assert re.fullmatch(rf"cogep: [^\n]*{message}[^\n]*\n", failed.stderr), failed.stderr


@pytest.fixture
def ports() -> Ports:
    """Where a stack started from another terminal listens."""
    return Ports(*(free_port() for _ in range(8)))


@pytest.fixture
def state(tmp_path: Path, ports: Ports) -> Path:
    """The folder of a stack that runs, supervised by this very process."""
    running = StackState(identity_of(os.getpid()), ready=True, ports=ports, postgres_major=16)
    StateFile(tmp_path).write(running)
    return tmp_path


@pytest.fixture
def redis(tmp_path: Path, ports: Ports) -> Iterator[Redis]:
    """Its Redis."""
    server = ValkeyServer(tmp_path / "redis", ports.redis, durable=False, log=tmp_path / "log")
    server.start()
    try:
        server.wait_until_ready()
        with Redis(port=ports.redis) as client:
            yield client
    finally:
        server.stop(immediate=True)


def bury(redis: Redis) -> str:
    envelope = f'{{"event_type":"client.created","organization_id":"{_ORGANIZATION}"}}'
    died_at = "2026-11-21T03:00:00+00:00"
    fields = {"envelope": envelope, "cause": _CAUSE, "attempts": "5", "died_at": died_at}
    added = redis.xadd("events:dead:core-api", fields)  # type: ignore[arg-type]  # dict is invariant
    assert isinstance(added, bytes)
    return added.decode()


def test_the_running_stack_decides_the_ports(
    state: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COGEP_STATE_DIR", str(state))
    monkeypatch.setenv("COGEP_PORT_OFFSET", "1")
    settings = running_settings()
    assert (settings.ports, settings.postgres_major) == (ports, 16)


def test_a_stack_that_is_gone_decides_nothing(
    state: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COGEP_STATE_DIR", str(state))
    StateFile(state).write(StackState(Identity(os.getpid(), 1.0), ready=True, ports=ports))
    assert running_settings().ports != ports


def test_a_second_start_says_where_it_really_runs(state: Path, ports: Ports) -> None:
    with StateFile(state).held():
        again = cogep(state, "up", "--no-seed")
    assert again.returncode == 0, again.stderr
    assert f"already running at http://localhost:{ports.gateway}." in again.stdout


def test_a_token_is_asked_where_it_really_runs(state: Path, ports: Ports) -> None:
    assert_one_line(cogep(state, "token", "ana"), f"localhost:{ports.gateway}/")


def test_dead_letters_are_shown_whole(state: Path, redis: Redis) -> None:
    letter_id = bury(redis)
    shown = cogep(state, "events", "dead")
    assert shown.returncode == 0, shown.stderr
    assert all(whole in shown.stdout for whole in (letter_id, _ORGANIZATION, _CAUSE))


def test_an_id_named_twice_is_given_back_once(state: Path, redis: Redis) -> None:
    letter_id = bury(redis)
    given = cogep(state, "events", "redrive", "core-api", letter_id, letter_id)
    assert (given.returncode, given.stdout) == (0, "1 given back to core-api.\n")
    assert redis.xlen("events:redrive:core-api") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("events", "dead"), "Redis does not answer on port"),
        (("events", "redrive", "core-api"), "Redis does not answer on port"),
        (("events", "redrive", "core-api", "xx"), "'xx' is not the id of a dead letter"),
        (("events", "redrive", "xx"), "'xx'; there are: core-api, ai-svc, worker-svc"),
        (("events", "dead", "xx"), "'xx'; there are: core-api, ai-svc, worker-svc"),
        (("logs", "-n", "-4"), "--lines must be 0 or more, not -4"),
    ],
)
def test_what_fails_is_one_clear_line(
    state: Path, arguments: tuple[str, ...], message: str
) -> None:
    (state / "logs").mkdir()
    (state / "logs" / "oidc.log").write_text("a line\n")
    assert_one_line(cogep(state, *arguments), message)


def test_what_redis_refuses_is_one_clear_line(state: Path, redis: Redis) -> None:
    redis.set("events:dead:core-api", "not a stream")
    assert_one_line(cogep(state, "events", "dead"), "refused: WRONGTYPE")


@pytest.mark.parametrize("lines", [1, 10_000])
def test_a_closed_output_is_one_clear_line(state: Path, lines: int) -> None:
    _write_log(state, lines)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        assert_one_line(cogep(state, "logs", "-n", str(lines), stdout=closed), "output was closed")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device always full")
@pytest.mark.parametrize("lines", [1, 10_000])
def test_a_full_output_is_one_clear_line(state: Path, lines: int) -> None:
    _write_log(state, lines)
    with Path("/dev/full").open("wb") as full:
        failed = cogep(state, "logs", "-n", str(lines), stdout=full)
    assert_one_line(failed, "No space left on device")


def _write_log(state: Path, lines: int) -> None:
    (state / "logs").mkdir()
    (state / "logs" / "oidc.log").write_text("a line\n" * lines)
