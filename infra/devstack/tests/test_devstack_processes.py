"""Starting, recognising and stopping processes."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from devstack import processes
from devstack.ports import free_port
from devstack.processes import Identity
from devstack.servers.service import ServiceServer

_AUTOGROUP = Path("/proc/self/autogroup")
_ANSWERING = """
def create_app():
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
    return app
"""


def run_python(code: str, log: Path) -> subprocess.Popen[bytes]:
    return processes.spawn([sys.executable, "-c", textwrap.dedent(code)], log=log)


def test_a_reused_pid_is_not_mistaken_for_the_process(tmp_path: Path) -> None:
    with run_python("import time; time.sleep(30)", tmp_path / "log") as process:
        real = processes.identity_of(process.pid)
        assert real is not None
        assert real.find() is not None
        assert Identity(process.pid, real.started_at - 60).find() is None
        process.kill()


def test_stopping_somebody_elses_pid_harms_nobody(tmp_path: Path) -> None:
    with run_python("import time; time.sleep(30)", tmp_path / "log") as process:
        stale = Identity(process.pid, 1.0)
        assert processes.stop(stale, with_signal=signal.SIGKILL, grace_seconds=1)
        assert process.poll() is None
        process.kill()


def test_a_process_that_ignores_the_signal_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    code = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(60)
    """
    log = tmp_path / "log"
    with run_python(code, log) as process:
        wait_for(log, "deaf")
        identity = processes.identity_of(process.pid)
        assert identity is not None
        by_itself = processes.stop(identity, with_signal=signal.SIGTERM, grace_seconds=0.2)
        process.wait(5)
    assert (by_itself, process.returncode) == (False, -signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parent = f"""
        import pathlib, signal, sys, time
        from devstack import processes
        child = processes.spawn(
            [sys.executable, "-c", "import time; time.sleep(60)"],
            log=pathlib.Path({str(tmp_path / "child")!r}), dies_with_parent=signal.SIGTERM)
        print(child.pid, flush=True)
        time.sleep(60)
    """
    with run_python(parent, log) as process:
        child = processes.identity_of(int(wait_for(log, "\n")))
        assert child is not None
        assert child.find() is not None
        process.kill()
        assert processes.wait_until_gone(child, 5)


def test_ctrl_c_in_the_terminal_does_not_reach_the_children(tmp_path: Path) -> None:
    with run_python("import time; time.sleep(30)", tmp_path / "log") as process:
        assert os.getpgid(process.pid) != os.getpgid(0)
        process.kill()


def test_no_file_of_ours_leaks_into_a_child(tmp_path: Path) -> None:
    with (
        (tmp_path / "secret").open("w"),
        run_python("import time; time.sleep(30)", tmp_path / "log") as process,
    ):
        inherited = {Path(file.path).name for file in psutil.Process(process.pid).open_files()}
        process.kill()
    assert "secret" not in inherited


def _answering(folder: Path, *, yields: bool = False) -> ServiceServer:
    (folder / "answering.py").write_text(_ANSWERING)
    return ServiceServer(
        "answering",
        "answering:create_app",
        free_port(),
        folder / "log",
        variables={"PYTHONPATH": str(folder)},
        yields=yields,
    )


def test_what_was_killed_is_not_explained_by_its_last_words(tmp_path: Path) -> None:
    service = _answering(tmp_path)
    identity = service.start()
    service.wait_until_ready()
    assert service.process is not None

    os.kill(identity.pid, signal.SIGKILL)
    service.process.wait(10)  # its last thread, too

    assert service.explain("ended") == f"answering ended: killed by SIGKILL (see {tmp_path}/log)"


@pytest.mark.skipif(not _AUTOGROUP.exists(), reason="the kernel does not group by session")
@pytest.mark.parametrize(("yields", "nice"), [(True, 10), (False, 0)])
def test_a_service_nobody_waits_for_yields_to_other_sessions(
    tmp_path: Path, *, yields: bool, nice: int
) -> None:
    service = _answering(tmp_path, yields=yields)
    identity = service.start()
    try:
        service.wait_until_ready()
        group = Path(f"/proc/{identity.pid}/autogroup").read_text()
        assert group.split()[-2:] == ["nice", str(nice)]
        assert psutil.Process(identity.pid).nice() - os.nice(0) == nice
    finally:
        service.stop()


def wait_for(log: Path, text: str) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if log.exists() and text in log.read_text():
            return log.read_text()
        time.sleep(0.01)
    raise AssertionError(f"{text!r} never appeared")
