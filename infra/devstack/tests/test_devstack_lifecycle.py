"""The whole stack as a person starts and stops it, with the real `cogep` program."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from devstack.ports import free_port, is_free
from devstack.processes import Identity, wait_until_gone
from devstack.progress import Progress
from devstack.state import RunningServer, StackState, StateFile
from devstack.supervisor import stop_leftovers

_PORTS = [
    "GATEWAY",
    "GATEWAY_OPERATIONS",
    "CORE_API",
    "AI_SVC",
    "WORKER_SVC",
    "OIDC",
    "POSTGRES",
    "REDIS",
]


@dataclass
class Checkout:
    """A state folder and ports of its own, and everything that ever ran in it."""

    state: Path
    ports: dict[str, int] = field(default_factory=dict)
    seen: set[Identity] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        ports = {f"COGEP_{name}_PORT": str(port) for name, port in self.ports.items()}
        return {**os.environ, **ports, "COGEP_STATE_DIR": str(self.state)}

    def cogep(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "devstack", *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        self.remember()
        return done

    def start(self) -> None:
        """Everything up, in the background."""
        started = self.cogep("up", "--detach", "--no-seed")
        assert started.returncode == 0, started.stdout + started.stderr

    def remember(self) -> StackState:
        """What runs now."""
        state = StateFile(self.state).read()
        self.seen |= {server.identity for server in state.servers}
        return state

    def server(self, name: str) -> RunningServer:
        return next(server for server in self.remember().servers if server.name == name)

    def is_silent(self) -> bool:
        """Whether nothing of it runs and nobody listens."""
        gone = all(wait_until_gone(identity, 10) for identity in self.seen)
        return gone and all(is_free(port) for port in self.ports.values())


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path / "state", {name: free_port() for name in _PORTS})
    yield made
    made.cogep("down")
    made.cogep("remove")


@pytest.mark.stack
def test_a_detached_stack_is_healthy_until_it_is_stopped(checkout: Checkout) -> None:
    started = checkout.cogep("up", "--detach", "--no-seed")
    assert started.returncode == 0, started.stdout + started.stderr
    assert re.search(r"✓ gateway on port \d+ +\d+\.\d s", started.stdout)
    assert checkout.cogep("status").returncode == 0

    another_terminal = {f"COGEP_{name}_PORT": "" for name in _PORTS}
    url = f"http://localhost:{checkout.ports['GATEWAY']}"
    again = checkout.cogep("up", "--detach", "--no-seed", **another_terminal)
    assert (again.returncode, f"already running at {url}" in again.stdout) == (0, True)
    for arguments in (["status"], ["token", "ana"], ["events", "dead"], ["migrate"]):
        done = checkout.cogep(*arguments, **another_terminal)
        assert done.returncode == 0, done.stdout + done.stderr

    assert checkout.cogep("down", **another_terminal).returncode == 0
    assert checkout.is_silent()
    assert checkout.cogep("status").returncode == 1


@pytest.mark.stack
def test_a_killed_supervisor_takes_nothing_along_that_the_next_start_needs(
    checkout: Checkout,
) -> None:
    checkout.start()
    before = checkout.remember()
    assert before.supervisor is not None
    os.kill(before.supervisor.pid, signal.SIGKILL)

    checkout.start()
    old = {server.identity for server in before.servers}
    assert all(identity.find() is None for identity in old)
    assert checkout.cogep("status").returncode == 0


@pytest.mark.stack
def test_ctrl_c_stops_everything_in_reverse_order(checkout: Checkout) -> None:
    command = [sys.executable, "-m", "devstack", "up", "--no-seed"]
    with subprocess.Popen(
        command, env=checkout.environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        output = []
        for line in process.stdout:
            output.append(line)
            if "ready after" in line:
                checkout.remember()
                os.killpg(process.pid, signal.SIGINT)
        code = process.wait(60)
    stopped = re.findall(r"✓ (\S+) stopped", "".join(output))
    assert code == 0
    assert stopped == ["gateway", "worker-svc", "ai-svc", "core-api", "oidc", "redis", "postgres"]
    assert checkout.is_silent()


@pytest.mark.stack
def test_a_service_that_dies_is_started_again(checkout: Checkout) -> None:
    checkout.start()
    first = checkout.server("worker-svc")
    os.kill(first.identity.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and checkout.server("worker-svc").restarts == 0:
        time.sleep(0.1)
    assert checkout.server("worker-svc").restarts == 1
    assert "worker-svc ended" in (checkout.state / "logs" / "supervisor.log").read_text()


@pytest.mark.stack
def test_a_service_that_cannot_start_is_one_clear_line_and_nothing_stays(
    checkout: Checkout,
) -> None:
    failed = checkout.cogep("up", "--no-seed", LLM_PROVIDER="nonsense")
    assert failed.returncode == 1
    assert re.fullmatch(r"cogep: ai-svc did not start: .*LLM_PROVIDER.*\n", failed.stderr)
    assert "Traceback" not in failed.stdout
    assert checkout.is_silent()


def test_a_busy_port_is_one_clear_line_and_nothing_is_started(checkout: Checkout) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", checkout.ports["AI_SVC"]))
        holder.listen()
        refused = checkout.cogep("up", "--no-seed")
    assert refused.returncode == 1
    port = checkout.ports["AI_SVC"]
    assert re.fullmatch(rf"cogep: Port {port} \(ai-svc\) is in use by .*\n", refused.stderr)
    assert checkout.seen == set()


def test_leftovers_are_stopped_and_strangers_are_not(tmp_path: Path) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(sleep) as ours, subprocess.Popen(sleep) as stranger:
        known = Identity(ours.pid, psutil.Process(ours.pid).create_time())
        reused = Identity(stranger.pid, known.started_at - 100)
        servers = [
            RunningServer("redis", 1, known, signal.SIGTERM),
            RunningServer("oidc", 2, reused, signal.SIGTERM),
        ]
        file = StateFile(tmp_path)
        file.write(StackState(None, True, servers))
        stopped = stop_leftovers(file, Progress())
        with suppress(subprocess.TimeoutExpired):
            ours.wait(5)
        codes = (ours.poll(), stranger.poll())
        stranger.kill()
    assert (stopped, codes) == (1, (-signal.SIGTERM, None))
    assert not (tmp_path / "state.json").exists()


def test_nothing_running_is_said_and_is_no_error(checkout: Checkout) -> None:
    done = checkout.cogep("down")
    assert (done.returncode, "nothing was running" in done.stdout) == (0, True)


def test_an_unwritable_folder_is_one_clear_line(checkout: Checkout) -> None:
    checkout.state.parent.mkdir(exist_ok=True)
    checkout.state.write_text("a file where the folder should be")
    failed = checkout.cogep("up", "--no-seed")
    checkout.state.unlink()
    assert failed.returncode == 1
    assert re.fullmatch(r"cogep: Cannot write to .*\n", failed.stderr)
